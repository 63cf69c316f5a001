"""Replacing large objects: what stays is copied inside S3, and only at the end is it seen."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from erasure_purge.core import Erasure, ObjectUri, StoredObject
from erasure_purge.engine import erase
from erasure_purge.stores.lake import FORGOTTEN_AFTER, S3Lake
from tests.contract.local_cloud.cloud import Cloud
from tests.contract.purge.splice import (
    ROWS,
    Watched,
    body,
    large_object,
    new_place,
    put,
    without,
)

pytestmark = pytest.mark.local_cloud
SOMEBODY = "person-130000"


@pytest.fixture
def s3(purge_cloud: Cloud) -> Any:
    return purge_cloud.s3


@pytest.fixture
def uri(s3: Any) -> ObjectUri:
    return new_place(s3)


def lake(s3: Any) -> S3Lake:
    """One that reads large objects by range."""
    return S3Lake(s3, whole_up_to_bytes=1_000_000)


def erased(lake: S3Lake, stored: StoredObject, *ids: str) -> Erasure:
    return erase(lake.open(stored), "profile_id", ids, thorough_up_to_bytes=0)


def test_only_what_changed_travels(s3: Any, uri: ObjectUri) -> None:
    stored = put(s3, uri, large_object())
    watched = Watched(s3)
    erasure = erased(lake(watched), stored, SOMEBODY)
    assert erasure.replacement is not None

    commit = lake(watched).replace(stored, erasure.replacement, "nonce-1")

    assert commit is not None
    assert commit.stored.version_id != stored.version_id
    assert body(s3, uri) == without(large_object(), SOMEBODY)
    assert pq.read_table(io.BytesIO(body(s3, uri))).num_rows == ROWS - 1
    assert commit.bytes_copied > 0.5 * stored.size_bytes
    assert watched.bytes_sent == commit.bytes_uploaded < 0.5 * stored.size_bytes
    assert watched.calls["upload_part_copy"] > 0
    assert (watched.whole_reads, watched.bytes_read < 0.75 * stored.size_bytes) == (0, True)


def test_what_is_not_content_survives(s3: Any, uri: ObjectUri) -> None:
    stored = put(
        s3,
        uri,
        large_object(),
        ContentType="application/vnd.apache.parquet",
        Metadata={"writer": "ours"},
    )
    erasure = erased(lake(s3), stored, SOMEBODY)
    assert erasure.replacement is not None

    lake(s3).replace(stored, erasure.replacement, "nonce-1")

    found = lake(s3).find(uri)
    assert found is not None
    assert found.nonce == "nonce-1"
    assert found.headers["ContentType"] == "application/vnd.apache.parquet"
    assert found.headers["Metadata"]["writer"] == "ours"


def test_an_object_that_changed_meanwhile_wins(s3: Any, uri: ObjectUri) -> None:
    stored = put(s3, uri, large_object())
    erasure = erased(lake(s3), stored, SOMEBODY)
    assert erasure.replacement is not None
    s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=b"somebody else's")

    assert lake(s3).replace(stored, erasure.replacement, "nonce-1") is None

    assert body(s3, uri) == b"somebody else's"
    assert not s3.list_multipart_uploads(Bucket=uri.bucket).get("Uploads")


def test_a_version_that_is_gone_is_a_lost_race(s3: Any, uri: ObjectUri) -> None:
    stored = put(s3, uri, large_object())
    erasure = erased(lake(s3), stored, SOMEBODY)
    assert erasure.replacement is not None
    s3.delete_object(Bucket=uri.bucket, Key=uri.key, VersionId=stored.version_id)

    assert lake(s3).replace(stored, erasure.replacement, "nonce-1") is None


def test_a_success_whose_response_was_lost_is_known_by_its_nonce(s3: Any, uri: ObjectUri) -> None:
    stored = put(s3, uri, large_object())
    erasure = erased(lake(s3), stored, SOMEBODY)
    assert erasure.replacement is not None

    def deaf(**asked: Any) -> Any:
        s3.complete_multipart_upload(**asked)
        raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "CompleteMultipartUpload")

    watched = Watched(s3, complete_multipart_upload=deaf)
    commit = lake(watched).replace(stored, erasure.replacement, "nonce-1")

    assert commit is not None
    assert commit.stored.nonce == "nonce-1"


def test_an_upload_is_forgotten_when_no_lock_could_live_so_long(s3: Any, uri: ObjectUri) -> None:
    for key in (uri.key, uri.key, uri.key + "0"):
        s3.create_multipart_upload(Bucket=uri.bucket, Key=key)
    later = datetime.now(UTC) + FORGOTTEN_AFTER + timedelta(minutes=1)

    aborted = [
        S3Lake(s3).abort_forgotten(uri),
        S3Lake(s3, now=lambda: later).abort_forgotten(uri),
        S3Lake(s3, now=lambda: later).abort_forgotten(uri),
    ]

    assert aborted == [0, 2, 0]
    (left,) = s3.list_multipart_uploads(Bucket=uri.bucket)["Uploads"]
    assert left["Key"] == uri.key + "0"
