"""One person erased from a large object on S3, in a process of its own: what travels, as JSON."""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from erasure_purge.content import Replacement
from erasure_purge.core import ObjectUri, StoredObject
from erasure_purge.parquet import Copy, ErasurePlan, LocalFile, Unit, plan_erasure, verify
from erasure_purge.parquet.footer import (
    MetaField,
    chunk_meta,
    chunk_range,
    group_columns,
    read_footer,
)
from erasure_purge.stores.lake import S3Lake
from erasure_purge.stores.parts import UploadPart, parts_of

from .data import ID
from .one import cpu_s, peak_mb

Ranges = list[tuple[int, int]]
_PATIENT = Config(read_timeout=120, retries={"mode": "standard"})


class _Meter:
    """Counts the calls and notes the ranges that are read, at botocore."""

    def __init__(self, client: Any) -> None:
        self.calls: Counter[str] = Counter()
        self.ranges: Ranges = []
        client.meta.events.register("before-call.s3", self._before)
        client.meta.events.register("provide-client-params.s3.GetObject", self._note_range)

    def _before(self, model: Any, **_: object) -> None:
        self.calls[model.name] += 1

    def _note_range(self, params: dict[str, Any], **_: object) -> None:
        first, _, last = params["Range"].removeprefix("bytes=").partition("-")
        self.ranges.append((int(first), int(last) + 1))

    @property
    def read(self) -> int:
        """Bytes, each as often as it was read."""
        return sum(end - start for start, end in self.ranges)


def main() -> None:
    path, ids_file, endpoint = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    ids = ids_file.read_text().split()
    client = _client(endpoint)
    stored = _uploaded(client, path)
    meter = _Meter(client)
    cpu_before, started = cpu_s(), time.perf_counter()
    lake = S3Lake(client)
    with lake.open(stored) as content:
        plan = plan_erasure(content, ID, ids)
        read_to_plan, calls_to_plan = meter.read, meter.calls.total()
        commit = lake.replace(stored, Replacement(plan.segments, content), uuid.uuid4().hex)
    assert commit is not None, "nobody else writes here"
    report = {
        "cpu_s": cpu_s() - cpu_before,
        "wall_s": time.perf_counter() - started,
        "peak_mb": peak_mb(),
        "rows": plan.rows_erased,
        "new": plan.report.bytes_new,
        "read": read_to_plan,
        "read_again": meter.read - read_to_plan,
        "read_twice": meter.read - _size_of(meter.ranges),
        "uploaded": commit.bytes_uploaded,
        "copied": commit.bytes_copied,
        "calls_to_plan": calls_to_plan,
        "calls": meter.calls.total(),
    }
    must = _must_read(path, plan)
    report["must_read"] = _size_of(must)
    report["forced"] = _size_of([*must, *_old_bytes_sent(plan)]) - _size_of(must)
    report["read_to_prove"] = _read_to_prove(endpoint, path, ids)
    sys.stdout.write(json.dumps(report) + "\n")


def _uploaded(client: Any, path: Path) -> StoredObject:
    uri = ObjectUri(f"bench-{uuid.uuid4().hex}", "large.parquet")
    client.create_bucket(
        Bucket=uri.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    client.upload_file(str(path), uri.bucket, uri.key)
    stored = S3Lake(client).find(uri)
    assert stored is not None, "it was just uploaded"
    return stored


def _read_to_prove(endpoint: str, path: Path, ids: list[str]) -> int:
    """What the purge reads for its proof, after planning and before the commit."""
    client = _client(endpoint)
    stored = _uploaded(client, path)
    meter = _Meter(client)
    with S3Lake(client).open(stored) as content:
        replacement = Replacement(plan_erasure(content, ID, ids).segments, content)
        read_to_plan = meter.read
        assert verify(content, replacement, ID, ids, thorough=False).holds
        return meter.read - read_to_plan


def _must_read(path: Path, plan: ErasurePlan) -> Ranges:
    """The footer, the id column, touched pages, and dictionaries of touched chunks."""
    with LocalFile(path) as source:
        footer = read_footer(source)
        ranges = [(footer.offset, source.size_bytes)]
    for group, touched in zip(footer.row_groups, plan.report.groups, strict=True):
        for chunk, leaf in zip(group_columns(group), footer.leaves, strict=True):
            meta = chunk_meta(chunk, leaf)
            start, end = chunk_range(meta)
            if leaf.name == ID:
                ranges.append((start, end))
            if touched.unit is not Unit.NONE and MetaField.DICTIONARY_OFFSET in meta:
                ranges.append((start, meta.integer(MetaField.DATA_PAGE_OFFSET)))
    position = 0
    for segment in plan.segments:
        if isinstance(segment, Copy):
            ranges.append((position, segment.offset))
            position = segment.offset + segment.length
    return ranges


def _old_bytes_sent(plan: ErasurePlan) -> Ranges:
    """What fills parts of the upload up to the least size that S3 takes."""
    return [
        (piece.offset, piece.offset + piece.length)
        for part in parts_of(plan.segments)
        if isinstance(part, UploadPart)
        for piece in part.pieces
        if isinstance(piece, Copy)
    ]


def _size_of(ranges: Ranges) -> int:
    """How many bytes these are, each counted once."""
    size = done = 0
    for start, end in sorted(ranges):
        size += max(0, end - max(start, done))
        done = max(done, end)
    return size


def _client(endpoint: str) -> Any:
    session = boto3.Session(
        region_name="eu-west-1", aws_access_key_id="local", aws_secret_access_key="local"
    )
    return session.client("s3", endpoint_url=endpoint, config=_PATIENT)


if __name__ == "__main__":
    main()
