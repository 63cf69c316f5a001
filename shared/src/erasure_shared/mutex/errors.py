"""What can go wrong with a mutex, and what it asks of the caller.

    MutexError
    ├── LockNotAcquired      others held it until max_timeout: try later
    ├── LockLost             the lease ended or somebody took the lock: do not commit
    ├── MutexUnavailable     DynamoDB did not answer usefully until max_timeout: try later
    │   ├── MutexThrottled
    │   ├── MutexCallTimedOut
    │   ├── MutexUnreachable
    │   └── MutexServiceFailed
    └── MutexMisconfigured   trying again will not help: the message says what to fix
        ├── MutexTableMissing
        ├── MutexKeySchemaMismatch
        ├── MutexAccessDenied
        ├── MutexItemNotALock
        └── MutexRequestInvalid

Messages never contain a lock's key or attributes: both may name a person.
"""

from __future__ import annotations


class MutexError(Exception):
    """Anything that a mutex raises; the first words of each message are its class's docstring."""

    def __init__(self, detail: str = "") -> None:
        text = " ".join((type(self).__doc__ or "").split())
        super().__init__(f"{text} ({detail})" if detail else text)


class LockNotAcquired(MutexError):
    """Another client held the lock until max_timeout; try later."""


class LockLost(MutexError):
    """The lock is not (or no longer) held: do not commit what was done under it."""


class MutexUnavailable(MutexError):
    """DynamoDB gave no usable answer; the cause is attached. Try later."""


class MutexThrottled(MutexUnavailable):
    """DynamoDB throttles requests on the mutex table."""


class MutexCallTimedOut(MutexUnavailable):
    """A call of DynamoDB timed out."""


class MutexUnreachable(MutexUnavailable):
    """DynamoDB cannot be reached."""


class MutexServiceFailed(MutexUnavailable):
    """DynamoDB failed inside."""


class MutexMisconfigured(MutexError):
    """The mutex can never work as it is set up."""


class MutexTableMissing(MutexMisconfigured):
    """The mutex table does not exist; create it, or correct `table_name` or the region."""


class MutexKeySchemaMismatch(MutexMisconfigured):
    """The table's key is not made of strings named `pk_name` and `sk_name`; correct these names.

    For a table without a sort key pass `sk_name=""`.
    """


class MutexAccessDenied(MutexMisconfigured):
    """The caller may not use the mutex table.

    Allow dynamodb:GetItem, PutItem, UpdateItem and DeleteItem (Scan for `locks`) on it, and check
    that the credentials are there and have not expired.
    """


class MutexItemNotALock(MutexMisconfigured):
    """The item at this key is not a lock; it was left untouched. Use another table or key."""


class MutexRequestInvalid(MutexMisconfigured):
    """DynamoDB does not accept the request."""
