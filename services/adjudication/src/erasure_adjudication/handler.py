"""Collects the dead letters of every service, so that a person can decide."""

from __future__ import annotations

from functools import cache
from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from erasure_adjudication.adapters import ErrorTable, dead_letter
from erasure_adjudication.use_case import Collection, record_dead_letter
from erasure_shared.observability import logger, reason_code_of, reason_of
from erasure_shared.settings import setting
from erasure_shared.tables import bind_tables
from erasure_shared.wiring import event_bus, now, requests


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Every dead letter becomes an erasure error, or goes back to its queue."""
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    response = process_partial_response(event, handle, processor, context)
    return dict(response)


def handle(record: SQSRecord) -> None:
    """Record one erasure error and tell of it; published before the letter is acknowledged."""
    with logger.append_context_keys(message_id=record.message_id):
        try:
            failed = record_dead_letter(dead_letter(record), collection())
            if failed is None:
                logger.info("dead letter dropped: nothing is left to decide")
                return
            event_bus().publish(failed)
        except Exception as error:
            logger.warning(
                "dead letter goes back to its queue",
                reason_code=reason_code_of(error),
                reason=reason_of(error),
            )
            raise
        logger.info(
            "erasure error recorded",
            error_id=failed.error_id,
            request_id=failed.request_id,
            location_id=failed.location_id,
            reason_code=failed.reason_code,
        )
    _count(failed.service)


@cache
def collection() -> Collection:
    """What the use case needs, built on first use."""
    bind_tables(error_table=setting("error_table"))
    return Collection(requests(), ErrorTable(), now, event_bus())


def _count(failed_service: str) -> None:
    """Which service fails, as a metric to put an alarm on."""
    metrics = Metrics(namespace="Erasure", service="adjudication")
    metrics.add_dimension("failed_service", failed_service)
    metrics.add_metric("ErrorsRecorded", MetricUnit.Count, 1)
    metrics.flush_metrics()
