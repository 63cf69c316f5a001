"""Reading what went on in the local cloud: every log line of the functions, every event.

For tests that must see all of it, such as the search for personal data that leaked.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import boto3

_QUEUE = "erasure-recorded-events"
_RULE = "erasure-record-events"
_EVERY_EVENT = {"version": ["0"]}


class LogLine(NamedTuple):
    """One line of a function's output."""

    function: str
    text: str


def function_log_lines(folder: Path) -> Iterator[LogLine]:
    """Every line that a Lambda function wrote, unhandled exceptions included."""
    for log in sorted(folder.glob("*.log")):
        for text in log.read_text(encoding="utf-8", errors="replace").splitlines():
            yield LogLine(log.stem, text)


def workers_started(state_dir: Path, function: str) -> int:
    """How many workers a function has had; one more is started only while all others are busy."""
    log = (state_dir / "logs" / "ministack.log").read_text(encoding="utf-8", errors="replace")
    return log.count(f"Lambda worker spawned for {function} ")


@dataclass(frozen=True)
class EventRecorder:
    """A rule for every event of the bus, and the queue it fills."""

    sqs: Any
    queue_url: str

    @classmethod
    def start(cls, session: boto3.Session, endpoint_url: str, *, bus: str) -> "EventRecorder":
        """Record from now on; starting twice records into the same queue."""
        sqs = session.client("sqs", endpoint_url=endpoint_url)
        events = session.client("events", endpoint_url=endpoint_url)
        queue_url = sqs.create_queue(QueueName=_QUEUE)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
        events.put_rule(Name=_RULE, EventBusName=bus, EventPattern=json.dumps(_EVERY_EVENT))
        events.put_targets(
            Rule=_RULE,
            EventBusName=bus,
            Targets=[{"Id": "recorder", "Arn": arn["Attributes"]["QueueArn"]}],
        )
        return cls(sqs=sqs, queue_url=queue_url)

    def take(self) -> list[dict[str, Any]]:
        """The events recorded since the last call, as EventBridge delivers them to a target."""
        taken: list[dict[str, Any]] = []
        while messages := self._receive():
            taken += [json.loads(message["Body"]) for message in messages]
        return taken

    def _receive(self) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return messages
