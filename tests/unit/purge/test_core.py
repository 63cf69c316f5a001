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
    stands,
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


def test_every_version_that_readers_do_not_see_is_outdated() -> None:
    listed = [Version("v3", True, "new"), Version("m", False, None), Version("v1", False, "e")]

    assert outdated(listed) == ("m", "v1")
    assert outdated([Version("null", True, "new")]) == outdated([]) == ()


@pytest.mark.parametrize(
    ("version_id", "etag", "listed", "does_stand"),
    [
        ("v2", "new", [Version("v2", True, "new"), Version("v1", False, "old")], True),
        ("v2", "new", [Version("v3", True, "x"), Version("v2", False, "new")], False),
        ("v2", "new", [Version("m", True, None), Version("v2", False, "new")], False),
        ("v2", "new", [], False),
        ("null", "new", [Version("null", True, "new")], True),
        ("null", "new", [Version("null", True, "old")], False),
        ("m", "", [Version("m", True, None), Version("v1", False, "old")], True),
        ("m", "", [Version("v2", True, "x"), Version("m", False, None)], False),
        ("m", "", [Version("n", True, None), Version("m", False, None)], False),
        ("null", "", [], True),
        ("null", "", [Version("null", True, None)], True),
        ("null", "", [Version("null", True, "x")], False),
    ],
)
def test_a_commit_stands_as_long_as_readers_see_it(
    version_id: str, etag: str, listed: list[Version], does_stand: bool
) -> None:
    assert stands(StoredObject(URI, etag, version_id, 10), listed) is does_stand


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


@pytest.mark.parametrize(("again", "rows"), [(0, 5), (3, 5), (5, 5), (7, 7)])
def test_rows_that_somebody_brought_back_are_not_counted_twice(again: int, rows: int) -> None:
    note = Note(rows_overwritten=5)

    (share,) = shares([pending("ann", note=note)], {"ann": again}, "theirs")

    assert Note.read(note.evidence()) == note
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
