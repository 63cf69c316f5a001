"""Purge's decisions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from erasure_purge.core import (
    Note,
    ObjectUri,
    StoredObject,
    Version,
    outdated,
    seconds_for_a_step,
    seconds_to_commit,
    shares,
)
from erasure_shared.errors import Rejected
from erasure_shared.locations import (
    Identifier,
    Location,
    LocationStatus,
    PendingLocation,
    StoreKind,
)

URI = ObjectUri("lake", "part-1")
READ = StoredObject(URI, "etag-read", "v2", 10)


def pending(*names: str, note: Note | None = None) -> PendingLocation:
    location = Location(
        request_id="r1",
        location_id="0" * 32,
        store="profiles_lake",
        kind=StoreKind.S3,
        address=str(URI),
        status=LocationStatus.PENDING,
        parts=1,
        subjects=len(names),
        attempts=0,
        searched_again=None,
        evidence=None if note is None else note.evidence(),
    )
    return PendingLocation(location, tuple(Identifier(SecretStr(name)) for name in names))


@given(st.from_regex(r"[a-z0-9.-]{3,20}", fullmatch=True), st.text(min_size=1))
def test_an_address_is_read_as_it_was_written(bucket: str, key: str) -> None:
    uri = ObjectUri(bucket, key)

    assert ObjectUri.parse(str(uri)) == uri


@pytest.mark.parametrize("address", ["", "s3://", "s3://lake", "s3://lake/", "file://lake/key"])
def test_what_is_no_address_is_rejected(address: str) -> None:
    with pytest.raises(Rejected) as refusal:
        ObjectUri.parse(address)

    assert refusal.value.reason_code == "INVALID_ADDRESS"


def test_a_key_is_not_shown_because_it_may_name_somebody() -> None:
    assert "ann" not in repr(ObjectUri("lake", "profiles/ann"))


def test_every_version_known_before_the_read_is_outdated_after_the_commit() -> None:
    known = [Version("v2", True, "etag-read"), Version("m", False, None), Version("v1", False, "e")]
    listed = [Version("v3", True, "new"), *[Version(v.version_id, False, v.etag) for v in known]]

    assert set(outdated(known, listed, READ, "v3")) == {"v2", "m", "v1"}


def test_what_others_wrote_after_the_read_is_not_ours_to_remove() -> None:
    known = [Version("v2", True, "etag-read")]
    listed = [
        Version("theirs-2", True, "x"),
        Version("theirs-1", False, "y"),
        Version("their-marker", False, None),
        Version("ours", False, "z"),
        Version("v2", False, "etag-read"),
    ]

    assert outdated(known, listed, READ, "ours") == ("v2",)


def test_the_content_that_was_read_is_outdated_under_any_version() -> None:
    listed = [Version("ours", True, "z"), Version("again", False, "etag-read")]

    assert outdated([], listed, READ, "ours") == ("again",)


def test_a_bucket_without_versions_has_nothing_outdated() -> None:
    read = StoredObject(URI, "etag-read", "null", 10)

    assert outdated([], [Version("null", True, "new")], read, "null") == ()


def test_what_readers_see_is_never_outdated() -> None:
    """Without versions, an object that was deleted and written anew has the id it always had."""
    known = [Version("null", True, "etag-read")]
    read = StoredObject(URI, "etag-read", "null", 10)

    assert outdated(known, [Version("null", True, "new")], read, "") == ()


def test_a_subject_of_two_requests_counts_for_both() -> None:
    both = [pending("ann", "bob"), pending("ann", "nobody")]

    rows = [share.rows_erased for share in shares(both, {"ann": 2, "bob": 1}, None)]

    assert rows == [3, 2]


@pytest.mark.parametrize(
    ("note", "nonce", "rows"),
    [
        (None, "n1", 0),
        (Note(0, 5, "n1"), "n1", 5),
        (Note(0, 5, "n1"), "n2", 0),
        (Note(0, 5, "n1"), None, 0),
        (Note(3, 5, "n1"), "n1", 8),
        (Note(3, 5, "n1"), "other", 3),
        (Note(3, 0, ""), None, 3),
    ],
)
def test_rows_of_an_interrupted_run_count_if_its_commit_stands(
    note: Note | None, nonce: str | None, rows: int
) -> None:
    (share,) = shares([pending("ann", note=note)], {}, nonce)

    assert share.rows_erased == rows


def test_a_large_object_needs_time_for_what_is_new_and_little_for_what_is_copied() -> None:
    gigabytes = 4 << 30

    assert seconds_to_commit(gigabytes, 10 << 20, 4) < 100
    assert seconds_to_commit(gigabytes, gigabytes, 1) > 400
    assert seconds_for_a_step(gigabytes) == seconds_for_a_step(1 << 30) < 10


def test_changes_that_are_scattered_take_old_bytes_along() -> None:
    gigabytes = 4 << 30

    assert seconds_to_commit(gigabytes, 1 << 20, 800) > seconds_to_commit(gigabytes, 1 << 30, 1)


@given(st.integers(0, 1 << 40), st.integers(0, 1 << 40), st.integers(1, 1 << 30))
def test_more_to_write_never_needs_less_time(new: int, size: int, more: int) -> None:
    new = min(new, size)

    assert seconds_to_commit(size, new, 1) <= seconds_to_commit(size, new + more, 1)
    assert seconds_to_commit(size, new, 1) <= seconds_to_commit(size + more, new, 1)
