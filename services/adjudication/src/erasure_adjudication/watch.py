"""The watch function: counts what waits for people, on a schedule, for alarms to see."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from erasure_adjudication.adapters import ErrorTable
from erasure_adjudication.core import ErrorStatus
from erasure_adjudication.watching.adapters import due_dates
from erasure_adjudication.watching.core import Waiting, waiting
from erasure_shared.observability import logger
from erasure_shared.settings import setting
from erasure_shared.tables import bind_tables
from erasure_shared.wiring import now


def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Count, and say the counts as metrics; a zero is said too, so that silence means a fault."""
    bind_tables(gdpr_table=setting("gdpr_table"), error_table=setting("error_table"))
    counted = waiting(ErrorTable().with_status(ErrorStatus.OPEN), due_dates(), now())
    _report(counted)
    logger.info("counted what waits for people", counts=asdict(counted))
    return asdict(counted)


def _report(counted: Waiting) -> None:
    metrics = Metrics(namespace="Erasure", service="adjudication")
    metrics.add_metric("OpenErrors", MetricUnit.Count, counted.open_errors)
    metrics.add_metric("ErrorsOverdue", MetricUnit.Count, counted.errors_overdue)
    metrics.add_metric("OpenRequests", MetricUnit.Count, counted.open_requests)
    metrics.add_metric("RequestsDueSoon", MetricUnit.Count, counted.requests_due_soon)
    metrics.flush_metrics()
