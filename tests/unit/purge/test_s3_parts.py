"""Pieces of any plan become parts that S3 accepts, and nothing is lost between them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, product

import hypothesis.strategies as st
from hypothesis import given, settings

from erasure_purge.content import Piece
from erasure_purge.parquet import Copy, Put
from erasure_purge.stores.parts import MAX_PART_BYTES, CopyPart, UploadPart, parts_of

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


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=5))
@settings(deadline=None, max_examples=60)
def test_no_choice_of_ranges_sends_fewer_bytes(lengths: list[tuple[int, bool]]) -> None:
    pieces: list[Piece] = [
        Copy(1_000 * number, length) if is_copy else Put(b"n" * length)
        for number, (length, is_copy) in enumerate(lengths)
    ]
    parts = parts_of(pieces, 3)

    sent = sum(part.length for part in parts if isinstance(part, UploadPart))
    assert sent == min(map(_sent, _cuts(pieces, 3)))


def _cuts(pieces: list[Piece], least: int) -> Iterator[list[tuple[bool, int]]]:
    """Every way to copy a part of some ranges; lengths in order, and whether each is sent."""
    ways: list[list[list[tuple[bool, int]]]] = []
    for piece in pieces:
        of_piece = [[(True, piece.length)]]
        if isinstance(piece, Copy):
            for left in range(piece.length - least + 1):
                for length in range(least, piece.length - left + 1):
                    right = piece.length - left - length
                    of_piece.append([(True, left), (False, length), (True, right)])
        ways.append(of_piece)
    for chosen in product(*ways):
        runs = [one for piece in chosen for one in piece if one[1]]
        grouped = [
            (is_sent, sum(length for _, length in run))
            for is_sent, run in groupby(runs, key=lambda one: one[0])
        ]
        if all(length >= least for _, length in grouped[:-1]):
            yield grouped


def _sent(runs: list[tuple[bool, int]]) -> int:
    return sum(length for is_sent, length in runs if is_sent)


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
