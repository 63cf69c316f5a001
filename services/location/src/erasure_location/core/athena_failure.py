"""Why a query of Athena failed, and what that means for the search.

    TRANSIENT    throttled, cancelled, out of resources, an object replaced while it was read
    UNREADABLE   one object cannot be read: the search is repeated without it
    PERMANENT    the table, the column or the configuration is wrong: a person decides

Athena's reason begins with a code ("HIVE_BAD_DATA: …") and may quote values, so only the code
is passed on. https://docs.aws.amazon.com/athena/latest/ug/troubleshooting-athena.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

_USER_ERROR = 2  # AthenaError.ErrorCategory: 1 system, 2 user, 3 other
_MAX_CANDIDATES = 40

_UNREADABLE = {
    "HIVE_BAD_DATA",
    "HIVE_CANNOT_OPEN_SPLIT",
    "HIVE_CURSOR_ERROR",
    "HIVE_FILESYSTEM_ERROR",
    "HIVE_INVALID_FILE",
    "HIVE_UNKNOWN_ERROR",
}
_PERMANENT = {
    "CATALOG_NOT_FOUND",
    "COLUMN_NOT_FOUND",
    "COLUMN_TYPE_UNKNOWN",
    "CONSTRAINT_VIOLATION",
    "FUNCTION_NOT_FOUND",
    "HIVE_INVALID_METADATA",
    "HIVE_INVALID_PARTITION_VALUE",
    "HIVE_PARTITION_SCHEMA_MISMATCH",
    "HIVE_UNSUPPORTED_FORMAT",
    "INVALID_CAST_ARGUMENT",
    "INVALID_PARAMETER_USAGE",
    "INVALID_TABLE_PROPERTY",
    "MISSING_COLUMN_NAME",
    "NOT_SUPPORTED",
    "PERMISSION_DENIED",
    "SCHEMA_NOT_FOUND",
    "SYNTAX_ERROR",
    "TABLE_NOT_FOUND",
    "TYPE_MISMATCH",
}
_PASSING = re.compile(
    r"slow ?down|rate exceeded|throttl|too ?many ?requests|timed? ?out|connection reset"
    r"|nosuchkey|specified key does not exist|pre-?conditions? (?:failed|you specified)"
    r"|internal ?error|service ?unavailable|status code: (?:404|412|429|5\d\d)",
    re.IGNORECASE,
)


class Verdict(Enum):
    """What the failure means for the search."""

    TRANSIENT = auto()
    UNREADABLE = auto()
    PERMANENT = auto()


@dataclass(frozen=True)
class Failure:
    """A failed query; `candidates` are readings of the object that the reason names."""

    verdict: Verdict
    code: str
    candidates: tuple[str, ...] = field(default=(), repr=False)


def judge(reason: str, category: int | None = None, *, retryable: bool = False) -> Failure:
    """What a query's state-change reason and error category mean."""
    match = re.match(r"\s*([A-Z][A-Z0-9_]{3,80})\b", reason)
    code = match[1] if match else "FAILED"
    if code in _PERMANENT:
        return Failure(Verdict.PERMANENT, code)
    if code in _UNREADABLE and not _PASSING.search(_without_objects(reason)):
        if candidates := tuple(_objects_named(reason)):
            return Failure(Verdict.UNREADABLE, code, candidates)
        return Failure(Verdict.PERMANENT, code)
    if category == _USER_ERROR and not retryable and not _PASSING.search(reason):
        return Failure(Verdict.PERMANENT, code)
    return Failure(Verdict.TRANSIENT, code)


def _objects_named(reason: str) -> Iterator[str]:
    """Where the object's name ends is not marked, and a key may hold blanks: longest first.

    Which reading is meant shows when one looks which object exists.
    """
    start = reason.find("s3://")
    if start < 0:
        return
    words = reason[start:].split(" ")
    seen: set[str] = set()
    for count in range(min(len(words), _MAX_CANDIDATES), 0, -1):
        text = " ".join(words[:count]).split("\n")[0]
        for candidate in (text, text.rstrip(".,;:)]'\"")):
            if candidate not in seen and re.fullmatch(r"s3://[^/]+/.+", candidate):
                seen.add(candidate)
                yield candidate


def _without_objects(reason: str) -> str:
    """The reason without the first word of each object's name, whose key may say anything."""
    return re.sub(r"s3://\S+", "", reason)
