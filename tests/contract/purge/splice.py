"""Objects that are spliced: large ones, in a bucket of S3 as MiniStack has it."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import count
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from erasure_purge.core import ObjectUri, StoredObject
from erasure_purge.engine import erase
from erasure_purge.stores.lake import S3Lake

ROWS = 240_000
_numbers = count(1)


def new_place(s3: Any) -> ObjectUri:
    """A key in a new bucket with versions."""
    bucket = f"splice-{next(_numbers)}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return ObjectUri(bucket, "profiles/dt=1/part-1")


@cache
def large_object(row_groups: int = 8, rows: int = ROWS, first: int = 0) -> bytes:
    """170 bytes a row, uncompressible; whose rows they are counts from `first`."""
    rng = np.random.default_rng(1)
    ids = [f"person-{n:06}" for n in range(first, first + rows)]
    noise = pa.array([rng.bytes(160) for _ in range(rows)], pa.binary())
    sink = io.BytesIO()
    table = pa.table({"profile_id": ids, "noise": noise})
    size = rows // row_groups
    pq.write_table(table, sink, row_group_size=size, compression="gzip", compression_level=1)
    return sink.getvalue()


def put(s3: Any, uri: ObjectUri, content: bytes, **options: Any) -> StoredObject:
    s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=content, **options)
    stored = S3Lake(s3).find(uri)
    assert stored is not None
    return stored


def body(s3: Any, uri: ObjectUri) -> bytes:
    content: bytes = s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read()
    return content


def without(content: bytes, *ids: str) -> bytes:
    """What the engine makes of a content at hand."""
    from tests.unit.purge.test_engine import InMemory, body_of

    return body_of(erase(InMemory(content), "profile_id", ids, thorough_up_to_bytes=0).replacement)


class Watched:
    """A client that notes the calls and the bytes that travel, and whose calls may be replaced."""

    def __init__(self, s3: Any, **replaced: Callable[..., Any]) -> None:
        self._s3 = s3
        self._replaced = replaced
        self.calls: Counter[str] = Counter()
        self.bytes_read = 0
        self.ranges: list[tuple[str, int, int]] = []  # the version, where it begins and ends
        self.bytes_sent = 0
        self.whole_reads = 0

    def __getattr__(self, name: str) -> Any:
        call = self._replaced.get(name, getattr(self._s3, name))
        return (
            call
            if name.startswith("get_paginator")
            else lambda **asked: self._do(name, call, asked)
        )

    def _do(self, name: str, call: Callable[..., Any], asked: dict[str, Any]) -> Any:
        self.calls[name] += 1
        if "Body" in asked:
            self.bytes_sent += len(asked["Body"])
        answer = call(**asked)
        if name == "get_object":
            self.bytes_read += answer["ContentLength"]
            self.whole_reads += "Range" not in asked
            first, _, last = asked.get("Range", "bytes=0-0").removeprefix("bytes=").partition("-")
            self.ranges.append((asked.get("VersionId", ""), int(first), int(last) + 1))
        return answer

    def bytes_read_twice(self, version_id: str) -> int:
        """Of one version, how many bytes were read once more than needed."""
        twice = done = 0
        for start, end in sorted(one[1:] for one in self.ranges if one[0] == version_id):
            twice += max(0, min(end, done) - start)
            done = max(done, end)
        return twice
