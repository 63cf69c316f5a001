"""What was fetched is kept as it was, within bounds, and who needs the room more is given it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erasure_purge.stores.kept_ranges import Disk, KeptRanges, Memory

BODY = Random(2).randbytes(4_000)
SLOT_BYTES = 100
RANGES = st.lists(
    st.tuples(st.integers(0, len(BODY)), st.integers(0, 900), st.booleans()), max_size=30
)


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk(limit_bytes=1_000)
    yield disk
    disk.close()


def keep(kept: KeptRanges, start: int, end: int) -> None:
    kept.keep(start, BODY[start:end])


def check(kept: KeptRanges) -> None:
    """Whatever is not missing is as it was."""
    position = 0
    for first, last in [*kept.missing(0, len(BODY)), (len(BODY), len(BODY))]:
        assert kept.read(position, first) == BODY[position:first]
        within = position + (first - position) // 3, first - (first - position) // 4
        assert kept.read(*within) == BODY[slice(*within)]
        position = last


@given(RANGES, st.integers(1, 3_000), st.integers(1, 500))
def test_what_is_not_missing_is_as_it_was(
    ranges: list[tuple[int, int, bool]], limit: int, slot_bytes: int
) -> None:
    kept = KeptRanges(Memory(limit), slot_bytes)

    for start, length, is_unneeded in ranges:
        end = min(start + length, len(BODY))
        keep(kept, start, end)
        if is_unneeded:
            kept.forget_first(start, end)
        check(kept)
        assert kept.held_bytes <= limit


def test_all_that_fits_is_kept(disk: Disk) -> None:
    kept = KeptRanges(disk, slot_bytes=SLOT_BYTES)

    keep(kept, 0, 300)
    keep(kept, 500, 700)
    keep(kept, 200, 600)

    assert list(kept.missing(0, 800)) == [(700, 800)]
    assert kept.read(100, 700) == BODY[100:700]
    assert kept.held_bytes == 700


def test_the_oldest_is_given_up_first(disk: Disk) -> None:
    kept = KeptRanges(disk, slot_bytes=SLOT_BYTES)

    for start in (2_000, 0, 1_000):
        keep(kept, start, start + 400)

    assert list(kept.missing(0, 3_000)) == [(400, 1_000), (1_400, 3_000)]


def test_what_nobody_needs_is_given_up_before_that(disk: Disk) -> None:
    kept = KeptRanges(disk, slot_bytes=SLOT_BYTES)

    for start in (0, 1_000):
        keep(kept, start, start + 400)
    kept.forget_first(900, 1_500)
    keep(kept, 2_000, 2_400)

    assert list(kept.missing(0, 2_400)) == [(400, 2_000)]


def test_a_range_beyond_the_limit_is_not_kept(disk: Disk) -> None:
    kept = KeptRanges(disk, slot_bytes=SLOT_BYTES)

    keep(kept, 0, 1_001)

    assert list(kept.missing(0, 10)) == [(0, 10)]


def test_room_that_was_given_up_is_used_again_in_whatever_pieces(disk: Disk) -> None:
    kept = KeptRanges(disk, slot_bytes=SLOT_BYTES)
    random = Random(5)

    for _ in range(300):
        start = random.randrange(len(BODY))
        keep(kept, start, start + random.randrange(1, 400))
        check(kept)

    assert os.fstat(disk.fileno()).st_size <= disk.limit_bytes


def test_the_file_has_no_name(disk: Disk) -> None:
    keep(KeptRanges(disk, slot_bytes=SLOT_BYTES), 0, 100)

    assert os.fstat(disk.fileno()).st_nlink == 0


def test_a_disk_with_less_room_than_others_may_need_is_scarce() -> None:
    disk = Disk(least_room_bytes=1 << 62)

    is_scarce = disk.is_scarce(0)

    disk.close()
    assert is_scarce


def test_a_disk_with_less_room_than_is_held_is_scarce(disk: Disk) -> None:
    assert not disk.is_scarce(0)
    assert disk.is_scarce(1 << 62)


def test_a_file_that_lost_its_end_is_not_read_short(disk: Disk) -> None:
    kept = KeptRanges(disk, slot_bytes=SLOT_BYTES)
    keep(kept, 0, 100)
    os.ftruncate(disk.fileno(), 50)

    with pytest.raises(OSError) as lost:
        kept.read(0, 100)

    assert lost.value.errno == errno.EIO
