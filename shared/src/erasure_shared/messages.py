"""What becomes of each message of an SQS batch, decided by the error it meets.

    handled          deleted
    RetryLater       back to the queue, visible again after a growing delay
    Rejected         parked in the dead-letter queue at once, with the reason in words
    anything else    back to the queue like RetryLater, until SQS itself gives up

One bad message never touches the others of its batch.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from erasure_shared.errors import Rejected
from erasure_shared.observability import logger, reason_code_of, reason_of

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_FIRST_DELAY_S = 5
_LONGEST_DELAY_S = 900
LEAST_SHARE = 0.5


@dataclass(frozen=True)
class Message:
    """An EventBridge event that came through a queue."""

    detail_type: str
    detail: Any
    attempts: int

    @classmethod
    def read(cls, record: SQSRecord) -> Message:
        """The event in the body of an SQS message.

        Raises:
            Rejected: the body is no EventBridge event.
        """
        try:
            event = json.loads(record.body)
        except (ValueError, RecursionError):
            raise Rejected("the message is not JSON", reason_code="INVALID_MESSAGE") from None
        if not isinstance(event, Mapping) or not isinstance(event.get("detail-type"), str):
            raise Rejected(
                "the message is not an EventBridge event: detail-type: must be a string",
                reason_code="INVALID_MESSAGE",
            )
        return cls(event["detail-type"], event.get("detail"), attempts_of(record))


def attempts_of(record: SQSRecord) -> int:
    """How often SQS has handed this message out."""
    return int(record.attributes.approximate_receive_count or 1)


class Queue:
    """The queue that feeds a function, with the dead-letter queue behind it."""

    def __init__(self, client: SQSClient, dead_letter_queue_url: str) -> None:
        self._client = client
        self._dead_letter_queue_url = dead_letter_queue_url

    def park(self, body: str, reason_code: str, reason: str, attempts: int = 1) -> None:
        """Hand a message to adjudication."""
        self._client.send_message(
            QueueUrl=self._dead_letter_queue_url,
            MessageBody=body,
            MessageAttributes={
                "reason_code": {"DataType": "String", "StringValue": reason_code[:256]},
                "reason": {"DataType": "String", "StringValue": reason[:2000]},
                "attempts": {"DataType": "Number", "StringValue": str(attempts)},
            },
        )

    def delay(self, record: SQSRecord) -> None:
        """Show the message again after a delay that doubles with every attempt, with jitter."""
        longest_s = longest_delay_s(attempts_of(record))
        self._client.change_message_visibility(
            QueueUrl=queue_url_of(self._client, record.event_source_arn),
            ReceiptHandle=record.receipt_handle,
            VisibilityTimeout=round(longest_s * random.uniform(LEAST_SHARE, 1.0)),  # noqa: S311
        )


def longest_delay_s(attempt: int) -> int:
    """How long a message waits at the most after its first, second, ... attempt.

    It waits at least `LEAST_SHARE` of that.
    """
    return min(_LONGEST_DELAY_S, _FIRST_DELAY_S << (attempt - 1))


def queue_url_of(client: SQSClient, queue_arn: str) -> str:
    """The URL of the queue with that ARN, in the function's own account and region."""
    return client.get_queue_url(QueueName=queue_arn.rsplit(":", 1)[1])["QueueUrl"]


def process(
    event: dict[str, Any],
    context: LambdaContext,
    handle: Callable[[Message], None],
    queue: Queue,
    note_failure: Callable[[Message, str, str], None],
) -> dict[str, Any]:
    """Handle every message of the batch; the partial batch response names those to come again.

    `note_failure(message, reason_code, reason)` records why a message failed, where its subject
    is known; its own failure changes nothing for the message.
    """
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)

    def handle_record(record: SQSRecord) -> None:
        _handle_one(record, handle, queue, note_failure)

    response = process_partial_response(event, handle_record, processor, context)
    return dict(response)


def _handle_one(
    record: SQSRecord,
    handle: Callable[[Message], None],
    queue: Queue,
    note_failure: Callable[[Message, str, str], None],
) -> None:
    message: Message | None = None
    try:
        message = Message.read(record)
        handle(message)
    except Exception as error:
        code, reason = reason_code_of(error), reason_of(error)
        rejected = isinstance(error, Rejected)
        logger.warning(
            "message parked" if rejected else "message goes back to the queue",
            reason_code=code,
            reason=reason,
            attempts=attempts_of(record),
        )
        if message is not None:
            _quietly(lambda: note_failure(message, code, reason))
        if rejected:
            queue.park(record.body, code, reason, attempts_of(record))
            return
        _quietly(lambda: queue.delay(record))
        raise


def _quietly(note: Callable[[], None]) -> None:
    """A note is a courtesy: without it the message still takes its way."""
    try:
        note()
    except Exception as error:  # noqa: BLE001
        logger.warning("a note could not be taken", reason=reason_of(error))
