"""Asking the transform function, in Firehose's own event format.

https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
"""

import base64
import binascii
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ministack.services import lambda_svc

from infra.local.extensions.firehose.records import Failed, Record, Transformed

_MOST_RECORDS = 500
_MOST_BYTES = 3 * 2**20
_LONGEST_ANSWER_BYTES = 6 * 2**20
_TYPE = "processing-failed"

Outcome = Transformed | Failed | None
"""Stored, failed, or dropped on purpose."""


@dataclass(frozen=True)
class TransformFunction:
    """The Lambda function of a delivery stream, and how often to try."""

    arn: str
    attempts: int
    stream_arn: str
    region: str

    def transform(self, records: Sequence[Record]) -> Iterator[Outcome]:
        """What becomes of every record, batch by batch."""
        for batch in _batches(records):
            answers = self._ask(batch)
            if isinstance(answers, str):
                for record in batch:
                    yield self._failed(record, "Lambda.FunctionError", answers, self.attempts)
            else:
                yield from (self._outcome(record, answers) for record in batch)

    def _ask(self, batch: Sequence[Record]) -> dict[str, Mapping[str, Any]] | str:
        """The answers by record id, or the last error after all attempts."""
        event = {
            "invocationId": str(uuid.uuid4()),
            "deliveryStreamArn": self.stream_arn,
            "region": self.region,
            "records": [_as_event(record) for record in batch],
        }
        error = ""
        for _ in range(self.attempts):
            answers = _invoke(self.arn, event)
            if not isinstance(answers, str):
                return answers
            error = answers
        return error

    def _outcome(self, record: Record, answers: Mapping[str, Mapping[str, Any]]) -> Outcome:
        answer = answers.get(record.record_id)
        if answer is None:
            return self._failed(record, "Lambda.MissingRecordId", "recordId missing in the answer")
        match answer.get("result"):
            case "Ok":
                return self._stored(record, answer)
            case "Dropped":
                return None
            case "ProcessingFailed":
                return self._failed(
                    record,
                    "Lambda.ProcessingFailedStatus",
                    "ProcessingFailed status set for record",
                )
            case _:
                return self._failed(record, "Lambda.InvalidResultStatus", "result is not known")

    def _stored(self, record: Record, answer: Mapping[str, Any]) -> Outcome:
        try:
            data = base64.b64decode(answer["data"], validate=True)
            keys = (answer.get("metadata") or {}).get("partitionKeys") or {}
        except (KeyError, binascii.Error, TypeError):
            return self._failed(record, "Lambda.InvalidData", "data is not base64")
        return Transformed(record, data, {str(key): str(value) for key, value in keys.items()})

    def _failed(self, record: Record, code: str, message: str, attempts: int = 1) -> Failed:
        return Failed(record, _TYPE, code, message, {"lambdaArn": self.arn}, attempts)


def _batches(records: Sequence[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    size_bytes = 0
    for record in records:
        if batch and (len(batch) == _MOST_RECORDS or size_bytes + len(record.data) > _MOST_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(record)
        size_bytes += len(record.data)
    if batch:
        yield batch


def _as_event(record: Record) -> dict[str, Any]:
    event = {
        "recordId": record.record_id,
        "approximateArrivalTimestamp": record.arrived_ms,
        "data": base64.b64encode(record.data).decode("ascii"),
    }
    if record.kinesis_metadata is not None:
        event["kinesisRecordMetadata"] = dict(record.kinesis_metadata)
    return event


def _invoke(arn: str, event: Mapping[str, Any]) -> dict[str, Mapping[str, Any]] | str:
    """The answers by record id, or what went wrong."""
    function, configuration, name = lambda_svc._get_func_record_for_ref(arn)
    if not function or not configuration:
        return f"function {name} was not found"
    record = lambda_svc._execution_record_for_config(function, configuration)
    result = lambda_svc._execute_function_with_config_scope(record, event)
    body = result.get("body")
    if result.get("error"):
        return str(body.get("errorType") if isinstance(body, dict) else "the function failed")
    if len(json.dumps(body).encode()) > _LONGEST_ANSWER_BYTES:
        return "the answer is longer than 6 MB"
    answers = body.get("records") if isinstance(body, dict) else None
    if not isinstance(answers, list):
        return "the answer has no records"
    return {answer["recordId"]: answer for answer in answers}
