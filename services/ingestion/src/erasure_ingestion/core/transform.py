"""One record in, one outcome out; the same record always has the same outcome."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError, ValidationErrorKind

from erasure_ingestion.core.columns import UNKNOWN_FIELDS, Table
from erasure_ingestion.core.documents import read_documents
from erasure_ingestion.core.reasons import Reason, Refused

_EARLIEST_ARRIVAL_MS = 946_684_800_000  # 2000-01-01: nothing arrives before there was a stream
_LATEST_ARRIVAL_MS = 253_402_300_799_999  # 9999-12-31


class Result(StrEnum):
    """What Firehose does with the record: store it, forget it, or keep it under `errors/`."""

    OK = "Ok"
    DROPPED = "Dropped"
    FAILED = "ProcessingFailed"


@dataclass(frozen=True)
class Outcome:
    """What became of one record; `content` is JSON lines, present if `result` is OK."""

    result: Result
    reason: Reason | None = None
    field: str = ""
    content: bytes = b""
    dt: str = ""
    documents: int = 0
    with_unknown_fields: int = 0


def failed(reason: Reason, field: str = "") -> Outcome:
    """The outcome of a record that Firehose keeps under `errors/`."""
    return Outcome(Result.FAILED, reason, field)


class ProfileTransform:
    """Applies the contract of profile records: their JSON Schema and the columns of their table."""

    def __init__(self, schema: dict[str, Any], columns: Sequence[Mapping[str, str]]) -> None:
        self._validator = validator(schema)
        self._table = Table(columns)

    def apply(self, data: object, arrived_at_ms: object) -> Outcome:
        """The outcome for a record's base64 text and Firehose's time of its arrival."""
        try:
            content = _decode(data)
            if not content.strip(b" \t\r\n"):
                return Outcome(Result.DROPPED, Reason.BLANK)
            rows = [self._row(document) for document in read_documents(content)]
            return Outcome(
                Result.OK,
                content=_json_lines(rows),
                dt=partition_date(arrived_at_ms),
                documents=len(rows),
                with_unknown_fields=sum(UNKNOWN_FIELDS in row for row in rows),
            )
        except Refused as refused:
            return failed(refused.reason, refused.field)
        except UnicodeEncodeError:  # half of a pair of surrogates: no UTF-8 can hold it
            return failed(Reason.LONE_SURROGATE)

    def _row(self, document: object) -> dict[str, object]:
        if not self._validator.is_valid(document):
            raise _refusal(next(self._validator.iter_errors(document)))
        return self._table.row(document)


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """The compiled schema; its errors name places and rules, never values."""
    return Draft202012Validator(schema, mask="a value")


def partition_date(arrived_at_ms: object) -> str:
    """The UTC date of arrival, which names the partition.

    Not `updated_at`: senders' clocks and backfills reach outside of the range that a projected
    partition key covers, and what no query can list, no erasure can find. Arrival is always
    between the first deployment and now, and keeps the open partitions few (Firehose: 500).

    Raises:
        Refused: Firehose gave no such time.
    """
    if not isinstance(arrived_at_ms, int):
        raise Refused(Reason.NO_ARRIVAL_TIME)
    if not _EARLIEST_ARRIVAL_MS <= arrived_at_ms <= _LATEST_ARRIVAL_MS:
        raise Refused(Reason.NO_ARRIVAL_TIME)
    return f"{datetime.fromtimestamp(arrived_at_ms // 1000, UTC):%Y-%m-%d}"


def _decode(data: object) -> bytes:
    try:
        return base64.b64decode(data if isinstance(data, str) else "*", validate=True)
    except (binascii.Error, ValueError):
        raise Refused(Reason.NOT_BASE64) from None


def _json_lines(rows: Sequence[Mapping[str, object]]) -> bytes:
    lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)
    return "".join(lines).encode("utf-8")


def _refusal(error: ValidationError) -> Refused:
    """Names the field by its place in our schema: the path holds no name that a sender chose."""
    path = [str(step) for step in error.instance_path if not isinstance(step, int)]
    if isinstance(error.kind, ValidationErrorKind.Required):
        return Refused(Reason.MISSING_FIELD, ".".join([*path, error.kind.property]))
    return Refused(Reason.INVALID_VALUE, ".".join(path))
