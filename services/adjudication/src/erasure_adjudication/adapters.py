"""The error table on DynamoDB, and the services' queues on SQS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pynamodb.exceptions import PutError
from pynamodb.expressions.condition import Condition

from erasure_adjudication.core import DeadLetter, ErrorRecord, ErrorStatus, instant_of
from erasure_shared.requests.writing import is_refusal
from erasure_shared.tables import ErrorItem

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class ErrorTable:
    """The erasure errors; `bind_tables` comes first."""

    def find(self, error_id: str) -> ErrorRecord | None:
        """The error as it is recorded, or None."""
        try:
            return _record(ErrorItem.get(error_id, consistent_read=True))
        except ErrorItem.DoesNotExist:
            return None

    def write(self, record: ErrorRecord, *, instead_of: ErrorRecord | None) -> bool:
        """Put the record where `instead_of` stood; False if something else stands there."""
        item = ErrorItem(**asdict(record))
        try:
            item.save(_still(instead_of))
        except PutError as error:
            if not is_refusal(error):
                raise
            return False
        return True

    def with_status(
        self, status: ErrorStatus, request_id: str | None = None
    ) -> Iterator[ErrorRecord]:
        """Errors of that status, oldest first; of one request, or of all. The index lags a bit."""
        mine = None if request_id is None else ErrorItem.request_id == request_id
        return map(_record, ErrorItem.by_status.query(status, filter_condition=mine))


class SourceQueues:
    """The queues in front of the services, by name, in the caller's account."""

    def __init__(self, client: SQSClient) -> None:
        self._client = client

    def send(self, queue: str, body: str) -> None:
        """Put a message at the end of the queue."""
        url = self._client.get_queue_url(QueueName=queue)["QueueUrl"]
        self._client.send_message(QueueUrl=url, MessageBody=body)


def dead_letter(record: SQSRecord) -> DeadLetter:
    """The dead letter in an SQS record of a Lambda event."""
    attributes = {
        name: str(attribute["stringValue"])
        for name, attribute in (record.get("messageAttributes") or {}).items()
        if attribute.get("stringValue") is not None
    }
    return DeadLetter(
        message_id=record.message_id,
        queue=record.event_source_arn.rsplit(":", 1)[-1],
        sent_at=instant_of(record.attributes.sent_timestamp),
        received=int(record.attributes.approximate_receive_count or 1),
        body=record.body,
        attributes=attributes,
    )


def _still(known: ErrorRecord | None) -> Condition:
    """The item is the one that was read; a later dead letter or decision changes one of these."""
    if known is None:
        absent: Condition = ErrorItem.error_id.does_not_exist()
        return absent
    same: Condition = (
        (ErrorItem.status == known.status)
        & (ErrorItem.message_id == known.message_id)
        & (ErrorItem.last_at == known.last_at)
    )
    return same


_TEXTS = frozenset(field.name for field in fields(ErrorRecord)) - {
    "status",
    "attempts",
    "parked_parts",
}


def _record(item: ErrorItem) -> ErrorRecord:
    return ErrorRecord(
        status=ErrorStatus(item.status),
        attempts=int(item.attempts),
        parked_parts=int(item.parked_parts),
        **{name: getattr(item, name) for name in _TEXTS},
    )
