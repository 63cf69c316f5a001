"""The mutexes that are compared, behind one face, each as its own documentation shows it.

They get the same lease, and where they let us choose, the same mean pause between two polls.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import boto3

from erasure_shared.mutex import Lock, MutexClient, MutexKey

RESOURCE = "s3://lake/part-1"


class CannotRenew(Exception):
    """The library's locks cannot be renewed."""


class Contender(Protocol):
    """One mutex, in one process, on one resource."""

    def acquire(self) -> None:
        """Wait until it is ours."""

    def renew(self) -> None:
        """Count a new lease; CannotRenew where the library does not know that."""

    def release(self) -> None:
        """Give it back."""


@dataclass(frozen=True)
class Settings:
    """What every contender is given."""

    table: str
    lease_s: float
    mean_pause_s: float
    patience_s: float = 60.0


class Ours:
    """erasure_shared.mutex."""

    def __init__(self, settings: Settings) -> None:
        self._key = MutexKey(RESOURCE)
        self._lock: Lock | None = None
        self._mutex = MutexClient(
            dynamo_db_client=boto3.client("dynamodb"),
            table_name=settings.table,
            default_lease_duration=settings.lease_s,
            refresh_wait_time=settings.mean_pause_s / 2,
            refresh_wait_jitter=settings.mean_pause_s,
            max_timeout=settings.patience_s,
        )

    def acquire(self) -> None:
        self._lock = self._mutex.acquire_lock(self._key)
        assert self._lock is not None

    def renew(self) -> None:
        assert self._lock is not None
        self._mutex.renew_lock(self._lock)

    def release(self) -> None:
        assert self._lock is not None
        self._mutex.release_lock(self._lock)


class PythonDynamoDbLock:
    """python-dynamodb-lock, after the Java client; its heartbeat thread is left to sleep."""

    def __init__(self, settings: Settings) -> None:
        library: Any = importlib.import_module("python_dynamodb_lock.python_dynamodb_lock")
        self._pause = timedelta(seconds=settings.mean_pause_s)
        self._patience = timedelta(seconds=settings.patience_s)
        self._lock: Any = None
        self._client = library.DynamoDBLockClient(
            boto3.resource("dynamodb"),
            table_name=settings.table,
            heartbeat_period=timedelta(seconds=settings.patience_s),
            safe_period=timedelta(seconds=2 * settings.patience_s),
            lease_duration=timedelta(seconds=settings.lease_s),
        )

    def acquire(self) -> None:
        self._lock = self._client.acquire_lock(
            RESOURCE, retry_period=self._pause, retry_timeout=self._patience
        )

    def renew(self) -> None:
        self._client._send_heartbeat(self._lock)  # it has no public renewal

    def release(self) -> None:
        self._client.release_lock(self._lock)


class DynamoDlm:
    """dynamo-dlm: two calls, whole seconds of the wall clock, no pause between attempts."""

    def __init__(self, settings: Settings) -> None:
        library: Any = importlib.import_module("dynamo_dlm")
        self._lock = library.DynamoDbLock(
            RESOURCE, duration=max(1, round(settings.lease_s)), table_name=settings.table
        )

    def acquire(self) -> None:
        self._lock.acquire()

    def renew(self) -> None:
        raise CannotRenew

    def release(self) -> None:
        self._lock.release()


CONTENDERS: dict[str, Callable[[Settings], Contender]] = {
    "erasure_shared.mutex": Ours,
    "python-dynamodb-lock": PythonDynamoDbLock,
    "dynamo-dlm": DynamoDlm,
}
KEYS = {
    "erasure_shared.mutex": {"pk": "S", "sk": "S"},
    "python-dynamodb-lock": {"lock_key": "S", "sort_key": "S"},
    "dynamo-dlm": {"resource_id": "S", "concurrency_id": "N"},
}


def new_table(contender: str, name: str) -> None:
    """A table with the keys that this mutex wants."""
    keys = KEYS[contender]
    hash_key, range_key = keys
    client: Any = boto3.client("dynamodb")
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": key, "AttributeType": kind} for key, kind in keys.items()
        ],
        KeySchema=[
            {"AttributeName": hash_key, "KeyType": "HASH"},
            {"AttributeName": range_key, "KeyType": "RANGE"},
        ],
    )
    client.get_waiter("table_exists").wait(TableName=name)
