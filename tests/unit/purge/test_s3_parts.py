"""Pieces of any plan become parts that S3 accepts, and nothing is lost between them."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from erasure_purge.content import Piece
from erasure_purge.parquet import Copy, Put
from erasure_purge.stores.s3_commit import MAX_PART_BYTES, CopyPart, UploadPart, parts_of

_MIN = 100
_LENGTHS = st.integers(1, 450)


@st.composite
def _segments(draw: st.DrawFn) -> list[Piece]:
    segments: list[Piece] = []
    for length, is_copy in draw(st.lists(st.tuples(_LENGTHS, st.booleans()), min_size=1)):
        offset = draw(st.integers(0, 10_000))
        segments.append(Copy(offset, length) if is_copy else Put(b"n" * length))
    return segments


def _flat(segments: list[Piece]) -> list[object]:
    """Every byte of the object: where it is copied from, or that it is new."""
    out: list[object] = []
    for segment in segments:
        if isinstance(segment, Copy):
            out += range(segment.offset, segment.offset + segment.length)
        else:
            out += ["new"] * segment.length
    return out


@given(_segments())
def test_parts_hold_the_planned_bytes_in_order(segments: list[Piece]) -> None:
    pieces: list[Piece] = []
    for part in parts_of(segments, _MIN):
        if isinstance(part, CopyPart):
            pieces.append(Copy(part.offset, part.length))
        else:
            pieces += part.pieces

    assert _flat(pieces) == _flat(segments)


@given(_segments())
def test_every_part_but_the_last_is_large_enough(segments: list[Piece]) -> None:
    parts = parts_of(segments, _MIN)

    assert all(part.length >= _MIN for part in parts[:-1])


def test_long_ranges_are_copied_in_parts_that_s3_still_copies() -> None:
    parts = parts_of([Copy(4, 3 * MAX_PART_BYTES)])

    assert all(isinstance(part, CopyPart) and part.length <= MAX_PART_BYTES for part in parts)
    assert sum(part.length for part in parts) == 3 * MAX_PART_BYTES


def test_a_small_change_in_a_large_object_takes_one_part_along() -> None:
    parts = parts_of([Copy(0, 1_000), Put(b"x"), Copy(1_001, 1_000)], _MIN)

    assert [type(part) for part in parts] == [CopyPart, UploadPart, CopyPart]
    assert parts[1].length == _MIN


def test_thousands_of_scattered_changes_stay_within_the_number_of_parts() -> None:
    scattered: list[Piece] = []
    for number in range(12_000):
        scattered += [Copy(number * 1_000, 250), Put(b"x")]

    assert len(parts_of(scattered, 10)) <= 10_000
