"""The function as its template deploys it, on moto, with what comes out of it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import boto3
import pytest
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.parameters import base
from aws_lambda_powertools.utilities.typing import LambdaContext

from erasure_location import handler
from erasure_shared import wiring
from erasure_shared.observability import logger
from tests.aws import GDPR_TABLE, moto_account

QUEUE, DEAD_LETTERS, HEARD = "location", "location-dead-letters", "heard"
CANARY = "Canary-7f3a O'Hara"
ATHENA_BUCKET, ACCOUNTS = "athena-results", "loyalty_accounts"
LAKE = {
    "name": "profiles_lake",
    "kind": "s3",
    "database": "lake",
    "table": "profiles",
    "id_column": "profile_id",
}
LOYALTY = {
    "name": "loyalty_accounts",
    "kind": "dynamodb",
    "table": ACCOUNTS,
    "id_attribute": "profile_id",
}
BOOKINGS = {
    "name": "bookings",
    "kind": "postgresql",
    "table": "bookings",
    "id_column": "profile_id",
}
SETTINGS = {
    "ERASURE_BUS": "bus",
    "ERASURE_GDPR_TABLE": GDPR_TABLE,
    "ERASURE_ATHENA_BUCKET": ATHENA_BUCKET,
    "ERASURE_ATHENA_WORKGROUP": "workgroup",
    "ERASURE_GLUE_DATABASE": "lake",
    "ERASURE_DATA_MAP": "/data-map",
    "ERASURE_DIGEST_SECRET": "digest",
    "ERASURE_POSTGRESQL_SECRET": "postgresql",
    "POWERTOOLS_SERVICE_NAME": "location",
}


class Context:
    """What Lambda tells the function about its invocation."""

    function_name = "erasure-test-location"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:erasure-test-location"
    aws_request_id = "1"

    def __init__(self, remaining_s: Callable[[], float]) -> None:
        self._remaining_s = remaining_s

    def get_remaining_time_in_millis(self) -> int:
        return int(self._remaining_s() * 1000)


@dataclass
class Deployment:
    """The deployed function."""

    urls: dict[str, str]
    logs: io.StringIO = field(default_factory=io.StringIO)

    def handle(
        self, *bodies: object, remaining_s: Callable[[], float] = lambda: 120.0
    ) -> list[str]:
        """Hand the messages to the function; returns the positions of those to come again."""
        records = [self._record(number, body) for number, body in enumerate(bodies)]
        context = cast(LambdaContext, Context(remaining_s))
        answer = handler.handler({"Records": records}, context)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def plan(
        self, question: object, remaining_s: Callable[[], float] = lambda: 120.0
    ) -> dict[str, Any]:
        """Put a question to the function itself."""
        context = cast(LambdaContext, Context(remaining_s))
        return handler.handler({"plan": question}, context)

    def declare(self, *stores: dict[str, str]) -> None:
        """Write the data map."""
        text = json.dumps({"version": "1", "stores": stores})
        ssm = boto3.client("ssm")
        ssm.put_parameter(Name="/data-map", Value=text, Type="String", Overwrite=True)
        parameters.clear_caches()  # type: ignore[no-untyped-call]

    def messages(self, queue: str) -> list[Any]:
        """What waits in the queue; it is taken out, but for the function's own queue."""
        sqs, url = boto3.client("sqs"), self.urls[queue]
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        messages = list(answer.get("Messages", []))
        for message in messages if queue != QUEUE else ():
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return messages

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """What was published: detail type and data of each event."""
        bodies = [json.loads(message["Body"]) for message in self.messages(HEARD)]
        return [(body["detail-type"], body["detail"]["data"]) for body in bodies]

    def _record(self, number: int, body: object) -> dict[str, Any]:
        text = body if isinstance(body, str) else json.dumps(body)
        boto3.client("sqs").send_message(QueueUrl=self.urls[QUEUE], MessageBody=text)
        [message] = self.messages(QUEUE)
        return {
            "messageId": str(number),
            "receiptHandle": message["ReceiptHandle"],
            "body": text,
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:eu-west-1:123456789012:{QUEUE}",
            "awsRegion": "eu-west-1",
        }


@contextmanager
def deployed() -> Iterator[Deployment]:
    """The function with its queues, bus, tables and secrets, all empty; one DynamoDB store."""
    with pytest.MonkeyPatch.context() as monkeypatch, moto_account(monkeypatch):
        _forget_clients()
        deployment = Deployment(_queues())
        dead_letters = deployment.urls[DEAD_LETTERS]
        for name, value in (SETTINGS | {"ERASURE_DEAD_LETTER_QUEUE": dead_letters}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(logger.registered_handler, "stream", deployment.logs)
        _create_platform()
        deployment.declare(LOYALTY)
        yield deployment
    _forget_clients()


def _forget_clients() -> None:
    for built in (
        wiring.digest,
        wiring.requests,
        wiring.event_bus,
        wiring.queue,
        handler.ports,
        handler.plan_ports,
        handler.stores,
        handler.subject_lists,
    ):
        built.cache_clear()
    parameters.clear_caches()  # type: ignore[no-untyped-call]
    base.DEFAULT_PROVIDERS.clear()  # type: ignore[attr-defined]


def _queues() -> dict[str, str]:
    sqs = boto3.client("sqs")
    names = (QUEUE, DEAD_LETTERS, HEARD)
    return {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in names}


def _create_platform() -> None:
    events = boto3.client("events")
    events.create_event_bus(Name="bus")
    events.put_rule(Name="all", EventBusName="bus", EventPattern='{"source": ["erasure.location"]}')
    heard = f"arn:aws:sqs:eu-west-1:123456789012:{HEARD}"
    events.put_targets(Rule="all", EventBusName="bus", Targets=[{"Id": "heard", "Arn": heard}])
    secrets = boto3.client("secretsmanager")
    secrets.create_secret(Name="digest", SecretString="a key")
    dsn = "postgresql://nobody:nothing@127.0.0.1:1/nowhere"
    secrets.create_secret(Name="postgresql", SecretString=json.dumps({"dsn": dsn}))
    place: Any = {"LocationConstraint": "eu-west-1"}
    boto3.client("s3").create_bucket(Bucket=ATHENA_BUCKET, CreateBucketConfiguration=place)
    boto3.client("dynamodb").create_table(
        TableName=ACCOUNTS,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "profile_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "profile_id", "AttributeType": "S"}],
    )


def message(
    detail_type: str = "ErasureRequested", *, version: str = "1.0", **data: object
) -> dict[str, Any]:
    detail = {"metadata": {"schema_version": version}, "data": data}
    return {"detail-type": detail_type, "source": "customer", "detail": detail}


def a_request(*people: str, **changes: Any) -> dict[str, Any]:
    subjects = [{"profile_id": person} for person in people]
    data: dict[str, Any] = {
        "request_id": "r1",
        "received_at": "2026-11-01T12:00:00Z",
        "subjects": subjects,
    }
    return message(**(data | changes))


def store(*people: str) -> None:
    dynamodb = boto3.client("dynamodb")
    for person in people:
        dynamodb.put_item(TableName=ACCOUNTS, Item={"profile_id": {"S": person}})
