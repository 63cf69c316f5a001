"""An Athena that answers as it is told, and the S3 beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

BUCKET, OUTPUT = "athena", "results/1.csv"


@dataclass
class FakeAthena:
    """Every query goes through the same states; the last one stays."""

    states: Sequence[str] = ("QUEUED", "RUNNING", "SUCCEEDED")
    reasons: list[str] = field(default_factory=list)
    rows: Sequence[Sequence[str | None]] = ()
    refusal: str | None = None
    started: list[dict[str, Any]] = field(default_factory=list)
    stopped: bool = False
    _asked: int = 0

    def start_query_execution(self, **query: Any) -> dict[str, str]:
        if self.refusal is not None:
            raise refused(self.refusal, 400)
        self.started.append(query)
        self._asked = 0
        return {"QueryExecutionId": "1"}

    def get_query_execution(self, **_: object) -> dict[str, Any]:
        state = self.states[min(self._asked, len(self.states) - 1)]
        self._asked += 1
        status: dict[str, Any] = {"State": "CANCELLED" if self.stopped else state}
        if state != "SUCCEEDED" and len(self.reasons) >= len(self.started):
            status["StateChangeReason"] = self.reasons[len(self.started) - 1]
        elif state == "FAILED":
            status["State"] = "SUCCEEDED"
        location = {"OutputLocation": f"s3://{BUCKET}/{OUTPUT}"}
        return {
            "QueryExecution": {
                "Status": status,
                "ResultConfiguration": location,
                "Statistics": {"DataScannedInBytes": 4_000},
            }
        }

    def stop_query_execution(self, **_: object) -> None:
        self.stopped = True

    def get_paginator(self, _: str) -> FakeAthena:
        return self

    def paginate(self, **_: object) -> Iterator[dict[str, Any]]:
        rows = [
            {"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]}
            for row in (("$path", "_col1"), *self.rows)
        ]
        yield {"ResultSet": {"Rows": rows}}


@dataclass
class FakeS3:
    """Objects by URI; deleting can be made to fail."""

    objects: set[str] = field(default_factory=set)
    head_status: int | None = None
    broken: bool = False
    size_bytes: int = 1_000
    deleted: list[str] = field(default_factory=list)
    bodies: dict[str, bytes] = field(default_factory=dict)

    def put_object(self, **request: Any) -> None:
        uri = f"s3://{request['Bucket']}/{request['Key']}"
        self.objects.add(uri)
        self.bodies[uri] = request["Body"]

    def delete_object(self, **request: Any) -> None:
        uri = f"s3://{request['Bucket']}/{request['Key']}"
        self.deleted.append(uri)
        if self.broken:
            raise refused("InternalError", 500)
        self.objects.discard(uri)

    def head_object(self, **request: Any) -> dict[str, int]:
        if self.head_status is not None:
            raise refused(str(self.head_status), self.head_status)
        if f"s3://{request['Bucket']}/{request['Key']}" not in self.objects:
            raise refused("404", 404)
        return {"ContentLength": self.size_bytes}


@dataclass
class FakeGlue:
    """A catalogue of one table."""

    columns: Sequence[tuple[str, str]] = (("profile_id", "string"), ("email", "string"))
    partition_keys: Sequence[tuple[str, str]] = (("dt", "string"),)
    refusal: str | None = None

    def get_table(self, **_: object) -> dict[str, Any]:
        if self.refusal is not None:
            raise refused(self.refusal, 400)
        return {
            "Table": {
                "StorageDescriptor": {"Columns": _declared(self.columns)},
                "PartitionKeys": _declared(self.partition_keys),
            }
        }


def _declared(columns: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"Name": name, "Type": kind} for name, kind in columns]


def refused(code: str, status: int) -> ClientError:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Operation")
