"""A lock that was acquired: what its holder may ask, and the key it was asked by."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from erasure_shared.mutex.core import Hold, HoldState
from erasure_shared.mutex.errors import LockLost
from erasure_shared.mutex.store import NO_SORT_KEY, AttributeValue, LockItem, StoredLock
from erasure_shared.mutex.surroundings import Surroundings
from erasure_shared.mutex.values import (
    Failed,
    Instant,
    Looked,
    Metric,
    ReleaseOutcome,
    WriteReply,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, repr=False)
class MutexKey:
    """Names the lock. In a table with a sort key, none is stored as "-", and "-" means none."""

    partition_key: str
    sort_key: str | None = None

    def __post_init__(self) -> None:
        if not self.partition_key or self.sort_key == "":
            raise ValueError("the parts of a mutex key are not empty")
        if self.sort_key == NO_SORT_KEY:
            object.__setattr__(self, "sort_key", None)

    def __repr__(self) -> str:
        """A stable reference: the key itself may name a person."""
        text = f"{self.partition_key}\0{self.sort_key or ''}"
        return f"MutexKey(#{hashlib.sha256(text.encode()).hexdigest()[:12]})"


@dataclass(frozen=True, slots=True)
class LockInfo:
    """Who holds a lock, and since when; times are those of the holder's wall clock."""

    key: MutexKey
    client_name: str
    rvn: str
    started_at: datetime
    lease_s: float
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)

    @property
    def expires_at(self) -> datetime:
        """When the lease ends, if it is not renewed."""
        return self.started_at + timedelta(seconds=self.lease_s)


def lock_info(stored: StoredLock) -> LockInfo:
    """The operator's view of an item."""
    return LockInfo(
        key=MutexKey(stored.partition_key, stored.sort_key),
        client_name=stored.client_name,
        rvn=stored.lease.rvn,
        started_at=datetime.fromtimestamp(stored.lease.started_s, UTC),
        lease_s=stored.lease.duration_s,
        attributes=stored.attributes,
    )


class Lock:
    """A lock held by this process, for as long as `is_held()` says so.

    Thread-safe. In a forked child it is not held: two processes cannot share one lock.
    """

    def __init__(
        self,
        key: MutexKey,
        hold: Hold,
        item: LockItem,
        surroundings: Surroundings,
        report: Callable[[Metric, float], None],
    ) -> None:
        self.key = key
        self._hold = hold
        self._item = item
        self._surroundings = surroundings
        self._report = report
        self._state_lock = threading.Lock()  # never held during a call of DynamoDB
        self._lost_reported = False
        self._owner_pid = os.getpid()
        self._owner_thread = threading.current_thread()

    def __repr__(self) -> str:
        return f"<Lock {self.key!r} {self._hold.state.name.lower()}>"

    @property
    def attributes(self) -> Mapping[str, AttributeValue]:
        """What was stored with the lock."""
        return self._item.attributes or {}

    @property
    def rvn(self) -> str:
        """The newest revision version number that was confirmed."""
        return self._hold.confirmed.lease.rvn

    def is_held(self) -> bool:
        """Whether the lease still runs, counted from before its write was sent."""
        return self.remaining() > 0

    def remaining(self) -> float:
        """Seconds for which nobody else can take the lock; 0.0 when it is not held."""
        if self._owner_pid != os.getpid():
            return 0.0
        return self.change(lambda hold, now: hold.ask(now))

    def ensure_held(self, *, at_least_s: float = 0.0) -> None:
        """Ask before a commit whether the lock is still held, and for so long.

        Raises:
            LockLost: it is not; what was done under it must not be committed.
        """
        remaining_s = self.remaining()
        if remaining_s > at_least_s:
            return
        if remaining_s > 0:
            raise LockLost(f"its lease ends in {remaining_s:.1f} s, {at_least_s:.1f} s are needed")
        if self._hold.state in (HoldState.RELEASING, HoldState.RELEASED):
            raise LockLost("it was released")
        raise LockLost("its lease ended, or another client took it")

    # What the client and its renewer use.

    def owner_is_gone(self) -> bool:
        """Whether the thread that acquired the lock has ended, or the process was forked."""
        return self._owner_pid != os.getpid() or not self._owner_thread.is_alive()

    def change(self, step: Callable[[Hold, Instant], tuple[Hold, T]]) -> T:
        """Put the hold one step further; the loss of the lock is reported once."""
        with self._state_lock:
            before = self._hold.state
            self._hold, result = step(self._hold, self._surroundings.now())
            is_newly_lost = before is HoldState.HELD and self._hold.state is HoldState.LOST
        if is_newly_lost or result is ReleaseOutcome.LOST:
            self._report_loss()
        return result

    def renew_once(self, lease_s: float) -> WriteReply | None:
        """Ask DynamoDB for a new lease, once; None when the lock was not held to begin with."""
        fresh = self._surroundings.fresh()
        renew = self.change(lambda hold, now: hold.renew(now, fresh, lease_s))
        if renew is None:
            return None
        reply = self._item.carry_out(renew)
        assert not isinstance(reply, Looked)
        self.change(lambda hold, now: (hold.renewed(renew, reply, now), None))
        return reply

    def release_once(self) -> ReleaseOutcome | Failed:
        """Ask DynamoDB to remove the lock, once."""
        delete = self.change(lambda hold, _: hold.release())
        if delete is None:
            return ReleaseOutcome.ALREADY_RELEASED
        reply = self._item.carry_out(delete)
        if isinstance(reply, Failed):
            return reply
        assert not isinstance(reply, Looked)
        return self.change(lambda hold, now: hold.released(reply, now))

    def renewal_due_in_s(self) -> float:
        """Seconds until the lock should be renewed."""
        return self._hold.renewal_due_in_s(self._surroundings.now())

    @property
    def lease_s(self) -> float:
        """How long each lease lasts."""
        return self._hold.confirmed.lease.duration_s

    def _report_loss(self) -> None:
        with self._state_lock:
            was_reported, self._lost_reported = self._lost_reported, True
        if not was_reported:
            self._report(Metric.LOST, 1.0)
