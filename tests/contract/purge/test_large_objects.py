"""Purging objects that are read by range and spliced, from the message to the evidence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import boto3
import pytest

from erasure_purge.core import ObjectUri
from erasure_purge.engine import erase
from erasure_purge.stores.lake import FORGOTTEN_AFTER, S3Lake
from erasure_shared.events import PurgeRequested
from erasure_shared.locations import LocationStatus
from tests.aws import moto_account
from tests.contract.local_cloud.cloud import Cloud
from tests.contract.purge.splice import Watched, body, large_object, new_place, put, without
from tests.unit.purge.parquet_files import ids_in
from tests.unit.purge.world import FakeLocks, World

pytestmark = pytest.mark.local_cloud
MOST_CALLS = 60
GROUPS, ROWS = 3, 105_000
SOMEBODY, SOMEBODY_ELSE = "person-050000", "person-104000"


def small_lake(s3: Any, now: datetime | None = None) -> S3Lake:
    """One to which objects of a few megabytes are large ones."""
    clock = now or datetime.now(UTC)
    return S3Lake(s3, whole_up_to_bytes=1_000_000, splice_from_bytes=1, now=lambda: clock)


class Killed(BaseException):
    """The process is no more: it tidies nothing up."""


class Mortal:
    """A client that carries out so many calls and none after them."""

    def __init__(self, s3: Any, calls: int) -> None:
        self._s3 = s3
        self.left = calls

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._s3, name)
        if name == "get_paginator":
            return lambda operation: _Pages(self, call(operation))
        return partial(self.do, call)

    def do(self, call: Callable[..., Any], **asked: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise Killed
        return call(**asked)


class _Pages:
    def __init__(self, client: Mortal, pages: Any) -> None:
        self._client, self._pages = client, pages

    def paginate(self, **asked: Any) -> Any:
        return self._client.do(self._pages.paginate, **asked)


@pytest.fixture
def s3(purge_cloud: Cloud) -> Any:
    return purge_cloud.s3


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with moto_account(monkeypatch):
        yield World()


def purge(world: World, message: PurgeRequested, s3: Any, **replaced: Any) -> None:
    """As the function does, but that what is large is smaller."""
    ports = {"lake": small_lake(s3), "erase": partial(erase, thorough_up_to_bytes=0)} | replaced
    world.purge(message, **ports)


def pending(world: World, uri: ObjectUri, subject: str, number: int = 0) -> PurgeRequested:
    return world.pending(f"r{number}", subject, address=str(uri))


def test_only_the_changed_pages_travel_and_the_evidence_says_so(world: World, s3: Any) -> None:
    uri = new_place(s3)
    stored = put(s3, uri, large_object(GROUPS, ROWS))
    message = pending(world, uri, SOMEBODY)
    watched = Watched(s3)

    purge(world, message, watched)

    evidence = world.location(message).evidence
    assert evidence is not None
    assert body(s3, uri) == without(large_object(GROUPS, ROWS), SOMEBODY)
    assert watched.whole_reads == 0
    assert watched.bytes_sent == evidence["bytes_uploaded"] < 0.4 * stored.size_bytes
    assert evidence["bytes_uploaded"] + evidence["bytes_copied"] == evidence["bytes_after"]
    assert evidence["bytes_read"] == watched.bytes_read
    assert (evidence["row_groups_touched"], evidence["row_groups"]) == (1, GROUPS)
    assert 0 < evidence["pages_touched"] < evidence["pages"]
    assert (evidence["unit"], evidence["proof"]) == ("page", "quick")


def test_nothing_is_read_twice_to_plan_to_prove_and_to_fill_parts(world: World, s3: Any) -> None:
    uri = new_place(s3)
    stored = put(s3, uri, large_object(GROUPS, ROWS))
    watched = Watched(s3)

    purge(world, pending(world, uri, SOMEBODY), watched)

    assert watched.calls["upload_part"] > 0
    assert watched.bytes_read > 0.1 * stored.size_bytes
    assert watched.bytes_read_twice(stored.version_id) <= 1_024 * watched.calls["get_object"]


def test_a_process_killed_at_any_call_leaves_the_object_old_or_new(world: World, s3: Any) -> None:
    old = large_object(GROUPS, ROWS)
    new = without(old, SOMEBODY)
    seen = set()

    for calls in range(MOST_CALLS):
        uri = new_place(s3)
        put(s3, uri, old)
        message = pending(world, uri, SOMEBODY, calls)
        mortal = Mortal(s3, calls)
        try:
            purge(world, message, mortal)
        except Killed:
            world.locks.held.clear()  # the lease ends
        seen.add(body(s3, uri) == new)
        assert body(s3, uri) in (old, new)
        later = datetime.now(UTC) + FORGOTTEN_AFTER + timedelta(minutes=1)
        purge(world, message, s3, lake=small_lake(s3, later))

        assert body(s3, uri) == new
        assert len(S3Lake(s3).versions(uri)) == 1
        assert not s3.list_multipart_uploads(Bucket=uri.bucket).get("Uploads")
        assert world.location(message).status is LocationStatus.PURGED
        assert (world.location(message).evidence or {})["rows_erased"] == 1
        if mortal.left >= 0:
            assert seen == {False, True}
            return
    pytest.fail("there are more calls than were tried")


def test_of_two_who_erase_at_once_one_loses_and_plans_anew_and_both_effects_hold(
    world: World, s3: Any
) -> None:
    uri = new_place(s3)
    put(s3, uri, large_object(GROUPS, ROWS))
    commits = []

    def overtaken(**asked: Any) -> Any:
        commits.append(asked["IfMatch"])
        if len(commits) == 1:
            message = pending(world, uri, SOMEBODY_ELSE, 1)
            others = {"locks": FakeLocks(), "new_nonce": lambda: "another"}
            purge(world, message, s3, requests=Lagging(world.requests), **others)
        return s3.complete_multipart_upload(**asked)

    watched = Watched(s3, complete_multipart_upload=overtaken)
    purge(world, pending(world, uri, SOMEBODY, 2), watched)

    assert len(set(commits)) == 2
    assert watched.calls["abort_multipart_upload"] == 1
    left = ids_in(body(s3, uri))
    assert len(left) == ROWS - 2
    assert not {SOMEBODY, SOMEBODY_ELSE} & {*left}
    assert len(S3Lake(s3).versions(uri)) == 1
    assert not s3.list_multipart_uploads(Bucket=uri.bucket).get("Uploads")


class Lagging:
    """Requests whose index does not know yet who else is pending there."""

    def __init__(self, requests: Any) -> None:
        self._requests = requests

    def __getattr__(self, name: str) -> Any:
        return (lambda _: ()) if name == "pending_at" else getattr(self._requests, name)


@pytest.mark.parametrize("moment", ["create_multipart_upload", "complete_multipart_upload"])
def test_what_somebody_wrote_meanwhile_stays(world: World, s3: Any, moment: str) -> None:
    uri = new_place(s3)
    put(s3, uri, large_object(GROUPS, ROWS))
    newer = large_object(GROUPS, ROWS, first=40_000)
    times = []

    def overtaken(**asked: Any) -> Any:
        times.append(moment)
        if len(times) == 1:
            put(s3, uri, newer)
        return getattr(s3, moment)(**asked)

    purge(world, pending(world, uri, SOMEBODY), Watched(s3, **{moment: overtaken}))

    assert body(s3, uri) == without(newer, SOMEBODY)
    assert len(S3Lake(s3).versions(uri)) == 1


def peak_bytes(credentials: dict[str, str], bucket: str, key: str) -> int:
    """The most memory that a process needs to erase somebody from the object."""
    s3 = boto3.client(
        "s3",
        endpoint_url=credentials["AWS_ENDPOINT_URL"],
        region_name="eu-west-1",
        aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
    )
    lake = small_lake(s3)
    stored = lake.find(ObjectUri(bucket, key))
    assert stored is not None
    with lake.open(stored) as content:
        erasure = erase(content, "profile_id", [SOMEBODY], thorough_up_to_bytes=0)
        assert erasure.replacement is not None
        commit = lake.replace(stored, erasure.replacement, "nonce")
        assert commit is not None
        with lake.open(commit.stored) as written:
            assert erasure.replacement.is_held_by(written, everywhere=False)
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(peak) * 1024


def test_memory_does_not_grow_with_the_object(purge_cloud: Cloud) -> None:
    peaks = []
    for row_groups in (3, 15):
        uri = new_place(purge_cloud.s3)
        put(purge_cloud.s3, uri, large_object(row_groups, row_groups * 35_000))
        with get_context("spawn").Pool(1) as pool:
            asked = (purge_cloud.emulator.credentials, uri.bucket, uri.key)
            peaks.append(pool.apply(peak_bytes, asked))

    assert peaks[1] - peaks[0] < 24 * 1024 * 1024  # of 70 MB more; caches are bounded by 32
