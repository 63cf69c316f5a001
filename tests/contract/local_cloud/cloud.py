"""What the contract tests of the emulator say to it."""

import io
import json
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import boto3

from infra.local.emulator import ACCOUNT_ID, REGION, Emulator

Seen = TypeVar("Seen")
_names = count(1)
ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/anybody"


@dataclass
class Cloud:
    """The emulator, with what the tests need to speak to it."""

    emulator: Emulator
    clients: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, service: str) -> Any:
        """A client, by the name of the service."""
        if service not in self.clients:
            credentials = self.emulator.credentials
            session: Any = boto3.Session(
                aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
                region_name=REGION,
            )
            self.clients[service] = session.client(
                service.rstrip("_"), endpoint_url=self.emulator.endpoint_url
            )
        return self.clients[service]

    def bucket(self, *, versioned: bool = False) -> str:
        name = fresh_name()
        place = {"LocationConstraint": REGION}
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
        if versioned:
            versioning = {"Status": "Enabled"}
            self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)
        return name

    def queue(self, **attributes: str) -> tuple[str, str]:
        """URL and ARN of a new queue."""
        url = self.sqs.create_queue(QueueName=fresh_name(), Attributes=attributes)["QueueUrl"]
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, answer["Attributes"]["QueueArn"]

    def messages(self, queue_url: str) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def function(self, source: str, *, timeout_s: int = 10) -> str:
        """The ARN of a new function with this source; its handler is `handler`."""
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("index.py", source)
        name = fresh_name()
        answer = self.lambda_.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Handler="index.handler",
            Role=ROLE,
            Timeout=timeout_s,
            Code={"ZipFile": code.getvalue()},
        )
        return str(answer["FunctionArn"])

    def objects(self, bucket: str, prefix: str = "") -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for item in listed.get("Contents", [])]

    def body(self, bucket: str, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content


def fresh_name() -> str:
    return f"test-{next(_names)}"


def eventually(look: Callable[[], Seen | None], *, timeout_s: float = 15.0) -> Seen:
    """Look until there is something to see."""
    deadline_s = time.monotonic() + timeout_s
    while not (seen := look()):
        assert time.monotonic() < deadline_s, "nothing came in time"
        time.sleep(0.05)
    return seen


def columns_of_profiles() -> list[dict[str, str]]:
    file = Path(__file__).parents[3] / "schemas" / "tables" / "profiles.json"
    columns: list[dict[str, str]] = json.loads(file.read_text(encoding="utf-8"))
    return columns
