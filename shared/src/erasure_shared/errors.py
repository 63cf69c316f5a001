"""What an error means for the message that met it.

    ErasureError
    ├── RetryLater       back to the queue: the same message can succeed later
    │   └── OutOfTime    the invocation ends before the next step could
    └── Rejected         parked at once: repeating cannot help, a person decides
        └── Corrupted    what was written is not what was planned: a person is paged

The first line of a class's docstring is its message. Details are references and field names,
never values: error texts reach logs, the error table and people.
"""

from __future__ import annotations


class ErasureError(Exception):
    """The erasure could not be carried out."""

    reason_code: str = "ERASURE_ERROR"

    def __init__(self, reason: str | None = None, /, **references: object) -> None:
        self.references = references
        self.reason = reason or (type(self).__doc__ or "").splitlines()[0].rstrip(".")
        if "reason_code" in references:
            self.reason_code = str(references.pop("reason_code"))
        super().__init__(self.describe())

    def describe(self) -> str:
        """The reason with its references, fit for a log line or an operator's screen."""
        details = ", ".join(f"{name}={value}" for name, value in self.references.items())
        return f"{self.reason} ({details})" if details else self.reason


class RetryLater(ErasureError):
    """This cannot succeed now; the message goes back to the queue."""

    reason_code = "RETRY_LATER"


class OutOfTime(RetryLater):
    """The invocation would end before the next step could."""

    reason_code = "OUT_OF_TIME"


class Rejected(ErasureError):
    """Repeating cannot help; a person has to decide."""

    reason_code = "REJECTED"


class Corrupted(Rejected):
    """What was written is not what was planned; nothing further was touched."""

    reason_code = "CORRUPTED"
