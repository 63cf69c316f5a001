"""Splicing a plan into an object: of S3 as MiniStack has it."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from erasure_purge.core import ObjectUri, StoredObject
from erasure_purge.parquet import ErasurePlan, plan_erasure, planned_bytes
from erasure_purge.s3_commit import S3Commit, S3Source
from erasure_purge.stores.lake import S3Lake
from tests.contract.local_cloud.cloud import Cloud

pytestmark = pytest.mark.local_cloud
_numbers = count(1)
_ROWS = 240_000
_KEY = "profiles/dt=1/part-1"


@pytest.fixture
def s3(purge_cloud: Cloud) -> Any:
    return purge_cloud.s3


@pytest.fixture
def uri(s3: Any) -> ObjectUri:
    bucket = f"splice-{next(_numbers)}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return ObjectUri(bucket, _KEY)


@pytest.fixture(scope="module")
def content() -> bytes:
    """About 40 MB in eight row groups, uncompressible."""
    rng = np.random.default_rng(1)
    ids = [f"person-{n:06}" for n in range(_ROWS)]
    noise = pa.array([rng.bytes(160) for _ in range(_ROWS)], pa.binary())
    sink = io.BytesIO()
    table = pa.table({"profile_id": ids, "noise": noise})
    pq.write_table(table, sink, row_group_size=_ROWS // 8, compression="gzip", compression_level=1)
    return sink.getvalue()


def _stored(s3: Any, uri: ObjectUri, content: bytes, **options: Any) -> StoredObject:
    s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=content, **options)
    stored = S3Lake(s3).find(uri)
    assert stored is not None
    return stored


def _plan(s3: Any, stored: StoredObject, *ids: str) -> ErasurePlan:
    return plan_erasure(S3Source(s3, stored), "profile_id", ids, window_bytes=64 * 1024)


def _body(s3: Any, uri: ObjectUri) -> bytes:
    body: bytes = s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read()
    return body


def test_only_what_changed_travels(s3: Any, uri: ObjectUri, content: bytes) -> None:
    stored = _stored(s3, uri, content)
    plan = _plan(s3, stored, "person-130000")
    expected = b"".join(planned_bytes(plan, S3Source(s3, stored)))
    commit = S3Commit(s3)

    committed = commit.replace(stored, plan, "nonce-1")

    assert committed is not None
    assert committed.version_id != stored.version_id
    assert _body(s3, uri) == expected
    assert pq.read_table(io.BytesIO(_body(s3, uri))).num_rows == _ROWS - 1
    assert commit.sent.copied_bytes > 0.5 * len(content)
    assert plan.report.bytes_read < len(content) / 2


def test_what_is_not_content_survives(s3: Any, uri: ObjectUri, content: bytes) -> None:
    stored = _stored(
        s3,
        uri,
        content,
        ContentType="application/vnd.apache.parquet",
        Metadata={"writer": "ours"},
    )
    # MiniStack's HEAD counts no tags, so they are given as S3Lake finds them on S3.
    stored = replace(stored, headers={**stored.headers, "Tagging": "team=crm"})
    listening = _Listening(s3)
    commit = S3Commit(s3)
    commit._s3 = listening  # type: ignore[assignment]

    commit.replace(stored, _plan(s3, stored, "person-000001"), "nonce-1")

    found = S3Lake(s3).find(uri)
    assert found is not None
    assert found.nonce == "nonce-1"
    assert found.headers["ContentType"] == "application/vnd.apache.parquet"
    assert found.headers["Metadata"]["writer"] == "ours"
    assert listening.created["Tagging"] == "team=crm"


class _Listening:
    """A client that remembers with what an upload was created."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3
        self.created: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def create_multipart_upload(self, **arguments: Any) -> Any:
        self.created = arguments
        return self._s3.create_multipart_upload(**arguments)


def test_an_object_that_changed_meanwhile_wins(s3: Any, uri: ObjectUri, content: bytes) -> None:
    stored = _stored(s3, uri, content)
    plan = _plan(s3, stored, "person-000001")
    s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=b"somebody else's")

    assert S3Commit(s3).replace(stored, plan, "nonce-1") is None

    assert _body(s3, uri) == b"somebody else's"
    assert not s3.list_multipart_uploads(Bucket=uri.bucket).get("Uploads")


class _Dying:
    """A client whose n-th write never returns, as if the process was killed."""

    def __init__(self, s3: Any, dies_at: int) -> None:
        self._s3 = s3
        self._left = dies_at

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._s3, name)
        if not name.startswith(("upload", "complete", "create", "put", "abort")):
            return call

        def guarded(**arguments: Any) -> Any:
            self._left -= 1
            if self._left < 0:
                raise KeyboardInterrupt
            return call(**arguments)

        return guarded


def test_a_killed_process_leaves_the_object_old_or_new_at_every_call(
    s3: Any, uri: ObjectUri, content: bytes
) -> None:
    stored = _stored(s3, uri, content)
    plan = _plan(s3, stored, "person-130000")
    old, new = content, b"".join(planned_bytes(plan, S3Source(s3, stored)))
    outcomes = set()

    for dies_at in range(20):
        commit = S3Commit(s3)
        commit._s3 = _Dying(s3, dies_at)  # type: ignore[assignment]
        try:
            commit.replace(stored, plan, f"nonce-{dies_at}")
        except KeyboardInterrupt:
            body = _body(s3, uri)
            assert body in (old, new)
            outcomes.add("killed")
            continue
        assert _body(s3, uri) == new
        outcomes.add("done")
        break

    assert outcomes == {"killed", "done"}
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert S3Commit(s3).abort_forgotten(uri, later) > 0
    assert S3Commit(s3).abort_forgotten(uri, later) == 0


def test_a_small_object_is_put_at_once(s3: Any, uri: ObjectUri) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"profile_id": ["a", "b"]}), sink)
    stored = _stored(s3, uri, sink.getvalue())
    commit = S3Commit(s3)

    committed = commit.replace(stored, _plan(s3, stored, "a"), "nonce-1")

    assert committed is not None
    assert commit.sent.parts == 1
    assert pq.read_table(io.BytesIO(_body(s3, uri)))["profile_id"].to_pylist() == ["b"]


class _Deaf:
    """A client whose completed upload answers as if somebody else had been faster."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def complete_multipart_upload(self, **arguments: Any) -> Any:
        self._s3.complete_multipart_upload(**arguments)
        raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "CompleteMultipartUpload")


def test_a_success_whose_response_was_lost_is_known_by_its_nonce(
    s3: Any, uri: ObjectUri, content: bytes
) -> None:
    stored = _stored(s3, uri, content)
    commit = S3Commit(s3)
    commit._s3 = _Deaf(s3)  # type: ignore[assignment]

    committed = commit.replace(stored, _plan(s3, stored, "person-130000"), "nonce-1")

    assert committed is not None
    assert committed.nonce == "nonce-1"
