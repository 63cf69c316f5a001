"""What one process sees of the mutex; DynamoDB is the simulation's model."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from erasure_shared.mutex import (
    Lock,
    LockContext,
    LockLost,
    Metric,
    MutexClient,
    MutexKey,
    ReleaseOutcome,
)
from tests.property.mutex.dynamo_model import DynamoModel
from tests.unit.mutex.surroundings import FakeSurroundings

KEY = MutexKey("s3://lake/part-1")
LEASE_S = 30.0


@pytest.fixture
def db() -> DynamoModel:
    return DynamoModel()


@pytest.fixture
def world() -> FakeSurroundings:
    return FakeSurroundings()


def client(db: DynamoModel, **options: Any) -> MutexClient:
    return MutexClient(dynamo_db_client=cast("Any", db), **options)


def taken(lock: Lock | None) -> Lock:
    assert lock is not None
    return lock


# Waiting


def test_waits_are_the_refresh_time_and_up_to_two_seconds_more(
    db: DynamoModel, world: FakeSurroundings
) -> None:
    taken(client(db, surroundings=world).try_acquire_lock(KEY))

    client(db, surroundings=world, refresh_wait_time=1.0).acquire_lock(KEY, max_timeout=7)

    assert world.slept_s == pytest.approx([2.0, 2.0, 2.0, 1.0])


def test_a_waiter_gets_the_lock_when_it_is_released(
    db: DynamoModel, world: FakeSurroundings
) -> None:
    holder = client(db, surroundings=world)
    lock = taken(holder.try_acquire_lock(KEY))
    world.while_sleeping = lambda: holder.release_lock(lock)

    mine = client(db, surroundings=world).acquire_lock(KEY)

    assert taken(mine).is_held()
    assert world.slept_s == [2.0]


def test_a_timeout_of_zero_still_tries_once(db: DynamoModel, world: FakeSurroundings) -> None:
    lock = client(db, surroundings=world).acquire_lock(KEY, max_timeout=0)

    assert taken(lock).is_held()


# Holding


def test_a_lease_counts_down_and_ends(db: DynamoModel, world: FakeSurroundings) -> None:
    lock = taken(client(db, surroundings=world).try_acquire_lock(KEY))

    world.pass_time(LEASE_S - 1)
    before = lock.remaining()
    world.pass_time(1)

    assert before == pytest.approx(1.0)
    assert lock.remaining() == 0.0
    assert not lock.is_held()


def test_ensure_held_asks_for_the_time_that_the_commit_needs(
    db: DynamoModel, world: FakeSurroundings
) -> None:
    lock = taken(client(db, surroundings=world).try_acquire_lock(KEY))
    world.pass_time(LEASE_S - 2)

    lock.ensure_held(at_least_s=1.0)

    with pytest.raises(LockLost, match=r"2\.0 s"):
        lock.ensure_held(at_least_s=5.0)
    world.pass_time(2)
    with pytest.raises(LockLost):
        lock.ensure_held()


def test_a_process_that_was_frozen_finds_its_lease_over_though_its_own_clock_stood_still(
    db: DynamoModel, world: FakeSurroundings
) -> None:
    lock = taken(client(db, surroundings=world).try_acquire_lock(KEY))

    world.wall_s += LEASE_S

    assert not lock.is_held()


def test_a_wall_clock_that_is_set_back_neither_prolongs_nor_revives_a_lock(
    db: DynamoModel, world: FakeSurroundings
) -> None:
    mutex = client(db, surroundings=world)
    prolonged, revived = (taken(mutex.try_acquire_lock(MutexKey(name))) for name in "ab")

    world.wall_s += LEASE_S
    assert not revived.is_held()
    world.wall_s -= 1000

    assert not revived.is_held()
    world.monotonic_s += LEASE_S
    assert not prolonged.is_held()


def test_an_expired_lock_is_not_renewed_though_nobody_took_it(
    db: DynamoModel, world: FakeSurroundings
) -> None:
    mutex = client(db, surroundings=world)
    lock = taken(mutex.try_acquire_lock(KEY))
    world.pass_time(LEASE_S)

    with pytest.raises(LockLost):
        mutex.renew_lock(lock)

    assert mutex.release_lock(lock) is ReleaseOutcome.RELEASED


def test_a_lock_is_not_reentrant(db: DynamoModel, world: FakeSurroundings) -> None:
    mutex = client(db, surroundings=world)
    taken(mutex.try_acquire_lock(KEY))

    assert mutex.try_acquire_lock(KEY) is None


def test_a_forked_child_does_not_hold_its_parents_lock(db: DynamoModel) -> None:
    """Run in a process of its own: pytest's has threads, which a fork would leave behind."""
    script = """
import os
from unittest.mock import Mock
from erasure_shared.mutex import MutexClient, MutexKey
client = Mock(spec=["put_item"])
lock = MutexClient(dynamo_db_client=client).try_acquire_lock(MutexKey("a"))
child = os.fork()
if child == 0:
    os._exit(lock.is_held())
print(lock.is_held(), os.waitpid(child, 0)[1])
"""
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert output.stdout.split() == ["True", "0"], output.stderr


# Metrics


def test_metrics_tell_what_happened(db: DynamoModel, world: FakeSurroundings) -> None:
    told: list[tuple[Metric, float]] = []
    lock = taken(client(db, surroundings=world).try_acquire_lock(KEY))
    other = client(db, surroundings=world, on_metric=lambda *one: told.append(one))

    other.acquire_lock(KEY, max_timeout=3)
    world.pass_time(LEASE_S)
    stolen = taken(other.acquire_lock(KEY))
    world.pass_time(LEASE_S)
    stolen.is_held()
    other.release_lock(stolen)

    assert not lock.is_held()
    assert told == [
        (Metric.WAITED, pytest.approx(3.0)),
        (Metric.TIMED_OUT, 1.0),
        (Metric.WAITED, 0.0),
        (Metric.ACQUIRED, 1.0),
        (Metric.STOLEN, 1.0),
        (Metric.LOST, 1.0),
    ]


def test_a_metrics_callback_that_fails_costs_no_lock(db: DynamoModel) -> None:
    def fail(*_: object) -> None:
        raise ValueError

    lock = client(db, on_metric=fail).try_acquire_lock(KEY)

    assert taken(lock).is_held()


# The face


def test_a_context_can_be_used_again_but_not_twice_at_once(db: DynamoModel) -> None:
    context = LockContext(client(db), KEY)
    with context:
        pass

    with context as lock, pytest.raises(RuntimeError):
        context.__enter__()

    assert not lock.is_held()


def test_a_failing_release_does_not_replace_the_result_of_the_block(
    world: FakeSurroundings, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(DynamoModel):
        def delete_item(self, **_: Any) -> None:
            raise EndpointConnectionError(endpoint_url="")

    with LockContext(client(Broken(), surroundings=world), MutexKey("jane@example.com")):
        result = "done"

    assert result == "done"
    assert "its lease will end" in caplog.text
    assert "jane" not in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"default_lease_duration": 0},
        {"default_lease_duration": float("inf")},
        {"default_lease_duration": float("nan")},
        {"refresh_wait_time": -1},
        {"max_timeout": float("inf")},
        {"clock_skew_tolerance": -0.1},
        {"pk_name": "ttl"},
        {"sk_name": "lease_started"},
        {"table_name": ""},
    ],
)
def test_senseless_settings_are_refused(wrong: dict[str, Any], db: DynamoModel) -> None:
    with pytest.raises(ValueError, match=r"must|lease"):
        client(db, **wrong)


def test_a_resource_in_place_of_a_client_is_refused() -> None:
    resource = boto3.resource("dynamodb", region_name="eu-west-1")

    with pytest.raises(TypeError, match="client"):
        MutexClient(dynamo_db_client=cast("Any", resource))


def test_attributes_that_cannot_be_stored_are_refused(db: DynamoModel) -> None:
    with pytest.raises(TypeError, match="attributes"):
        client(db).try_acquire_lock(KEY, attributes=cast("Any", {"share": 0.5}))


def test_the_parts_of_a_key_are_not_empty() -> None:
    with pytest.raises(ValueError, match="empty"):
        MutexKey("")


def test_a_client_without_a_name_says_where_it_runs(db: DynamoModel) -> None:
    assert client(db).client_name.endswith(f":{os.getpid()}")


def test_the_package_needs_nothing_but_boto3() -> None:
    script = """
import sys
import erasure_shared.mutex
ours = {"pydantic", "pynamodb", "aws_lambda_powertools", "psycopg", "moto", "hypothesis"}
print(sorted(ours & set(sys.modules)))
"""
    output = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert output.stdout == "[]\n"
