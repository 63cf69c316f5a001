"""Reading a large object by range: the very bytes, in few requests, with little kept."""

from __future__ import annotations

import errno
from collections.abc import Callable
from io import BytesIO
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erasure_purge.core import ObjectUri, StoredObject
from erasure_purge.stores.kept_ranges import Memory, Room
from erasure_purge.stores.lake import S3Lake
from erasure_purge.stores.s3_content import S3Content
from erasure_shared.errors import RetryLater

BODY = Random(1).randbytes(6_000_000)
ISLAND_BYTES = 1_024  # fetched again rather than asked around
STORED = StoredObject(ObjectUri("lake", "key"), "etag", "v1", len(BODY))


class FakeS3:
    """Ranges of one object."""

    def __init__(self, short_by: int = 0) -> None:
        self.asked: list[dict[str, Any]] = []
        self._short_by = short_by

    def get_object(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        if "Range" not in asked:
            return {"Body": BytesIO(BODY[: len(BODY) - self._short_by])}
        first, _, last = asked["Range"].removeprefix("bytes=").partition("-")
        return {"Body": BytesIO(BODY[int(first) : int(last) + 1 - self._short_by])}


class Failing(Memory):
    """Room that fails at the given operations, from the n-th on."""

    def __init__(self, operation: str, after: int = 0) -> None:
        super().__init__(len(BODY))
        self.operation = operation
        self.after = after
        self.is_closed = False

    def write(self, position: int, data: memoryview) -> None:
        self._fail("write")
        super().write(position, data)

    def read(self, position: int, length: int) -> bytes:
        self._fail("read")
        return super().read(position, length)

    def is_scarce(self, held_bytes: int) -> bool:
        return self.operation == "is_scarce" and held_bytes >= self.after

    def close(self) -> None:
        self.is_closed = True
        super().close()

    def _fail(self, operation: str) -> None:
        if operation == self.operation:
            self.after -= 1
            if self.after < 0:
                raise OSError(errno.ENOSPC, "for a test")


def content_of(s3: Any, disk: Callable[[], Room] = lambda: Memory(len(BODY))) -> S3Content:
    return S3Content(s3, STORED, whole_up_to_bytes=0, disk=disk)


def no_disk() -> Room:
    raise OSError(errno.EROFS, "for a test")


def asked_for(s3: FakeS3) -> list[tuple[int, int]]:
    """Where each range that was asked for begins and ends."""
    parts = [asked["Range"].removeprefix("bytes=").split("-") for asked in s3.asked]
    return [(int(first), int(last) + 1) for first, last in parts]


READS = st.lists(st.tuples(st.integers(0, len(BODY)), st.integers(0, 1_500_000)), max_size=20)


@given(READS, st.integers(0, 3_000_000))
def test_every_read_answers_the_very_bytes(reads: list[tuple[int, int]], limit: int) -> None:
    content = content_of(FakeS3(), lambda: Memory(limit))

    for offset, length in reads:
        assert content.read(offset, length) == BODY[offset : offset + length]


@given(READS)
def test_no_byte_is_fetched_twice(reads: list[tuple[int, int]]) -> None:
    s3 = FakeS3()
    content = content_of(s3)

    for offset, length in reads:
        content.read(offset, length)

    covered = end = 0
    for first, last in sorted(asked_for(s3)):
        covered += max(0, last - max(first, end))
        end = max(end, last)
    assert content.bytes_read <= covered + ISLAND_BYTES * len(s3.asked)


def test_only_what_is_missing_is_fetched() -> None:
    s3 = FakeS3()
    content = content_of(s3)

    content.read(1_000_000, 200_000)
    content.read(2_000_000, 200_000)
    content.read(900_000, 1_200_000)

    assert asked_for(s3)[2:] == [(900_000, 1_000_000), (1_200_000, 2_000_000)]


def test_a_large_read_fetches_nothing_else() -> None:
    s3 = FakeS3()
    content = content_of(s3)

    for offset in (0, 100_000, 200_000):
        content.read(offset, 100_000)

    assert content.bytes_read == 300_000


def test_reading_towards_an_end_does_not_pass_it() -> None:
    s3 = FakeS3()
    content = content_of(s3)

    for offset in range(1_000_000, 1_100_000, 8_000):
        content.read_towards(1_100_000, offset, min(8_000, 1_100_000 - offset))

    assert max(last for _, last in asked_for(s3)) == 1_100_000
    assert content.bytes_read == 100_000
    assert len(s3.asked) < 4


def test_a_range_that_is_wanted_in_whole_is_read_in_large_pieces() -> None:
    s3 = FakeS3()
    content = content_of(s3)
    content.will_be_wanted([(4_000_000, 4_500_000), (1_000_000, 3_000_000)])

    for offset in range(900_000, 3_900_000, 300_000):
        assert content.read(offset, 100) == BODY[offset : offset + 100]

    assert asked_for(s3) == [
        (900_000, 900_100),
        (1_200_000, 3_000_000),
        (3_000_000, 3_000_100),
        (3_300_000, 3_300_100),
        (3_600_000, 3_600_100),
    ]


def test_what_the_commit_cannot_copy_is_what_planning_reads_in_whole() -> None:
    client: Any = FakeS3()

    content = S3Lake(client, min_part_bytes=7_000_000).open(STORED)

    assert content.least_copy_bytes == 7_000_000


def test_without_a_disk_nothing_is_read_before_it_is_asked_for() -> None:
    s3 = FakeS3()
    content = content_of(s3, no_disk)
    content.will_be_wanted([(1_000_000, 3_000_000)])

    content.read(2_000_000, 100)

    assert asked_for(s3) == [(2_000_000, 2_000_100)]


def test_small_reads_far_from_each_other_fetch_no_more_than_they_are() -> None:
    s3 = FakeS3()
    content = content_of(s3)

    for offset in range(0, len(BODY), 300_000):
        content.read(offset, 8_000)

    assert content.bytes_read == 8_000 * len(s3.asked)


@pytest.mark.parametrize("operation", ["write", "read", "is_scarce"])
@given(reads=READS, after=st.integers(0, 5))
def test_a_disk_that_fails_changes_no_byte(
    operation: str, reads: list[tuple[int, int]], after: int
) -> None:
    disk = Failing(operation, after)
    content = content_of(FakeS3(), lambda: disk)

    for offset, length in reads:
        assert content.read(offset, length) == BODY[offset : offset + length]


def test_a_disk_that_is_needed_for_more_is_given_back() -> None:
    disk = Failing("is_scarce", after=1)
    content = content_of(FakeS3(), lambda: disk)

    content.read(0, 100)
    content.read(0, 100)

    assert disk.is_closed


def test_without_a_disk_small_reads_share_requests_still() -> None:
    s3 = FakeS3()
    content = content_of(s3, no_disk)

    for offset in range(0, len(BODY), 8_000):
        assert content.read(offset, 8_000) == BODY[offset : offset + 8_000]

    assert len(s3.asked) < 10


def test_all_of_it_is_made_of_what_is_there_and_what_is_missing() -> None:
    s3 = FakeS3()
    content = content_of(s3)
    content.read(1_000_000, 3_000_000)

    whole = content.whole().read()

    assert whole == BODY
    assert content.bytes_read == len(BODY)


def test_all_of_it_does_not_hang_on_what_was_kept() -> None:
    content = content_of(FakeS3(), lambda: Failing("read"))
    content.read(1_000_000, 3_000_000)

    assert content.whole().read() == BODY


def test_all_of_it_at_once_is_one_request_without_a_range() -> None:
    s3 = FakeS3()

    whole = content_of(s3).whole().read()

    assert whole == BODY
    assert ["Range" in asked for asked in s3.asked] == [False]


def test_what_is_kept_goes_with_the_content() -> None:
    disk = Failing("nothing")

    with content_of(FakeS3(), lambda: disk) as content:
        content.read(0, 100)

    assert disk.is_closed


def test_small_reads_one_after_the_other_share_requests() -> None:
    s3 = FakeS3()
    content = content_of(s3)

    for offset in range(0, len(BODY), 8_000):
        content.read(offset, 8_000)

    assert len(s3.asked) < 10
    assert content.bytes_read == len(BODY)


def test_a_read_here_and_there_fetches_little_around_it() -> None:
    s3 = FakeS3()
    content = content_of(s3)

    for offset in (5_000_000, 3_000_000, 1_000_000):
        content.read(offset, 100)
        content.read(offset, 100)

    assert len(s3.asked) == 3
    assert content.bytes_read == 300


def test_each_read_names_version_and_etag() -> None:
    s3 = FakeS3()
    content = content_of(s3)

    content.read(0, 10)
    content.read(1_000_000, 2_000_000)
    content.whole()
    content_of(s3).whole()

    assert len(s3.asked) == 5
    assert {(asked["VersionId"], asked["IfMatch"]) for asked in s3.asked} == {("v1", "etag")}


@pytest.mark.parametrize("read", [lambda one: one.read(0, 10), lambda one: one.whole()])
def test_another_range_than_asked_for_is_not_taken_for_it(
    read: Callable[[S3Content], object],
) -> None:
    with pytest.raises(RetryLater) as refusal:
        read(content_of(FakeS3(short_by=1)))

    assert refusal.value.reason_code == "RANGE_DIFFERS"
