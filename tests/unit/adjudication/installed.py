"""An installation on moto that the command line finds through its environment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from erasure_adjudication.cli import app
from tests.aws import ERROR_TABLE, GDPR_TABLE

BUS, MUTEX_TABLE, ATHENA_BUCKET = "erasure-local", "mutex", "erasure-local-athena"
ENVIRONMENT = {
    "ERASURE_STAGE": "local",
    "ERASURE_BUS": BUS,
    "ERASURE_GDPR_TABLE": GDPR_TABLE,
    "ERASURE_ERROR_TABLE": ERROR_TABLE,
    "ERASURE_MUTEX_TABLE": MUTEX_TABLE,
    "ERASURE_ATHENA_BUCKET": ATHENA_BUCKET,
    "ERASURE_DIGEST_SECRET": "digest-key",
}
QUEUES = ("heard", "erasure-local-location", "erasure-local-purge")


@contextmanager
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Inside a moto account that has the GDPR and error tables already."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    boto3.client("dynamodb").create_table(
        TableName=MUTEX_TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    boto3.client("secretsmanager").create_secret(Name="digest-key", SecretString="key")
    boto3.client("s3").create_bucket(
        Bucket=ATHENA_BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    for queue in QUEUES:
        boto3.client("sqs").create_queue(QueueName=queue)
    hear_everything()
    yield


def hear_everything() -> None:
    """Every event of the bus goes to the queue `heard`."""
    events = boto3.client("events")
    events.create_event_bus(Name=BUS)
    pattern = json.dumps({"source": [{"prefix": "erasure."}]})
    events.put_rule(Name="all", EventBusName=BUS, EventPattern=pattern)
    arn = boto3.client("sqs").get_queue_attributes(
        QueueUrl=queue_url("heard"), AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
    events.put_targets(Rule="all", EventBusName=BUS, Targets=[{"Id": "1", "Arn": arn}])


def queue_url(name: str) -> str:
    return str(boto3.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


def bodies_in(queue: str) -> list[str]:
    received = boto3.client("sqs").receive_message(
        QueueUrl=queue_url(queue), MaxNumberOfMessages=10
    )
    return [message["Body"] for message in received.get("Messages", [])]


def heard() -> list[Any]:
    return [json.loads(body) for body in bodies_in("heard")]


def erasure(*arguments: str, stdin: str | bytes | None = None) -> Any:
    """Type `erasure …` into a terminal of 120 columns without colours."""
    result = CliRunner().invoke(
        app, list(arguments), input=stdin, env={"COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb"}
    )
    assert "Traceback" not in result.output
    return result
