"""A distributed mutex on DynamoDB that needs nothing but boto3.

    mutex = MutexClient(table_name="locks")
    with LockContext(mutex, MutexKey("s3://bucket/key")) as lock:
        ...  # read
        lock.ensure_held()
        ...  # commit, under the condition that nothing changed since the read

`core` holds the rules and says what they rest on; shared/README.md shows how to use it.
"""

from erasure_shared.mutex.client import LockContext, MutexClient
from erasure_shared.mutex.errors import (
    LockLost,
    LockNotAcquired,
    MutexAccessDenied,
    MutexCallTimedOut,
    MutexError,
    MutexItemNotALock,
    MutexKeySchemaMismatch,
    MutexMisconfigured,
    MutexRequestInvalid,
    MutexServiceFailed,
    MutexTableMissing,
    MutexThrottled,
    MutexUnavailable,
    MutexUnreachable,
)
from erasure_shared.mutex.lock import Lock, LockInfo, MutexKey
from erasure_shared.mutex.values import Metric, ReleaseOutcome

__all__ = [
    "Lock",
    "LockContext",
    "LockInfo",
    "LockLost",
    "LockNotAcquired",
    "Metric",
    "MutexAccessDenied",
    "MutexCallTimedOut",
    "MutexClient",
    "MutexError",
    "MutexItemNotALock",
    "MutexKey",
    "MutexKeySchemaMismatch",
    "MutexMisconfigured",
    "MutexRequestInvalid",
    "MutexServiceFailed",
    "MutexTableMissing",
    "MutexThrottled",
    "MutexUnavailable",
    "MutexUnreachable",
    "ReleaseOutcome",
]
