"""What a mutex promises, on every store that can be had here; one client at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from erasure_shared.mutex import (
    LockContext,
    LockLost,
    LockNotAcquired,
    MutexClient,
    MutexItemNotALock,
    MutexKey,
    MutexKeySchemaMismatch,
    MutexTableMissing,
    ReleaseOutcome,
)
from tests.contract.mutex.servers import Store, new_table

KEY = MutexKey("s3://lake/part-1")
SHORT_S = 0.4
LONGER_S = 1.0

NewMutex = Callable[..., MutexClient]


@pytest.fixture
def table(store: Store) -> str:
    return new_table(store.client())


@pytest.fixture
def mutex(store: Store, table: str) -> NewMutex:
    def new(**options: object) -> MutexClient:
        settings = {"refresh_wait_time": 0.05, "refresh_wait_jitter": 0.05} | options
        return MutexClient(
            dynamo_db_client=store.client(),
            **{"table_name": table, **settings},  # type: ignore[arg-type]
        )

    return new


def test_a_lock_excludes_every_other_client_until_it_is_released(mutex: NewMutex) -> None:
    ours, theirs = mutex(), mutex()
    lock = ours.try_acquire_lock(KEY)
    assert lock is not None

    refused = theirs.try_acquire_lock(KEY)
    outcome = ours.release_lock(lock)

    assert refused is None
    assert outcome is ReleaseOutcome.RELEASED
    assert theirs.try_acquire_lock(KEY) is not None


def test_keys_differ_by_their_sort_key(mutex: NewMutex) -> None:
    client = mutex()

    taken = [client.try_acquire_lock(key) for key in (KEY, MutexKey(KEY.partition_key, "rows"))]

    assert None not in taken


def test_a_key_without_a_sort_key_is_stored_with_a_dash(
    mutex: NewMutex, store: Store, table: str
) -> None:
    assert mutex().try_acquire_lock(KEY) is not None

    items = store.client().scan(TableName=table)["Items"]

    assert [(item["pk"], item["sk"]) for item in items] == [({"S": KEY.partition_key}, {"S": "-"})]
    assert mutex().try_acquire_lock(MutexKey(KEY.partition_key, "-")) is None


def test_a_table_without_a_sort_key_serves_too(mutex: NewMutex, store: Store) -> None:
    client = mutex(table_name=new_table(store.client(), sort_key=None), sk_name="")
    assert client.try_acquire_lock(KEY) is not None

    info = client.lock_info(KEY)

    assert info is not None
    assert info.key == KEY


def test_a_dead_holders_lock_is_taken_over_after_its_lease(mutex: NewMutex) -> None:
    dead = mutex(default_lease_duration=SHORT_S).try_acquire_lock(KEY)
    began_s = time.monotonic()

    lock = mutex(clock_skew_tolerance=0.2).acquire_lock(KEY)
    took_s = time.monotonic() - began_s

    assert dead is not None
    assert lock is not None
    assert not dead.is_held()
    assert SHORT_S - 0.1 < took_s < SHORT_S + 0.2 + 1.0


def test_clients_that_never_wait_notice_a_dead_lock_across_calls(mutex: NewMutex) -> None:
    mutex(default_lease_duration=SHORT_S).try_acquire_lock(KEY)
    client = mutex(clock_skew_tolerance=0.1)

    first = client.try_acquire_lock(KEY)
    time.sleep(SHORT_S + 0.2)

    assert first is None
    assert client.try_acquire_lock(KEY) is not None


def test_a_renewal_keeps_the_lock_beyond_its_first_lease(mutex: NewMutex) -> None:
    client, other = mutex(default_lease_duration=LONGER_S), mutex(clock_skew_tolerance=0.0)
    lock = client.try_acquire_lock(KEY)
    assert lock is not None

    for _ in range(3):
        time.sleep(LONGER_S * 0.4)
        client.renew_lock(lock)
        assert other.try_acquire_lock(KEY) is None

    assert lock.is_held()


def test_a_lock_that_was_taken_over_can_neither_be_renewed_nor_removed(mutex: NewMutex) -> None:
    client = mutex(default_lease_duration=SHORT_S)
    lock = client.try_acquire_lock(KEY)
    assert lock is not None
    other = mutex(clock_skew_tolerance=0.0)
    taken = other.acquire_lock(KEY)
    assert taken is not None

    with pytest.raises(LockLost):
        client.renew_lock(lock)
    outcome = client.release_lock(lock)

    assert outcome is ReleaseOutcome.LOST
    assert client.release_lock(lock) is ReleaseOutcome.ALREADY_RELEASED
    assert other.release_lock(taken) is ReleaseOutcome.RELEASED


def test_the_wait_for_a_lock_ends_at_max_timeout(mutex: NewMutex) -> None:
    assert mutex().try_acquire_lock(KEY) is not None
    began_s = time.monotonic()

    lock = mutex(refresh_wait_time=5).acquire_lock(KEY, max_timeout=0.5)
    took_s = time.monotonic() - began_s

    assert lock is None
    assert 0.5 <= took_s < 1.5


def test_a_context_that_gets_no_lock_raises(mutex: NewMutex) -> None:
    assert mutex().try_acquire_lock(KEY) is not None

    with pytest.raises(LockNotAcquired), LockContext(mutex(max_timeout=0.1), KEY):
        pass


def test_a_context_releases_its_lock_and_lets_the_blocks_exception_pass(mutex: NewMutex) -> None:
    with pytest.raises(ZeroDivisionError), LockContext(mutex(), KEY) as lock:
        raise ZeroDivisionError

    assert not lock.is_held()
    assert mutex().lock_info(KEY) is None


def test_a_lock_tells_who_holds_it_since_when_and_what_was_stored_with_it(
    mutex: NewMutex,
) -> None:
    client = mutex(client_name="worker-7")
    stored: dict[str, str | int | bool] = {"job": "nightly", "attempt": 3, "dry": False}
    lock = client.try_acquire_lock(KEY, lease_duration=12.5, attributes=stored)

    info = client.lock_info(KEY)

    assert lock is not None
    assert info is not None
    assert (info.client_name, info.lease_s, info.attributes) == ("worker-7", 12.5, stored)
    assert info.rvn == lock.rvn
    assert abs((datetime.now(UTC) - info.started_at).total_seconds()) < 5
    assert [other.key for other in client.locks()] == [KEY]


def test_a_renewal_keeps_what_was_stored_with_the_lock(mutex: NewMutex) -> None:
    client = mutex(client_name="worker-7")
    lock = client.try_acquire_lock(KEY, attributes={"job": "nightly"})
    assert lock is not None

    client.renew_lock(lock, lease_duration=50)

    info = client.lock_info(KEY)
    assert info is not None
    assert (info.client_name, info.lease_s) == ("worker-7", 50)
    assert info.attributes == {"job": "nightly"}


def test_the_ttl_is_in_whole_seconds_a_day_behind_the_lease(
    mutex: NewMutex, store: Store, table: str
) -> None:
    mutex().try_acquire_lock(KEY, lease_duration=30)

    ttl = store.client().scan(TableName=table)["Items"][0]["ttl"]["N"]

    assert 86_400 + 25 < int(ttl) - time.time() < 86_400 + 35


def test_a_missing_table_is_named_at_once(mutex: NewMutex) -> None:
    began_s = time.monotonic()

    with pytest.raises(MutexTableMissing, match="table_name"):
        mutex(table_name="no-such-table").acquire_lock(KEY, max_timeout=30)

    assert time.monotonic() - began_s < 5


def test_wrong_names_of_the_key_are_named_at_once(mutex: NewMutex) -> None:
    with pytest.raises(MutexKeySchemaMismatch, match="pk_name"):
        mutex(pk_name="lock_id").acquire_lock(KEY, max_timeout=30)


def test_a_table_with_number_keys_is_refused(mutex: NewMutex, store: Store) -> None:
    with pytest.raises(MutexKeySchemaMismatch):
        mutex(table_name=new_table(store.client(), kind="N")).try_acquire_lock(KEY)


def test_an_item_that_is_not_a_lock_is_never_touched(
    mutex: NewMutex, store: Store, table: str
) -> None:
    theirs = {"pk": {"S": KEY.partition_key}, "sk": {"S": "-"}, "precious": {"S": "data"}}
    store.client().put_item(TableName=table, Item=theirs)

    with pytest.raises(MutexItemNotALock):
        mutex().acquire_lock(KEY, max_timeout=1)

    assert store.client().scan(TableName=table)["Items"] == [theirs]


def test_no_exception_names_the_key(mutex: NewMutex) -> None:
    secret = MutexKey("jane@example.com")

    with pytest.raises(MutexKeySchemaMismatch) as caught:
        mutex(pk_name="lock_id").try_acquire_lock(secret)

    assert "jane" not in repr(caught.value) + repr(caught.value.__cause__) + repr(secret)
