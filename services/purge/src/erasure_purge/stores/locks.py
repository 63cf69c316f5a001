"""The mutex on an object's address."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from erasure_shared.errors import RetryLater
from erasure_shared.locations import Location
from erasure_shared.mutex import (
    Lock,
    LockLost,
    MutexClient,
    MutexError,
    MutexKey,
)
from erasure_shared.observability import logger, reason_of

LOCK_NOT_ACQUIRED = "LOCK_NOT_ACQUIRED"
_LONGEST_WAIT_S = 20.0
_SHARE_FOR_WAITING = 0.25
_AFTER_THE_END_S = 5.0
"""The time left has a reserve, and the runtime may kill a function a little after its time."""


class MutexLocks:
    """Locks for one worker; the request that has a lock is written beside it."""

    def __init__(self, mutex: MutexClient) -> None:
        self._mutex = mutex

    @contextmanager
    def hold(self, location: Location, time_left_s: float) -> Iterator[HeldLock]:
        """Hold the lock for the block; without renewal, because a frozen function renews nothing.

        The lease outlives the invocation, so a lock is never lost to another worker before its
        holder is dead.
        """
        key = MutexKey(location.address)
        lock = self._mutex.acquire_lock(
            key,
            lease_duration=max(1.0, time_left_s + _AFTER_THE_END_S),
            max_timeout=max(0.0, min(_LONGEST_WAIT_S, time_left_s * _SHARE_FOR_WAITING)),
            attributes={"request_id": location.request_id, "location_id": location.location_id},
        )
        if lock is None:
            raise self._not_acquired(key)
        try:
            yield HeldLock(lock)
        finally:
            self._release(lock)

    def _release(self, lock: Lock) -> None:
        """A release that fails costs others the rest of the lease, not this one its success."""
        try:
            self._mutex.release_lock(lock)
        except MutexError as error:
            logger.warning("a lock could not be released", reason=reason_of(error))

    def _not_acquired(self, key: MutexKey) -> RetryLater:
        try:
            info = self._mutex.lock_info(key)
        except MutexError:
            info = None
        holder = info.attributes.get("request_id") if info else None
        return RetryLater(
            "another worker is rewriting this object",
            held_by_request=holder or "unknown",
            reason_code=LOCK_NOT_ACQUIRED,
        )


class HeldLock:
    """A lock that was acquired."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock

    def ensure_held(self) -> None:
        """Raises RetryLater if it is not held any more."""
        try:
            self._lock.ensure_held()
        except LockLost:
            raise RetryLater("the lock was lost", reason_code="LOCK_LOST") from None
