"""The Lambda function: batches in, errors and events out, and nothing personal in its log."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from erasure_adjudication import handler as module
from erasure_adjudication.core import ErrorStatus
from erasure_shared import wiring
from erasure_shared.observability import logger
from tests.aws import ERROR_TABLE, GDPR_TABLE
from tests.unit.adjudication.world import CANARY, World, body_about

PURGE = "arn:aws:sqs:eu-west-1:123456789012:erasure-local-purge-dead-letters"
LOCATION = "arn:aws:sqs:eu-west-1:123456789012:erasure-local-location-dead-letters"
SENT_AT_MS = "1793530800000"


class Context:
    """What Powertools reads of a Lambda context."""

    function_name = "erasure-local-adjudication"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:x"
    aws_request_id = "1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture
def function(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name, value in {
        "ERASURE_BUS": "erasure-local",
        "ERASURE_GDPR_TABLE": GDPR_TABLE,
        "ERASURE_ERROR_TABLE": ERROR_TABLE,
        "ERASURE_DIGEST_SECRET": "digest-key",
        "POWERTOOLS_SERVICE_NAME": "adjudication",
    }.items():
        monkeypatch.setenv(name, value)
    boto3.client("secretsmanager").create_secret(Name="digest-key", SecretString="key")
    caches = (wiring.digest, wiring.requests, wiring.event_bus, module.collection)
    for cached in caches:
        cached.cache_clear()
    heard_on_the_bus()
    yield world
    for cached in caches:
        cached.cache_clear()


def heard_on_the_bus() -> None:
    events, sqs = boto3.client("events"), boto3.client("sqs")
    events.create_event_bus(Name="erasure-local")
    pattern = json.dumps({"source": ["erasure.adjudication"]})
    events.put_rule(Name="all", EventBusName="erasure-local", EventPattern=pattern)
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    events.put_targets(
        Rule="all", EventBusName="erasure-local", Targets=[{"Id": "1", "Arn": arn["QueueArn"]}]
    )


def heard() -> list[Any]:
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="heard")["QueueUrl"]
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in messages]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    lines = io.StringIO()
    handler: Any = logger.registered_handler
    monkeypatch.setattr(handler, "stream", lines)
    return lines


def a_record(body: str, message_id: str, arn: str = PURGE, **attributes: str) -> dict[str, Any]:
    return {
        "messageId": message_id,
        "receiptHandle": "handle",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": SENT_AT_MS,
            "SenderId": "x",
            "ApproximateFirstReceiveTimestamp": SENT_AT_MS,
        },
        "messageAttributes": {
            name: {"stringValue": value, "dataType": "String"} for name, value in attributes.items()
        },
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": "eu-west-1",
    }


def invoke(*records: dict[str, Any]) -> Any:
    return module.handler({"Records": list(records)}, Context())  # type: ignore[arg-type]


def test_every_letter_of_a_batch_becomes_an_error_and_an_event(function: World) -> None:
    location = function.a_location()

    response = invoke(
        a_record(body_about(location), "m1", reason_code="NOT_PARQUET", reason="no footer"),
        a_record("not JSON", "m2", LOCATION),
    )

    assert response == {"batchItemFailures": []}
    assert function.error_of(location).reason == "no footer"
    assert function.status_of(location) == "FAILED"
    assert len(list(function.errors.with_status(ErrorStatus.OPEN))) == 2
    events = heard()
    assert sorted(event["detail"]["data"]["service"] for event in events) == ["location", "purge"]
    assert {event["detail-type"] for event in events} == {"ErasureFailed"}


def test_a_letter_that_cannot_be_recorded_goes_back_alone(function: World) -> None:
    location = function.a_location()
    broken = a_record(body_about(location), "m1") | {"attributes": {"SentTimestamp": "soon"}}

    response = invoke(broken, a_record("not JSON", "m2"))

    assert response == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert len(list(function.errors.with_status(ErrorStatus.OPEN))) == 1


def test_when_the_bus_is_gone_the_letter_comes_again_and_the_error_is_told_then(
    function: World,
) -> None:
    location = function.a_location()
    boto3.client("events").remove_targets(Rule="all", EventBusName="erasure-local", Ids=["1"])
    boto3.client("events").delete_rule(Name="all", EventBusName="erasure-local")
    boto3.client("events").delete_event_bus(Name="erasure-local")

    first = invoke(a_record(body_about(location), "m1"))
    boto3.client("sqs").delete_queue(
        QueueUrl=boto3.client("sqs").get_queue_url(QueueName="heard")["QueueUrl"]
    )
    heard_on_the_bus()
    response = invoke(a_record(body_about(location), "m1"))

    assert first == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert response == {"batchItemFailures": []}
    assert [event["detail-type"] for event in heard()] == ["ErasureFailed"]


def test_nothing_personal_is_logged_recorded_or_published(
    function: World, log: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    detail = {"data": {"request_id": CANARY + "@example.org", "subjects": [{"profile_id": CANARY}]}}
    response = invoke(
        a_record(json.dumps({"detail-type": CANARY, "detail": detail}), "m1", LOCATION),
        a_record(json.dumps({"detail-type": "PurgeRequested", "detail": CANARY}), "m2"),
        a_record(f"{CANARY} is not JSON", "m3"),
        a_record(f"{CANARY} is not JSON", "m4") | {"attributes": {"SentTimestamp": CANARY}},
    )

    output = capsys.readouterr()
    errors = boto3.client("dynamodb").scan(TableName=ERROR_TABLE)["Items"]
    assert response == {"batchItemFailures": [{"itemIdentifier": "m4"}]}
    assert len(errors) == 3
    written = "\n".join([log.getvalue(), output.out, output.err, str(errors), str(heard())])
    assert "erasure error recorded" in written
    assert "ErrorsRecorded" in written
    assert CANARY not in written
