"""The purge function: takes PurgeRequested from its queue."""

from __future__ import annotations

from functools import cache, partial
from typing import Any
from uuid import uuid4

import boto3
from aws_lambda_powertools import Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from erasure_purge.engine import erase
from erasure_purge.stores.dynamodb import DynamoDBItems
from erasure_purge.stores.lake import S3Lake
from erasure_purge.stores.locks import LOCK_NOT_ACQUIRED, MutexLocks
from erasure_purge.stores.postgresql import PostgreSQLRows
from erasure_purge.stores.s3 import PATIENT
from erasure_purge.use_case import Outcome, Ports, purge_location
from erasure_shared import messages, postgresql, wiring
from erasure_shared.errors import Rejected
from erasure_shared.events import PurgeRequested
from erasure_shared.messages import Message
from erasure_shared.mutex import Metric, MutexClient
from erasure_shared.observability import logger
from erasure_shared.settings import setting

_RESERVE_S = 2.0
"""For the response, the message's delay and the metrics."""

_RELEASE_WITHIN_S = 5.0
_THOROUGH_MEGABYTES = "128"


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Purge each message's location; the answer names those that come again."""
    metrics = Metrics(namespace="Erasure", service="purge")

    def handle(message: Message) -> None:
        request = _read(message)
        logger.append_keys(request_id=request.request_id, location_id=request.location_id)
        _report(purge_location(request, ports(context)), metrics)

    def note_failure(message: Message, reason_code: str, reason: str) -> None:
        if reason_code == LOCK_NOT_ACQUIRED:
            metrics.add_metric("LockNotAcquired", MetricUnit.Count, 1)
        _note_attempt(message, reason_code, reason)

    response = messages.process(event, context, handle, wiring.queue(), note_failure)
    logger.remove_keys(["request_id", "location_id"])
    if metrics.metric_set:
        metrics.flush_metrics()
    return response


def ports(context: LambdaContext) -> Ports:
    """What the use case needs, for the rest of this invocation."""
    data_map = wiring.data_map()
    return Ports(
        requests=wiring.requests(),
        events=wiring.event_bus(),
        locks=locks(),
        lake=lake(),
        items=items(),
        rows=PostgreSQLRows(lambda: postgresql.connection(setting("postgresql_secret"))),
        erase=partial(erase, thorough_up_to_bytes=_thorough_up_to_bytes()),
        store=data_map.store,
        time_left_s=lambda: context.get_remaining_time_in_millis() / 1_000 - _RESERVE_S,
        new_nonce=lambda: uuid4().hex,
    )


@cache
def locks() -> MutexLocks:
    """The mutex, with its own impatient client."""
    return MutexLocks(
        MutexClient(
            client_name="purge",
            table_name=setting("mutex_table"),
            refresh_wait_time=0.5,
            max_timeout=_RELEASE_WITHIN_S,
            on_metric=_note_lock,
        )
    )


@cache
def lake() -> S3Lake:
    """The lake."""
    return S3Lake(boto3.client("s3", config=PATIENT))


@cache
def items() -> DynamoDBItems:
    """The DynamoDB tables."""
    return DynamoDBItems(boto3.client("dynamodb", config=wiring.QUICK))


def _thorough_up_to_bytes() -> int:
    """Up to which size every remaining row is compared and every byte searched."""
    return int(setting("thorough_up_to_megabytes", default=_THOROUGH_MEGABYTES)) << 20


def _read(message: Message) -> PurgeRequested:
    if message.detail_type != PurgeRequested.detail_type:
        raise Rejected(
            "the queue takes PurgeRequested only: detail-type: is another",
            reason_code="UNKNOWN_EVENT",
        )
    return PurgeRequested.read(message.detail)


def _note_attempt(message: Message, reason_code: str, reason: str) -> None:
    request = _read(message)
    location = wiring.requests().location(request.request_id, request.location_id)
    if location is not None:
        wiring.requests().note_attempt(location, reason_code, reason)


def _note_lock(metric: Metric, _value: float) -> None:
    """A lock that had to be taken over: its holder died or stood still."""
    if metric is Metric.STOLEN:
        with single_metric("LocksTakenOver", MetricUnit.Count, 1, namespace="Erasure") as counted:
            counted.add_dimension("service", "purge")


def _report(outcome: Outcome, metrics: Metrics) -> None:
    metrics.add_metric("LocationsPurged", MetricUnit.Count, len(outcome.purged))
    metrics.add_metric("RowsErased", MetricUnit.Count, outcome.rows_erased)
    metrics.add_metric("VersionsRemoved", MetricUnit.Count, outcome.versions_removed)
    for event in outcome.purged:
        logger.info(
            "location purged",
            request_id=event.request_id,
            location_id=event.location_id,
            store=event.store,
            rows_erased=event.rows_erased,
        )
    if outcome.relocated:
        logger.info("the object is gone; its subjects are located again")
    elif not outcome.purged:
        logger.info("nothing was pending")
