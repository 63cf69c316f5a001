"""What a handler builds from its settings, each on first use and once per environment."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache, lru_cache

import boto3
from aws_lambda_powertools.utilities import parameters
from botocore.config import Config

from erasure_shared.bus import EventBus
from erasure_shared.data_map import DataMap, DataMapObject
from erasure_shared.locations import Digest
from erasure_shared.messages import Queue
from erasure_shared.requests import Requests
from erasure_shared.settings import setting
from erasure_shared.tables import bind_tables

QUICK = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 4})
"""For calls that answer at once; botocore's own defaults wait for a minute each."""

_DATA_MAP_AGE_S = 60


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


@cache
def digest() -> Digest:
    """The keyed digest of this stage."""
    secret = parameters.get_secret(setting("digest_secret"))
    return Digest(str(secret).encode())


@cache
def requests() -> Requests:
    """The requests in the GDPR table."""
    bind_tables(gdpr_table=setting("gdpr_table"))
    return Requests(digest(), now)


@cache
def event_bus() -> EventBus:
    """The bus of this stage; the function publishes as its own service, as its role demands."""
    service = os.environ.get("POWERTOOLS_SERVICE_NAME")
    source = f"erasure.{service}" if service else None
    return EventBus(boto3.client("events", config=QUICK), setting("bus"), now, source)


@cache
def queue() -> Queue:
    """The function's queue."""
    return Queue(boto3.client("sqs", config=QUICK), setting("dead_letter_queue"))


def data_map() -> DataMap:
    """The data map as it is now; a change is seen within a minute, without a deployment."""
    value = str(parameters.get_parameter(setting("data_map"), max_age=_DATA_MAP_AGE_S))
    stored = DataMapObject.named_by(value)
    return DataMap.read(_text(stored) if stored else value)


@lru_cache(maxsize=1)
def _text(stored: DataMapObject) -> str:
    """Read once: another content has another name."""
    return stored.text(boto3.client("s3", config=QUICK))
