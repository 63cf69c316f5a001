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
import pyarrow.parquet as pq
from botocore.config import Config

from erasure_purge.content import Replacement
from erasure_purge.core import ObjectUri
from erasure_purge.parquet import LocalFile, plan_erasure
from erasure_purge.parquet.footer import read_footer
from erasure_purge.stores.lake import S3Lake

from .data import ID
from .one import cpu_s, peak_mb

_PATIENT = Config(read_timeout=120, retries={"mode": "standard"})


class _Meter:
    """Counts the calls and the bytes of bodies, at botocore."""

    def __init__(self, client: Any) -> None:
        self.calls: Counter[str] = Counter()
        self.read = 0
        client.meta.events.register("before-call.s3", self._before)
        client.meta.events.register("after-call.s3.GetObject", self._after_get)

    def _before(self, model: Any, **_: object) -> None:
        self.calls[model.name] += 1

    def _after_get(self, parsed: Any, **_: object) -> None:
        self.read += int(parsed.get("ContentLength", 0))


def main() -> None:
    path, ids_file, endpoint = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    client = _client(endpoint)
    uri = ObjectUri(f"bench-{uuid.uuid4().hex}", "large.parquet")
    client.create_bucket(
        Bucket=uri.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    client.upload_file(str(path), uri.bucket, uri.key)
    stored = S3Lake(client).find(uri)
    assert stored is not None, "it was just uploaded"
    meter = _Meter(client)
    cpu_before, started = cpu_s(), time.perf_counter()
    lake = S3Lake(client)
    with lake.open(stored) as content:
        plan = plan_erasure(content, ID, ids_file.read_text().split())
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
        "uploaded": commit.bytes_uploaded,
        "copied": commit.bytes_copied,
        "calls_to_plan": calls_to_plan,
        "calls": meter.calls.total(),
        "must_read": _must_read(path, plan.report.bytes_new),
    }
    sys.stdout.write(json.dumps(report) + "\n")


def _must_read(path: Path, new_bytes: int) -> int:
    """The footer, the id column, and as many bytes as are new: touched pages and dictionaries."""
    with LocalFile(path) as source:
        footer_bytes = source.size_bytes - read_footer(source).offset
    metadata = pq.read_metadata(path)
    at = metadata.schema.names.index(ID)
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    ids = sum(group.column(at).total_compressed_size for group in groups)
    return int(footer_bytes + ids + new_bytes)


def _client(endpoint: str) -> Any:
    session = boto3.Session(
        region_name="eu-west-1", aws_access_key_id="local", aws_secret_access_key="local"
    )
    return session.client("s3", endpoint_url=endpoint, config=_PATIENT)


if __name__ == "__main__":
    main()
