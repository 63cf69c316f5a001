"""Answers the location queue: ErasureRequested and RelocationRequested.

An operator's `{"plan": {…}}`, sent to the function itself, is answered with what an erasure of
these people would touch.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import uuid4

import boto3
from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from erasure_location.adapters import DataMapStores, ParkedSearches, S3SubjectLists
from erasure_location.core.deadline import Deadline
from erasure_location.core.plan_request import KEY, PlanRequest
from erasure_location.stores.athena import AthenaNames, AthenaSearch
from erasure_location.stores.athena_queries import Queries
from erasure_location.stores.dynamodb import THREADS, DynamoDBSearch
from erasure_location.stores.glue import GlueCatalogue
from erasure_location.stores.postgresql import PostgreSQLSearch
from erasure_location.use_case import Located, PlanPorts, Ports, locate, plan, relocate
from erasure_shared import wiring
from erasure_shared.errors import Rejected
from erasure_shared.events import ErasureRequested, Event, RelocationRequested
from erasure_shared.messages import Message, process
from erasure_shared.observability import logger, reason_code_of, reason_of
from erasure_shared.postgresql import connection
from erasure_shared.settings import setting

NAMESPACE = "Erasure"
_BULK = Config(
    connect_timeout=2,
    read_timeout=30,
    max_pool_connections=THREADS,
    retries={"mode": "standard", "max_attempts": 5},
)
_NOT_OF_THE_REQUEST = {
    "INVALID_EVENT",
    "INVALID_SUBJECT_LIST",
    "REQUEST_ID_REUSED",
    "SUBJECT_LIST_ABSENT",
    "SUBJECT_LIST_ARCHIVED",
    "SUBJECT_LIST_DENIED",
    "SUBJECT_LIST_TOO_LARGE",
}
"""What is wrong with a message; a request recorded under the id it names may be in order."""


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer every message of the batch; those to come again are named in the answer."""
    deadline = Deadline.of(lambda: context.get_remaining_time_in_millis() / 1000)
    if KEY in event:
        return answer(event, deadline)

    def handle_in_time(message: Message) -> None:
        handle(message, deadline)

    return process(event, context, handle_in_time, wiring.queue(), note_failure)


def answer(event: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
    """The dry run's counts, or why there are none; an exception would quote more than it may."""
    try:
        planned = plan(PlanRequest.read(event), plan_ports(), deadline=deadline)
    except Exception as error:  # noqa: BLE001 - nobody but the operator is to be told
        code, reason = reason_code_of(error), reason_of(error)
        logger.warning("nothing planned", reason_code=code, reason=reason)
        return {"error": {"reason_code": code, "reason": reason}}
    logger.info("erasure planned", subjects=planned["subjects"])
    return planned


def handle(message: Message, deadline: Deadline) -> None:
    """Locate, and publish what follows before the message is acknowledged."""
    match message.detail_type:
        case ErasureRequested.detail_type:
            request = ErasureRequested.read(message.detail)
            with logger.append_context_keys(request_id=request.request_id):
                _announce(locate(request, ports(), now=wiring.now(), deadline=deadline))
        case RelocationRequested.detail_type:
            again = RelocationRequested.read(message.detail)
            with logger.append_context_keys(
                request_id=again.request_id, location_id=again.location_id
            ):
                _announce(relocate(again, ports(), deadline=deadline))
        case _:
            raise Rejected("detail-type: is not for this queue", reason_code="INVALID_MESSAGE")


def note_failure(message: Message, reason_code: str, reason: str) -> None:
    """Record why the request or the location waits, where it is known."""
    if message.detail_type == RelocationRequested.detail_type:
        event = RelocationRequested.read(message.detail)
        location = wiring.requests().location(event.request_id, event.location_id)
        if location is not None:
            wiring.requests().note_attempt(location, reason_code, reason)
    elif (
        message.detail_type == ErasureRequested.detail_type
        and reason_code not in _NOT_OF_THE_REQUEST
    ):
        request_id = ErasureRequested.read(message.detail).request_id
        wiring.requests().note_failure(request_id, reason_code, reason)


def _announce(located: Located) -> None:
    events: list[Event] = [*located.purges, *([located.completed] if located.completed else [])]
    wiring.event_bus().publish(*events)
    if located.completed is not None:
        wiring.requests().note_announced(located.request_id)
    if located.searched:
        _count(
            {
                "SubjectsRequested": located.subjects,
                "LocationsFound": located.locations,
                "SubjectsNotFound": located.subjects_not_found,
            }
        )
    logger.info(
        "subjects located" if located.searched else "location repeated",
        subjects=located.subjects,
        subjects_not_found=located.subjects_not_found,
        purges_requested=len(located.purges),
        completed=located.completed is not None,
    )


def _count(counts: Mapping[str, int]) -> None:
    metrics = Metrics(namespace=NAMESPACE)
    for name, count in counts.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    metrics.flush_metrics()


@cache
def ports() -> Ports:
    """What locating needs, built once per environment."""
    return Ports(
        requests=wiring.requests(),
        subject_lists=subject_lists(),
        stores=stores(),
        dead_letters=ParkedSearches(wiring.queue(), wiring.now),
    )


@cache
def plan_ports() -> PlanPorts:
    """What planning needs: neither the GDPR table nor the bus."""
    return PlanPorts(subject_lists(), stores(), time.monotonic)


@cache
def subject_lists() -> S3SubjectLists:
    """Claim checks."""
    return S3SubjectLists(boto3.client("s3", config=_BULK))


@cache
def stores() -> DataMapStores:
    """Everywhere people's data may lie."""
    s3 = boto3.client("s3", config=_BULK)
    queries = Queries(
        boto3.client("athena", config=_BULK), s3, setting("athena_workgroup"), time.sleep
    )
    glue = GlueCatalogue(boto3.client("glue", config=_BULK))
    names = AthenaNames(setting("athena_bucket"), setting("glue_database"))
    postgresql_secret = setting("postgresql_secret")
    return DataMapStores(
        wiring.data_map,
        AthenaSearch(glue, queries, s3, names, lambda: uuid4().hex),
        DynamoDBSearch(boto3.client("dynamodb", config=_BULK)),
        PostgreSQLSearch(lambda: connection(postgresql_secret)),
    )
