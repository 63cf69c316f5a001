"""The mutex's face: carries out what the core decides."""

from __future__ import annotations

import logging
import math
import os
import platform
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, cast

import boto3
from botocore.config import Config

from erasure_shared.mutex.core import RANDOM_WAIT_S, Acquisition, Hold, retry_wait_s
from erasure_shared.mutex.errors import LockNotAcquired, MutexError
from erasure_shared.mutex.faults import named_fault
from erasure_shared.mutex.lock import Lock, LockInfo, MutexKey, lock_info
from erasure_shared.mutex.renewer import Renewer
from erasure_shared.mutex.store import AttributeValue, LockItem, Names, scan_locks
from erasure_shared.mutex.surroundings import RealSurroundings, Surroundings
from erasure_shared.mutex.values import (
    Acquired,
    Begun,
    End,
    Event,
    Failed,
    Metric,
    ReleaseOutcome,
    Sighting,
    TimedOut,
    Unavailable,
    Wait,
    Waited,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger("erasure_shared.mutex")

# Calls must fail well within a lease; botocore's own default is 60 s each.
CALL_LIMITS = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3}
)
SHORTEST_LEASE_S = 0.001
SIGHTINGS_KEPT = 1024

OnMetric = Callable[[Metric, float], None]
Attributes = Mapping[str, AttributeValue]


class MutexClient:
    """Takes, renews and releases locks that are items of one DynamoDB table.

    Thread-safe; one per process is enough. Not reentrant: a lock that this client holds is held.
    A lease should outlast the longest call (`CALL_LIMITS`: about 9 s with repetitions) and the
    work under it; or let `auto_renew` renew it at every third of the lease. In Lambda prefer a
    lease of the time left plus 2 s, without renewal: a frozen process renews nothing.
    """

    def __init__(
        self,
        client_name: str = "",
        pk_name: str = "pk",
        sk_name: str = "sk",
        ttl_name: str = "ttl",
        dynamo_db_client: DynamoDBClient | None = None,
        table_name: str = "distributedMutex",
        default_lease_duration: float = 30.0,
        auto_renew: bool = False,
        refresh_wait_time: float = 1.0,
        max_timeout: float = 60.0,
        *,
        clock_skew_tolerance: float = 1.0,
        refresh_wait_jitter: float = RANDOM_WAIT_S,
        on_metric: OnMetric | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        if hasattr(getattr(dynamo_db_client, "meta", None), "client"):
            raise TypeError('dynamo_db_client is a boto3.client("dynamodb"), not a resource')
        self.client_name = client_name or f"{platform.node()}:{os.getpid()}"
        self._names = Names(table_name, pk_name, sk_name, ttl_name)
        self._lease_s = _lease(default_lease_duration)
        self._auto_renew = auto_renew
        self._refresh_wait_s = _seconds("refresh_wait_time", refresh_wait_time)
        self._random_wait_s = _seconds("refresh_wait_jitter", refresh_wait_jitter)
        self._max_timeout_s = _seconds("max_timeout", max_timeout)
        self._tolerance_s = _seconds("clock_skew_tolerance", clock_skew_tolerance, or_forever=True)
        self._on_metric = on_metric
        self._surroundings: Surroundings = surroundings or RealSurroundings()
        self._dynamo_db = dynamo_db_client or _dynamo_db_client()
        self._renewer = Renewer(self._surroundings)
        self._sightings = _Sightings()

    def try_acquire_lock(
        self,
        key: MutexKey,
        *,
        lease_duration: float | None = None,
        attributes: Attributes | None = None,
    ) -> Lock | None:
        """Try once; None when another holds the lock. Dead locks are noticed across calls.

        Raises:
            MutexUnavailable: no usable answer; the lock may stand in our name until its lease ends.
            MutexMisconfigured: trying again will not help; the message says what to fix.
        """
        item = self._item(key, attributes)
        end = self._run(item, key, lease_duration, max_timeout_s=0.0, waits=False)
        return self._lock(end, item, key)

    def acquire_lock(
        self,
        key: MutexKey,
        *,
        lease_duration: float | None = None,
        max_timeout: float | None = None,
        attributes: Attributes | None = None,
    ) -> Lock | None:
        """Wait for the lock up to max_timeout seconds, and one call more; None when in vain.

        Raises:
            MutexUnavailable: still no usable answer at max_timeout.
            MutexMisconfigured: trying again will not help; the message says what to fix.
        """
        timeout_s = (
            self._max_timeout_s if max_timeout is None else _seconds("max_timeout", max_timeout)
        )
        item = self._item(key, attributes)
        began_s = self._surroundings.now().monotonic_s
        end = self._run(item, key, lease_duration, max_timeout_s=timeout_s, waits=True)
        self._report(Metric.WAITED, self._surroundings.now().monotonic_s - began_s)
        if isinstance(end, TimedOut):
            self._report(Metric.TIMED_OUT, 1.0)
        return self._lock(end, item, key)

    def release_lock(self, lock: Lock) -> ReleaseOutcome:
        """Remove the lock if it is still ours; says what was found. Safe to repeat.

        Raises:
            MutexUnavailable: no usable answer until max_timeout; the lease ends by itself.
        """
        self._renewer.forget(lock)
        deadline_s = self._retry_deadline(lock)
        while True:
            outcome = lock.release_once()
            if not isinstance(outcome, Failed):
                return outcome
            self._wait_to_retry(outcome, deadline_s)

    def renew_lock(self, lock: Lock, *, lease_duration: float | None = None) -> None:
        """Count a new lease from now.

        Raises:
            LockLost: it was not held any more; a lost lock is never revived.
            MutexUnavailable: no usable answer until the lease or max_timeout ended.
        """
        lease_s = lock.lease_s if lease_duration is None else _lease(lease_duration)
        deadline_s = self._retry_deadline(lock)
        while isinstance(reply := lock.renew_once(lease_s), Failed):
            self._wait_to_retry(reply, deadline_s)
        lock.ensure_held()

    def lock_info(self, key: MutexKey) -> LockInfo | None:
        """Who holds the lock and since when, by the holder's own word; None: nobody.

        Raises:
            MutexUnavailable: no usable answer.
        """
        stored = self._item(key, None).read()
        return None if stored is None else lock_info(stored)

    def locks(self) -> Iterator[LockInfo]:
        """All locks of the table, also those whose lease is over, for an operator's eyes.

        Reads the whole table: not for every day's work.
        """
        return map(lock_info, scan_locks(self._dynamo_db, self._names))

    def close(self) -> None:
        """Stop renewing. Locks that are held stay so until their lease ends."""
        self._renewer.stop()

    def _item(self, key: MutexKey, attributes: Attributes | None) -> LockItem:
        if key.sort_key is not None and not self._names.sk:
            raise ValueError('the key has a sort key, but the table has none (sk_name="")')
        for name, value in (attributes or {}).items():
            if not name or not isinstance(value, str | int):
                raise TypeError("attributes have names, and are str, int or bool")
        return LockItem(
            client=self._dynamo_db,
            names=self._names,
            partition_key=key.partition_key,
            sort_key=key.sort_key,
            client_name=self.client_name,
            attributes=dict(attributes or {}),
        )

    def _run(
        self,
        item: LockItem,
        key: MutexKey,
        lease_duration: float | None,
        *,
        max_timeout_s: float,
        waits: bool,
    ) -> End:
        """Let the core decide, and carry it out, until it has decided the end."""
        lease_s = self._lease_s if lease_duration is None else _lease(lease_duration)
        now = self._surroundings.now()
        state = Acquisition(
            lease_s=lease_s,
            refresh_wait_s=self._refresh_wait_s,
            random_wait_s=self._random_wait_s,
            tolerance_s=self._tolerance_s,
            deadline_monotonic_s=now.monotonic_s + max_timeout_s,
            waits=waits,
            sighting=self._sightings.get(key),
        )
        event: Event = Begun()
        try:
            while True:
                now, fresh = self._surroundings.now(), self._surroundings.fresh()
                state, action = state.step(event, now, fresh)
                if isinstance(action, End):
                    return action
                if isinstance(action, Wait):
                    self._surroundings.sleep(action.wait_s)
                    event = Waited()
                else:
                    event = item.carry_out(action)
        finally:
            self._sightings.remember(key, state.sighting)

    def _lock(self, end: End, item: LockItem, key: MutexKey) -> Lock | None:
        if isinstance(end, Unavailable):
            raise end.error
        if isinstance(end, TimedOut):
            return None
        return self._acquired(end, item, key)

    def _acquired(self, end: Acquired, item: LockItem, key: MutexKey) -> Lock:
        lock = Lock(key, Hold(end.attempt), item, self._surroundings, self._report)
        self._sightings.remember(key, None)
        if self._auto_renew:
            self._renewer.watch(lock)
        self._report(Metric.ACQUIRED, 1.0)
        if end.stolen:
            self._report(Metric.STOLEN, 1.0)
        return lock

    def _retry_deadline(self, lock: Lock) -> float:
        patience_s = min(self._max_timeout_s, lock.remaining())
        return self._surroundings.now().monotonic_s + patience_s

    def _wait_to_retry(self, failed: Failed, deadline_s: float) -> None:
        wait_s = retry_wait_s(self._surroundings.fresh())
        left_s = deadline_s - self._surroundings.now().monotonic_s
        if left_s <= 0:
            raise failed.error
        self._surroundings.sleep(min(wait_s, left_s))

    def _report(self, metric: Metric, value: float) -> None:
        """Tell the callback; its failure must not cost a lock."""
        if self._on_metric is None:
            return
        try:
            self._on_metric(metric, value)
        except Exception:
            logger.exception("the mutex's metrics callback failed")


class LockContext:
    """`with LockContext(mutex, key) as lock:` holds the lock for the block.

    Neither swallows the block's exception nor replaces its result: a release that fails is
    logged, the lease ends by itself. Ask `lock.ensure_held()` before each commit.

    Raises:
        LockNotAcquired: another client held the lock until max_timeout.
    """

    def __init__(
        self,
        mutex: MutexClient,
        key: MutexKey,
        *,
        lease_duration: float | None = None,
        max_timeout: float | None = None,
        attributes: Attributes | None = None,
    ) -> None:
        self._mutex = mutex
        self._acquire: Callable[[], Lock | None] = lambda: mutex.acquire_lock(
            key, lease_duration=lease_duration, max_timeout=max_timeout, attributes=attributes
        )
        self._lock: Lock | None = None

    def __enter__(self) -> Lock:
        if self._lock is not None:
            raise RuntimeError("a LockContext is entered once at a time")
        self._lock = self._acquire()
        if self._lock is None:
            raise LockNotAcquired
        return self._lock

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        lock, self._lock = self._lock, None
        assert lock is not None
        try:
            outcome = self._mutex.release_lock(lock)
        except MutexError:
            logger.warning("a lock could not be released; its lease will end", exc_info=True)
        else:
            if outcome is ReleaseOutcome.LOST:
                logger.warning("a lock was lost before it was released")


class _Sightings:
    """Other people's leases seen by earlier calls, by key; a bounded memory."""

    def __init__(self) -> None:
        self._by_key: OrderedDict[MutexKey, Sighting] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, key: MutexKey) -> Sighting | None:
        with self._guard:
            return self._by_key.get(key)

    def remember(self, key: MutexKey, sighting: Sighting | None) -> None:
        with self._guard:
            self._by_key.pop(key, None)
            if sighting is not None:
                self._by_key[key] = sighting
            if len(self._by_key) > SIGHTINGS_KEPT:
                self._by_key.popitem(last=False)


def _dynamo_db_client() -> DynamoDBClient:
    with named_fault():
        return cast("DynamoDBClient", boto3.client("dynamodb", config=CALL_LIMITS))


def _seconds(name: str, value: float, *, or_forever: bool = False) -> float:
    if value >= 0 and (or_forever or math.isfinite(value)):
        return float(value)
    raise ValueError(f"{name} must be seconds, 0 or more")


def _lease(value: float) -> float:
    if not SHORTEST_LEASE_S <= value < math.inf:
        raise ValueError(f"a lease lasts at least {SHORTEST_LEASE_S} s, and not for ever")
    return float(value)
