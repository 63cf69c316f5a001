from __future__ import annotations

import struct

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings

from erasure_purge.parquet.encodings import (
    ByteColumn,
    Encoding,
    FixedColumn,
    decode_column,
)
from erasure_purge.parquet.errors import MalformedParquet, UnknownEncoding
from erasure_purge.parquet.footer import Leaf
from erasure_purge.parquet.order import Order, PhysicalType
from erasure_purge.parquet.thrift_compact import Struct


def _leaf(physical: PhysicalType, width: int = 0) -> Leaf:
    return Leaf(0, (b"c",), physical, width, 0, 0, Order.BYTES, True, Struct())


_STRINGS = st.lists(st.binary(max_size=12), max_size=150)
_STRING_ENCODINGS = st.sampled_from(
    [Encoding.PLAIN, Encoding.DELTA_LENGTH_BYTE_ARRAY, Encoding.DELTA_BYTE_ARRAY]
)


@settings(deadline=None)
@given(_STRINGS, _STRING_ENCODINGS, st.data())
def test_byte_strings_filtered_in_any_encoding_are_the_ones_kept(
    values: list[bytes], encoding: Encoding, data: st.DataObject
) -> None:
    keep = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    raw = ByteColumn.of(pa.array(values, pa.binary())).encoded(encoding)

    column = decode_column(_leaf(PhysicalType.BYTE_ARRAY), encoding, raw, len(values))
    kept = column.filtered(np.array(keep, np.bool_))
    again = decode_column(
        _leaf(PhysicalType.BYTE_ARRAY), encoding, kept.encoded(encoding), len(kept)
    )

    assert again.arrow().to_pylist() == [v for v, k in zip(values, keep, strict=True) if k]


@settings(deadline=None)
@given(
    st.lists(st.integers(-(1 << 63), (1 << 63) - 1), max_size=150),
    st.sampled_from([Encoding.PLAIN, Encoding.DELTA_BINARY_PACKED, Encoding.BYTE_STREAM_SPLIT]),
)
def test_integers_come_back_from_any_encoding(values: list[int], encoding: Encoding) -> None:
    octets = np.array(values, "<i8").view(np.uint8).reshape(-1, 8)
    raw = FixedColumn(PhysicalType.INT64, octets).encoded(encoding)

    column = decode_column(_leaf(PhysicalType.INT64), encoding, raw, len(values))

    assert column.arrow().to_pylist() == values
    assert column.bounds(Order.SIGNED) == (
        (struct.pack("<q", min(values)), struct.pack("<q", max(values))) if values else None
    )


def test_bounds_of_doubles_know_neither_nan_nor_one_zero() -> None:
    def column(*values: float) -> FixedColumn:
        octets = np.array(values, "<f8").view(np.uint8).reshape(-1, 8)
        return FixedColumn(PhysicalType.DOUBLE, octets)

    zeros = column(0.0, float("nan"), -0.0).bounds(Order.FLOAT)

    assert zeros == (struct.pack("<d", -0.0), struct.pack("<d", 0.0))
    assert column(float("nan")).bounds(Order.FLOAT) is None


def test_values_that_end_early_are_malformed() -> None:
    with pytest.raises(MalformedParquet):
        decode_column(_leaf(PhysicalType.INT32), Encoding.PLAIN, b"\0\0\0", 1)
    with pytest.raises(MalformedParquet):
        _ = ByteColumn(b"\x05\0\0\0abc", 1).starts
    with pytest.raises(MalformedParquet):
        _ = ByteColumn(b"\x05\0\0\0abc" * 100, 100).starts


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(UnknownEncoding):
        decode_column(_leaf(PhysicalType.INT32), 99, b"\0\0\0\0", 1)
