from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from erasure_purge.parquet.errors import MalformedParquet
from erasure_purge.parquet.levels import decode_bit_packed, decode_hybrid, encode_hybrid


@st.composite
def _values(draw: st.DrawFn) -> tuple[int, list[int]]:
    width = draw(st.integers(0, 32))
    runs = draw(
        st.lists(st.tuples(st.integers(0, (1 << width) - 1), st.integers(1, 70)), max_size=12)
    )
    return width, [value for value, count in runs for _ in range(count)]


@given(_values(), st.binary(max_size=3))
def test_levels_come_back_as_they_were(case: tuple[int, list[int]], before: bytes) -> None:
    width, values = case

    raw = encode_hybrid(np.array(values, np.uint32), width)

    assert decode_hybrid(before + raw, len(before), width, len(values)).tolist() == values


def test_repetitions_take_a_few_bytes() -> None:
    assert len(encode_hybrid(np.zeros(1_000_000, np.uint32), 1)) < 8


def test_runs_of_both_kinds_are_read() -> None:
    # https://github.com/apache/parquet-format/blob/master/Encodings.md: 0..7 in three bits
    packed = bytes([0x03, 0b10001000, 0b11000110, 0b11111010])

    assert decode_hybrid(packed, 0, 3, 8).tolist() == list(range(8))
    assert decode_hybrid(bytes([8 << 1, 5]) + packed, 0, 3, 16).tolist() == [5] * 8 + list(range(8))


def test_padding_that_a_writer_left_out_is_not_missed() -> None:
    assert decode_hybrid(bytes([0x03, 0b10001000]), 0, 3, 2).tolist() == [0, 1]


@pytest.mark.parametrize(
    "raw", [b"", b"\x00", b"\x03", b"\x10", b"\xff\xff\xff\xff\xff\xff", b"\x10\x09"]
)
def test_runs_that_end_early_or_lie_are_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedParquet):
        decode_hybrid(raw, 0, 3, 8)


@given(st.binary(max_size=60), st.integers(0, 32), st.integers(0, 200))
def test_any_bytes_are_levels_or_malformed(raw: bytes, width: int, count: int) -> None:
    try:
        values = decode_hybrid(raw, 0, width, count)
    except MalformedParquet:
        return
    assert len(values) == count


def test_deprecated_bit_packed_levels_are_read_from_the_highest_bit() -> None:
    # The format's own example: 0..7 in three bits, most significant first.
    raw = bytes([0b00000101, 0b00111001, 0b01110111])

    values, end = decode_bit_packed(raw, 0, 3, 8)

    assert values.tolist() == list(range(8))
    assert end == 3
