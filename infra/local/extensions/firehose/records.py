"""Records on their way through a delivery stream, and what becomes of those that do not arrive."""

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Record:
    """A record as it arrived."""

    record_id: str
    data: bytes
    arrived_ms: int
    kinesis_metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Transformed:
    """A record as the transform function returned it."""

    record: Record
    data: bytes
    partition_keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """A record that goes to the error prefix.

    https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
    https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html
    """

    record: Record
    output_type: str
    code: str
    message: str
    details: Mapping[str, Any]
    attempts: int = 1

    def as_json_line(self) -> bytes:
        """The record and its error, as Firehose writes them."""
        converting = self.output_type == "format-conversion-failed"
        code, message = (
            ("lastErrorCode", "lastErrorMessage") if converting else ("errorCode", "errorMessage")
        )
        document = {
            "attemptsMade": self.attempts,
            "arrivalTimestamp": self.record.arrived_ms,
            code: self.code,
            message: self.message,
            "attemptEndingTimestamp": int(time.time() * 1000),
            "rawData": base64.b64encode(self.record.data).decode("ascii"),
            **self.details,
        }
        return json.dumps(document).encode() + b"\n"
