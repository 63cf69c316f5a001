"""How many calls an operation costs, and what a lost answer does, seen between the machines."""

from __future__ import annotations

import time

import pytest

from erasure_shared.mutex import (
    Lock,
    MutexClient,
    MutexKey,
    MutexServiceFailed,
    MutexThrottled,
    MutexUnreachable,
    ReleaseOutcome,
)
from tests.contract.mutex.servers import new_table
from tests.contract.mutex.wire import Fate, Wire

KEY = MutexKey("s3://lake/part-1")
SHORT_S = 0.5


@pytest.fixture
def table(wire: Wire) -> str:
    return new_table(wire.store.client())


@pytest.fixture
def client(wire: Wire, table: str) -> MutexClient:
    return _client(wire, table)


def _client(wire: Wire, table: str, *, attempts: int = 3, max_timeout: float = 5) -> MutexClient:
    return MutexClient(
        dynamo_db_client=wire.store.client(attempts=attempts),
        table_name=table,
        refresh_wait_time=0.1,
        refresh_wait_jitter=0.1,
        clock_skew_tolerance=0.1,
        max_timeout=max_timeout,
    )


def _held(lock: Lock | None) -> Lock:
    assert lock is not None
    assert lock.is_held()
    return lock


def test_an_uncontended_acquire_is_one_conditional_write(wire: Wire, client: MutexClient) -> None:
    calls = wire.counted(lambda: _held(client.acquire_lock(KEY)))

    assert calls == ["PutItem"]


def test_a_renewal_is_one_conditional_update(wire: Wire, client: MutexClient) -> None:
    lock = _held(client.acquire_lock(KEY))

    calls = wire.counted(lambda: client.renew_lock(lock))

    assert calls == ["UpdateItem"]


def test_a_release_is_one_conditional_delete(wire: Wire, client: MutexClient) -> None:
    lock = _held(client.acquire_lock(KEY))

    calls = wire.counted(lambda: client.release_lock(lock))

    assert calls == ["DeleteItem"]


def test_taking_over_an_expired_lock_is_one_write_beyond_the_sighting(
    wire: Wire, client: MutexClient, table: str
) -> None:
    _held(client.acquire_lock(KEY, lease_duration=SHORT_S))
    time.sleep(SHORT_S + 0.2)

    calls = wire.counted(lambda: _held(_client(wire, table).acquire_lock(KEY)))

    first_sighting = ["PutItem"] if wire.store.name == "ministack" else ["PutItem", "GetItem"]
    assert calls == [*first_sighting, "PutItem"]


def test_waiting_costs_reads_and_at_most_one_last_write(
    wire: Wire, client: MutexClient, table: str
) -> None:
    _held(client.acquire_lock(KEY))

    calls = wire.counted(lambda: _client(wire, table).acquire_lock(KEY, max_timeout=1.5))

    assert calls[0] == "PutItem"
    assert calls.count("PutItem") <= 2  # a slow machine has no time left for the last
    assert calls.count("GetItem") >= 4


@pytest.mark.parametrize("lost", [Fate.ANSWER_LOST, Fate.REQUEST_LOST])
def test_a_lost_message_is_repeated_and_the_acquire_succeeds(
    lost: Fate, wire: Wire, client: MutexClient
) -> None:
    wire.next_ones(lost)

    calls = wire.counted(lambda: _held(client.try_acquire_lock(KEY)))

    assert calls[:2] == ["PutItem", "PutItem"]
    assert len(calls) <= 3


def test_a_lost_answer_that_nobody_repeated_is_recognised_at_the_next_attempt(
    wire: Wire, table: str
) -> None:
    client = _client(wire, table, attempts=1)
    wire.next_ones(Fate.ANSWER_LOST)
    began_s = time.monotonic()

    lock = _held(client.acquire_lock(KEY))

    assert time.monotonic() - began_s < 5.0
    assert 0 < lock.remaining() < 30.0
    assert client.release_lock(lock) is ReleaseOutcome.RELEASED


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_lost_answer_to_a_renewal_costs_nothing(attempts: int, wire: Wire, table: str) -> None:
    client = _client(wire, table, attempts=attempts)
    lock = _held(client.acquire_lock(KEY))
    wire.next_ones(Fate.ANSWER_LOST)

    client.renew_lock(lock)

    assert lock.is_held()
    assert client.release_lock(lock) is ReleaseOutcome.RELEASED
    assert client.lock_info(KEY) is None


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_lost_answer_to_a_release_is_a_release(attempts: int, wire: Wire, table: str) -> None:
    client = _client(wire, table, attempts=attempts)
    lock = _held(client.acquire_lock(KEY))
    wire.next_ones(Fate.ANSWER_LOST)

    outcome = client.release_lock(lock)

    assert outcome is ReleaseOutcome.RELEASED
    assert client.lock_info(KEY) is None


@pytest.mark.parametrize(
    ("fate", "named"),
    [
        (Fate.THROTTLED, MutexThrottled),
        (Fate.FAILED, MutexServiceFailed),
        (Fate.REQUEST_LOST, MutexUnreachable),
    ],
)
def test_faults_are_retried_until_max_timeout_and_then_named_with_their_cause(
    fate: Fate, named: type[Exception], wire: Wire, table: str
) -> None:
    client = _client(wire, table, attempts=1)
    wire.fate = lambda _: fate
    began_s = time.monotonic()

    with pytest.raises(named) as caught:
        client.acquire_lock(KEY, max_timeout=0.6)

    assert 0.6 <= time.monotonic() - began_s < 3.0
    assert caught.value.__cause__ is not None
    assert len(wire.calls) > 2


@pytest.mark.parametrize("fate", [Fate.THROTTLED, Fate.FAILED, Fate.REQUEST_LOST])
def test_faults_that_pass_are_survived_by_every_operation(
    fate: Fate, wire: Wire, table: str
) -> None:
    client = _client(wire, table, attempts=1)

    wire.next_ones(fate)
    lock = _held(client.acquire_lock(KEY))
    wire.next_ones(fate)
    client.renew_lock(lock)
    wire.next_ones(fate)
    outcome = client.release_lock(lock)

    assert outcome is ReleaseOutcome.RELEASED


def test_automatic_renewal_survives_throttling(wire: Wire, table: str) -> None:
    client = MutexClient(
        dynamo_db_client=wire.store.client(attempts=1),
        table_name=table,
        auto_renew=True,
        default_lease_duration=0.9,
    )
    lock = _held(client.acquire_lock(KEY))
    wire.next_ones(Fate.THROTTLED, Fate.FAILED, Fate.ANSWER_LOST, Fate.REQUEST_LOST)

    time.sleep(1.6)

    assert lock.is_held()
    assert client.release_lock(lock) is ReleaseOutcome.RELEASED
