"""Renewal in the background: as long as somebody holds the lock, and not a moment longer."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from typing import Any, cast

import pytest

from erasure_shared.mutex import (
    Lock,
    Metric,
    MutexClient,
    MutexKey,
)
from tests.property.mutex.dynamo_model import DynamoModel

KEY = MutexKey("s3://lake/part-1")


@pytest.fixture
def db() -> DynamoModel:
    return DynamoModel()


def client(db: DynamoModel, **options: Any) -> MutexClient:
    return MutexClient(dynamo_db_client=cast("Any", db), **options)


def taken(lock: Lock | None) -> Lock:
    assert lock is not None
    return lock


SHORT_S = 0.5


def renewers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "erasure-mutex-renewer"]


def test_locks_are_renewed_by_one_thread_which_ends_with_the_last_of_them(
    db: DynamoModel,
) -> None:
    mutex = client(db, auto_renew=True, default_lease_duration=SHORT_S)
    before = len(renewers())
    locks = [taken(mutex.try_acquire_lock(MutexKey(name))) for name in "abc"]

    time.sleep(2 * SHORT_S)
    during, are_held = len(renewers()), [lock.is_held() for lock in locks]
    for lock in locks:
        mutex.release_lock(lock)
    time.sleep(0.1)

    assert (before, during, len(renewers())) == (0, 1, 0)
    assert are_held == [True, True, True]


def test_a_lock_whose_handle_was_forgotten_is_not_renewed(db: DynamoModel) -> None:
    mutex = client(db, auto_renew=True, default_lease_duration=SHORT_S)
    taken(mutex.try_acquire_lock(KEY))
    gc.collect()

    time.sleep(SHORT_S)

    assert renewers() == []


def test_a_lock_whose_thread_ended_is_not_renewed(db: DynamoModel) -> None:
    mutex = client(db, auto_renew=True, default_lease_duration=SHORT_S)
    locks: list[Lock | None] = []
    worker = threading.Thread(target=lambda: locks.append(mutex.try_acquire_lock(KEY)))
    worker.start()
    worker.join()

    time.sleep(1.5 * SHORT_S)

    assert not taken(locks[0]).is_held()
    assert renewers() == []


def test_a_lost_lock_is_not_renewed_and_the_loss_is_told_once(db: DynamoModel) -> None:
    told: list[Metric] = []
    mutex = client(
        db,
        auto_renew=True,
        default_lease_duration=SHORT_S,
        on_metric=lambda metric, _: told.append(metric),
    )
    lock = taken(mutex.try_acquire_lock(KEY))
    db.items.clear()

    time.sleep(SHORT_S)
    mutex.release_lock(lock)

    assert told == [Metric.ACQUIRED, Metric.LOST]
    assert db.items == {}
    assert renewers() == []


def test_renewal_outlives_every_surprise(db: DynamoModel) -> None:
    class Surprising(DynamoModel):
        surprises = 2

        def update_item(self, **request: Any) -> None:
            self.surprises -= 1
            if self.surprises >= 0:
                raise MemoryError
            super().update_item(**request)

    mutex = client(Surprising(), auto_renew=True, default_lease_duration=SHORT_S)
    lock = taken(mutex.try_acquire_lock(KEY))

    time.sleep(2 * SHORT_S)

    assert lock.is_held()
    mutex.release_lock(lock)


def test_closing_a_client_stops_its_thread(db: DynamoModel) -> None:
    mutex = client(db, auto_renew=True, default_lease_duration=SHORT_S)
    lock = taken(mutex.try_acquire_lock(KEY))

    mutex.close()

    assert renewers() == []
    time.sleep(SHORT_S)
    assert not lock.is_held()


def test_the_interpreter_ends_at_once_though_a_lock_is_being_renewed() -> None:
    script = """
from unittest.mock import Mock
from erasure_shared.mutex import MutexClient, MutexKey
client = Mock(spec=["put_item", "update_item"])
lock = MutexClient(dynamo_db_client=client, auto_renew=True).try_acquire_lock(MutexKey("a"))
"""
    began_s = time.monotonic()

    done = subprocess.run([sys.executable, "-c", script], timeout=30, capture_output=True)

    assert (done.returncode, done.stderr) == (0, b"")
    assert time.monotonic() - began_s < 10
