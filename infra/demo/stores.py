"""The demonstration's stores, fed and read by means that the services do not use.

The services rewrite Parquet with pyarrow; DuckDB reads it here.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import psycopg
from psycopg import sql

from infra.local.cloud import LocalCloud
from tests import synthetic

_RECORDS_PER_CALL = 500  # PutRecords, Kinesis service quotas
_ITEMS_PER_CALL = 25  # BatchWriteItem, DynamoDB service quotas
LAKE_PREFIX = "profiles/"

Row = dict[str, Any]


@dataclass(frozen=True)
class Holding:
    """What a store holds of some people, and of everybody else."""

    rows_of_subjects: int
    rows_of_others: int
    checksum_of_others: str


class Stores:
    """The lake and the sample databases of a local cloud."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._bucket = cloud.environment["ERASURE_LAKE_BUCKET"]
        self._stream = cloud.environment["ERASURE_STREAM"]
        self._dsn = cloud.environment["ERASURE_PG_DSN"]
        self._kinesis = cloud.client("kinesis")
        self._dynamodb = cloud.client("dynamodb")
        self._s3 = cloud.client("s3")

    # --- feeding

    def stream(
        self, records: Iterable[Row], sent: Callable[[int], None], *, pause_s: float = 0.0
    ) -> None:
        """Put records into the ingestion stream; `sent` is told how many each time.

        With a pause between the calls they arrive over a while, and so in several objects.
        """
        remaining = iter(records)
        while batch := list(islice(remaining, _RECORDS_PER_CALL)):
            entries = [
                {"Data": json.dumps(record).encode(), "PartitionKey": record["profile_id"][:256]}
                for record in batch
            ]
            answer = self._kinesis.put_records(StreamName=self._stream, Records=entries)
            if answer["FailedRecordCount"]:
                raise RuntimeError(f"Kinesis refused {answer['FailedRecordCount']} records")
            sent(len(batch))
            time.sleep(pause_s)

    def seed(self, everyone: Sequence[synthetic.Person]) -> None:
        """Fill the two DynamoDB tables and the two PostgreSQL tables."""
        self._put_items("loyalty_accounts", synthetic.loyalty_accounts(everyone))
        self._put_items("web_sessions", synthetic.web_sessions(everyone))
        with psycopg.connect(self._dsn) as connection:
            _copy(connection, "customers", synthetic.customers(everyone))
            _copy(connection, "bookings", synthetic.bookings(everyone))

    def _put_items(self, table: str, rows: Sequence[Row]) -> None:
        batches = [rows[at : at + _ITEMS_PER_CALL] for at in range(0, len(rows), _ITEMS_PER_CALL)]

        def put(batch: Sequence[Row]) -> None:
            puts = [{"PutRequest": {"Item": _typed_item(row)}} for row in batch]
            answer = self._dynamodb.batch_write_item(RequestItems={table: puts})
            if answer.get("UnprocessedItems"):
                raise RuntimeError(f"DynamoDB did not take every item of {table}")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(put, batches))

    # --- reading

    def holdings(self, subjects: Collection[str]) -> dict[str, Holding]:
        """What each store holds of the subjects and of everybody else."""
        rows = {
            "S3 lake (Parquet)": self.lake_rows(),
            "DynamoDB loyalty_accounts": list(self._items("loyalty_accounts")),
            "DynamoDB web_sessions": list(self._items("web_sessions")),
            "PostgreSQL bookings": self._table("bookings"),
            "PostgreSQL customers": self._table("customers"),
        }
        return {store: _holding(found, set(subjects)) for store, found in rows.items()}

    def lake_rows(self) -> list[Row]:
        """Every row of every current object of the lake, as DuckDB reads it."""
        with self._downloaded() as files:
            return _read_parquet(files)

    def lake_row_count(self) -> int:
        """How many rows the lake has, as DuckDB counts them."""
        with self._downloaded() as files:
            return _count_parquet(files)

    @contextmanager
    def _downloaded(self) -> Iterator[list[str]]:
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for number, key in enumerate(self.lake_keys()):
                file = Path(folder) / f"{number}.parquet"
                file.write_bytes(self.object(key))
                files.append(str(file))
            yield files

    def lake_keys(self) -> list[str]:
        """The keys of the lake's objects."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=LAKE_PREFIX
        )
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def older_versions(self) -> int:
        """How many versions and delete markers lie behind (or instead of) current objects."""
        pages = self._s3.get_paginator("list_object_versions").paginate(
            Bucket=self._bucket, Prefix=LAKE_PREFIX
        )
        older = 0
        for page in pages:
            older += sum(not version["IsLatest"] for version in page.get("Versions", []))
            older += len(page.get("DeleteMarkers", []))
        return older

    def object(self, key: str) -> bytes:
        """The bytes of an object of the lake."""
        body: bytes = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return body

    def replace_object(self, key: str, body: bytes) -> None:
        """Overwrite an object of the lake."""
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)

    def _items(self, table: str) -> Iterator[Row]:
        for page in self._dynamodb.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                yield item | {"profile_id": item["profile_id"]["S"]}

    def _table(self, table: str) -> list[Row]:
        with psycopg.connect(self._dsn) as connection:
            cursor = connection.execute(
                sql.SQL("SELECT * FROM {}").format(sql.Identifier("public", table))
            )
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor]


def _count_parquet(files: Sequence[str]) -> int:
    if not files:
        return 0
    (row,) = duckdb.execute("SELECT count(*) FROM read_parquet(?)", [files]).fetchall()
    return int(row[0])


def _read_parquet(files: Sequence[str]) -> list[Row]:
    if not files:
        return []
    result = duckdb.execute("SELECT * FROM read_parquet(?, union_by_name=true)", [files])
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _holding(rows: Iterable[Row], subjects: set[str]) -> Holding:
    others: list[str] = []
    rows_of_subjects = 0
    for row in rows:
        if row["profile_id"] in subjects:
            rows_of_subjects += 1
        else:
            others.append(json.dumps(row, sort_keys=True, default=str))
    checksum = hashlib.sha256("\n".join(sorted(others)).encode()).hexdigest()
    return Holding(rows_of_subjects, len(others), checksum)


def _copy(connection: psycopg.Connection[Any], table: str, rows: Sequence[Row]) -> None:
    names = list(rows[0])
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier("public", table), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    with connection.cursor().copy(statement) as copy:
        for row in rows:
            copy.write_row([row[name] for name in names])


def _typed_item(row: Row) -> dict[str, Any]:
    return {name: _typed(value) for name, value in row.items()}


def _typed(value: object) -> dict[str, Any]:
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, list):
        return {"L": [_typed(part) for part in value]}
    return {"N": str(value)}
