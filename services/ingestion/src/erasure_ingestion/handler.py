"""Firehose's transform function: checks and normalises profile records on their way to the lake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Protocol

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from erasure_ingestion.core.reasons import Reason
from erasure_ingestion.core.response import answer, fit
from erasure_ingestion.core.transform import Outcome, ProfileTransform, Result, failed
from erasure_shared.schemas import read_schema

SERVICE = "ingestion"
NAMESPACE = "Erasure"


class Transform(Protocol):
    """What `core.transform.ProfileTransform` is to this module."""

    def apply(self, data: object, arrived_at_ms: object) -> Outcome: ...


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answers every record of the batch once, in order; a bad record spoils no other."""
    answers = fit(
        [
            answer(record["recordId"], outcome_of(record, transform()), record.get("data"))
            for record in event["records"]
        ]
    )
    _report([one.outcome for one in answers])
    return {"records": [one.as_firehose() for one in answers]}


def outcome_of(record: Mapping[str, Any], transform: Transform) -> Outcome:
    """What became of one of Firehose's records; a bug in the transform fails only this record."""
    try:
        return transform.apply(record.get("data"), record.get("approximateArrivalTimestamp"))
    except Exception as error:  # noqa: BLE001 - one record must not take the batch with it
        # The class says which bug to look for; the message may quote the record.
        logger().error("record transform broke", error_class=type(error).__name__)
        return failed(Reason.INTERNAL_ERROR)


def _report(outcomes: Iterable[Outcome]) -> None:
    """Counts and reason codes; nothing of the records themselves."""
    outcomes = list(outcomes)
    results = Counter(outcome.result for outcome in outcomes)
    reasons = Counter((outcome.result, outcome.reason) for outcome in outcomes if outcome.reason)
    metrics = Metrics(namespace=NAMESPACE, service=SERVICE)
    for result, name in _METRIC_NAMES.items():
        metrics.add_metric(name, MetricUnit.Count, results[result])
    unknown = sum(outcome.with_unknown_fields for outcome in outcomes)
    metrics.add_metric("DocumentsWithUnknownFields", MetricUnit.Count, unknown)
    metrics.flush_metrics()
    for (result, reason), count in reasons.items():
        name = _METRIC_NAMES[result]
        with single_metric(name, MetricUnit.Count, count, namespace=NAMESPACE) as metric:
            metric.add_dimension("service", SERVICE)
            metric.add_dimension("reason", str(reason))
    refused = Counter(
        f"{outcome.reason}:{outcome.field}"
        for outcome in outcomes
        if outcome.result is Result.FAILED
    )
    log = logger().warning if refused else logger().info
    log("batch transformed", results=dict(results), refused=dict(refused))


@cache
def transform() -> ProfileTransform:
    """The contract of profile records, compiled once per environment."""
    return ProfileTransform(
        read_schema("records/profile.v1.json"), read_schema("tables/profiles.json")
    )


@cache
def logger() -> Logger:
    """The service's logger, made on first use."""
    return Logger(service=SERVICE)


_METRIC_NAMES = {
    Result.OK: "RecordsOk",
    Result.DROPPED: "RecordsDropped",
    Result.FAILED: "RecordsFailed",
}
