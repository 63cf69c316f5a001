"""The values of a page as physical bytes: taken apart, filtered, put together again.

No logical type is involved, so nothing is converted: NaN payloads, INT96 and decimals stay the bits
they are. The DELTA family goes through pyarrow, wrapped as a file of one required column.
Source: https://github.com/apache/parquet-format/blob/master/Encodings.md
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .errors import MalformedParquet, UnknownEncoding
from .footer import Leaf
from .levels import Bools, UInts, decode_hybrid, encode_hybrid
from .mini_file import decode_values, encode_values
from .order import Key, Order, PhysicalType, key

Octets = npt.NDArray[np.uint8]
Bounds = tuple[bytes, bytes]


class Encoding(IntEnum):
    """Encoding of parquet.thrift."""

    PLAIN = 0
    PLAIN_DICTIONARY = 2
    RLE = 3
    BIT_PACKED = 4
    DELTA_BINARY_PACKED = 5
    DELTA_LENGTH_BYTE_ARRAY = 6
    DELTA_BYTE_ARRAY = 7
    RLE_DICTIONARY = 8
    BYTE_STREAM_SPLIT = 9


DICTIONARY_ENCODINGS = (Encoding.PLAIN_DICTIONARY, Encoding.RLE_DICTIONARY)
_DELTAS = (
    Encoding.DELTA_BINARY_PACKED,
    Encoding.DELTA_LENGTH_BYTE_ARRAY,
    Encoding.DELTA_BYTE_ARRAY,
)
_LENGTH = struct.Struct("<I")
_FEW = 64  # values for which asking pyarrow for offsets costs more than a loop


class Column(Protocol):
    """Some values of one column."""

    def __len__(self) -> int: ...

    def filtered(self, keep: Bools) -> Column:
        """The values that are kept."""
        ...

    def selected(self, where: Bools) -> list[bytes]:
        """These values' bytes, without length prefixes."""
        ...

    def bounds(self, order: Order) -> Bounds | None:
        """Minimum and maximum; None without values or without a certain order."""
        ...

    def arrow(self) -> pa.Array:
        """The values as an Arrow array of the same bits."""
        ...

    def encoded(self, encoding: int) -> bytes:
        """The values as a page holds them."""
        ...


class FixedColumn:
    """Values of one width: an array of rows of octets."""

    def __init__(self, physical: PhysicalType, octets: Octets) -> None:
        self.physical = physical
        self.octets = octets

    def __len__(self) -> int:
        return len(self.octets)

    def filtered(self, keep: Bools) -> FixedColumn:
        width = self.octets.shape[1]
        if width == 0:
            return FixedColumn(self.physical, self.octets[keep])
        # As elements of one opaque type: choosing rows of octets takes numpy 20 times as long.
        values = np.ascontiguousarray(self.octets).view(f"V{width}").reshape(-1)
        return FixedColumn(self.physical, values[keep].view(np.uint8).reshape(-1, width))

    def selected(self, where: Bools) -> list[bytes]:
        raw = self.octets[where].tobytes()
        width = self.octets.shape[1]
        return [raw[at : at + width] for at in range(0, len(raw), width)]

    def bounds(self, order: Order) -> Bounds | None:
        if order in (Order.SIGNED, Order.UNSIGNED, Order.FLOAT):
            return self._numeric_bounds(order)
        return _bounds_of(self.selected(np.ones(len(self), np.bool_)), order)

    def _numeric_bounds(self, order: Order) -> Bounds | None:
        kind = {Order.SIGNED: "i", Order.UNSIGNED: "u", Order.FLOAT: "f"}[order]
        numbers = self.octets.reshape(-1).view(f"<{kind}{self.octets.shape[1]}")
        if order is Order.FLOAT:
            numbers = numbers[~np.isnan(numbers)]
        if len(numbers) == 0:
            return None
        low, high = numbers.min(), numbers.max()
        if order is Order.FLOAT:  # parquet.thrift: a minimum of zero is -0.0, a maximum +0.0
            low = -numbers.dtype.type(0) if low == 0 else low
            high = numbers.dtype.type(0) if high == 0 else high
        return low.tobytes(), high.tobytes()

    def arrow(self) -> pa.Array:
        buffers = [None, pa.py_buffer(np.ascontiguousarray(self.octets))]
        return pa.Array.from_buffers(bits_type(self.octets.shape[1]), len(self), buffers)

    def encoded(self, encoding: int) -> bytes:
        if encoding == Encoding.PLAIN:
            return self.octets.tobytes()
        if encoding == Encoding.BYTE_STREAM_SPLIT:
            return self.octets.T.tobytes()
        if encoding in _DELTAS:
            return encode_values(encoding, self.arrow())
        raise UnknownEncoding(f"encoding {encoding}")


class BoolColumn:
    """Booleans, one octet each."""

    def __init__(self, flags: Bools) -> None:
        self.flags = flags

    def __len__(self) -> int:
        return len(self.flags)

    def filtered(self, keep: Bools) -> BoolColumn:
        return BoolColumn(self.flags[keep])

    def selected(self, where: Bools) -> list[bytes]:
        return [bytes([flag]) for flag in self.flags[where].tolist()]

    def bounds(self, order: Order) -> Bounds | None:  # noqa: ARG002 - there is only one order
        if len(self.flags) == 0:
            return None
        return bytes([bool(self.flags.all())]), bytes([bool(self.flags.any())])

    def arrow(self) -> pa.Array:
        return pa.array(self.flags)

    def encoded(self, encoding: int) -> bytes:
        if encoding == Encoding.PLAIN:
            return np.packbits(self.flags, bitorder="little").tobytes()
        if encoding == Encoding.RLE:
            runs = encode_hybrid(self.flags.astype(np.uint32), 1)
            return _LENGTH.pack(len(runs)) + runs
        raise UnknownEncoding(f"encoding {encoding}")


class ByteColumn:
    """Byte strings in PLAIN layout, each behind its length; taken apart only when asked."""

    def __init__(self, plain: bytes, count: int, array: pa.Array | None = None) -> None:
        self.plain = plain
        self.count = count
        self._array = array
        self._starts: npt.NDArray[np.int64] | None = None

    @classmethod
    def of(cls, array: pa.Array) -> ByteColumn:
        """The column of an Arrow binary array without nulls."""
        offsets, data = _offsets_and_data(array)
        lengths = np.diff(offsets).astype("<u4")
        starts = offsets[:-1] - offsets[0] + 4 * np.arange(len(array))
        out = np.empty(int(lengths.sum()) + 4 * len(array), np.uint8)
        is_length = np.zeros(len(out), np.bool_)
        is_length[(starts[:, None] + np.arange(4)).reshape(-1)] = True
        out[is_length] = lengths.view(np.uint8)
        out[~is_length] = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
        return cls(out.tobytes(), len(array), array)

    def __len__(self) -> int:
        return self.count

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """Where every value's length stands in `plain`, and where the last value ends."""
        if self._starts is None:
            self._starts = self._find_starts()
        return self._starts

    def _find_starts(self) -> npt.NDArray[np.int64]:
        uniform = self._uniform_length()
        if uniform is not None:
            return np.arange(self.count + 1, dtype=np.int64) * (4 + uniform)
        if self.count > _FEW or self._array is not None:
            if self._array is None:
                self._array = decode_values(
                    PhysicalType.BYTE_ARRAY, 0, Encoding.PLAIN, self.count, self.plain
                )
            offsets, _ = _offsets_and_data(self._array)
            steps = np.arange(self.count + 1, dtype=np.int64) * 4
            return offsets.astype(np.int64) - int(offsets[0]) + steps
        starts, position = [0], 0
        for _ in range(self.count):
            if position + 4 > len(self.plain):
                raise MalformedParquet("values end early")
            position += 4 + _LENGTH.unpack_from(self.plain, position)[0]
            starts.append(position)
        if position > len(self.plain):
            raise MalformedParquet("values end early")
        return np.array(starts, np.int64)

    def _uniform_length(self) -> int | None:
        """The length of every value if they all have the same, as UUIDs do."""
        if self.count == 0 or len(self.plain) < 4:
            return None
        length: int = _LENGTH.unpack_from(self.plain, 0)[0]
        if len(self.plain) != self.count * (4 + length):
            return None
        prefixes = np.ndarray((self.count,), "<u4", self.plain, 0, (4 + length,))
        return length if bool((prefixes == length).all()) else None

    def filtered(self, keep: Bools) -> ByteColumn:
        starts = self.starts
        # Neighbours that stay together are taken in one slice.
        changes = np.flatnonzero(np.diff(keep, prepend=False, append=False))
        edges = starts[changes].tolist()
        pieces = [self.plain[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]
        lengths = np.diff(starts)[keep]
        column = ByteColumn(b"".join(pieces), len(lengths))
        column._starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
        return column

    def selected(self, where: Bools) -> list[bytes]:
        chosen = np.flatnonzero(where)
        begins, ends = self.starts[chosen].tolist(), self.starts[chosen + 1].tolist()
        return [self.plain[a + 4 : b] for a, b in zip(begins, ends, strict=True)]

    def all(self) -> list[bytes]:
        """Every value's bytes."""
        return self.selected(np.ones(self.count, np.bool_))

    def bounds(self, order: Order) -> Bounds | None:
        if order is not Order.BYTES:
            return _bounds_of(self.all(), order)
        if self.count == 0:
            return None
        extremes = pc.min_max(self.arrow())
        return extremes["min"].as_py(), extremes["max"].as_py()

    def arrow(self) -> pa.Array:
        if self._array is None:
            starts = self.starts
            offsets = starts - 4 * np.arange(self.count + 1)
            is_data = np.ones(int(starts[-1]), np.bool_)
            is_data[(starts[:-1, None] + np.arange(4)).reshape(-1)] = False
            data = np.frombuffer(self.plain, np.uint8)[: int(starts[-1])][is_data]
            buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)]
            self._array = pa.Array.from_buffers(pa.binary(), self.count, buffers)
        return self._array

    def encoded(self, encoding: int) -> bytes:
        if encoding == Encoding.PLAIN:
            return self.plain
        if encoding in _DELTAS:
            return encode_values(encoding, self.arrow())
        raise UnknownEncoding(f"encoding {encoding}")


def bits_type(width: int) -> pa.DataType:
    """The Arrow type in which values of a width are compared bit by bit."""
    return {4: pa.int32(), 8: pa.int64()}.get(width, pa.binary(width))


def decode_column(leaf: Leaf, encoding: int, data: bytes, count: int) -> Column:
    """`count` values of a data or dictionary page, not dictionary indices.

    Raises:
        MalformedParquet: there are fewer of them.
        UnknownEncoding: they are encoded in another way.
    """
    if count == 0:
        data = b""
    if leaf.physical is PhysicalType.BOOLEAN:
        return BoolColumn(_decode_booleans(encoding, data, count))
    if encoding in _DELTAS and count:
        array = decode_values(leaf.physical, leaf.type_length, encoding, count, data)
        if leaf.physical is PhysicalType.BYTE_ARRAY:
            return ByteColumn.of(array)
        data = _fixed_bytes(array, leaf.width)
        encoding = Encoding.PLAIN
    if leaf.physical is PhysicalType.BYTE_ARRAY:
        if encoding != Encoding.PLAIN and count:
            raise UnknownEncoding(f"encoding {encoding}")
        return ByteColumn(data, count)
    return FixedColumn(leaf.physical, _decode_fixed(encoding, data, count, leaf.width))


def _decode_fixed(encoding: int, data: bytes, count: int, width: int) -> Octets:
    if len(data) < count * width:
        raise MalformedParquet("values end early")
    octets = np.frombuffer(data, np.uint8)[: count * width]
    if encoding == Encoding.PLAIN or count == 0:
        return octets.reshape(count, width)
    if encoding == Encoding.BYTE_STREAM_SPLIT:
        return np.ascontiguousarray(octets.reshape(width, count).T)
    raise UnknownEncoding(f"encoding {encoding}")


def _decode_booleans(encoding: int, data: bytes, count: int) -> Bools:
    if count == 0:
        return np.zeros(0, np.bool_)
    if encoding == Encoding.PLAIN:
        if len(data) * 8 < count:
            raise MalformedParquet("values end early")
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        return bits[:count].astype(np.bool_)
    if encoding == Encoding.RLE:
        return decode_hybrid(data, _LENGTH.size, 1, count).astype(np.bool_)
    raise UnknownEncoding(f"encoding {encoding}")


def decode_indices(data: bytes, count: int, dictionary_size: int) -> tuple[UInts, int]:
    """A dictionary-encoded page's indices, and the bit width it used."""
    if count == 0:
        return np.zeros(0, np.uint32), data[0] if data else 0
    if not data:
        raise MalformedParquet("values end early")
    indices = decode_hybrid(data, 1, data[0], count)
    if int(indices.max()) >= dictionary_size:
        raise MalformedParquet("a value is not in the dictionary")
    return indices, data[0]


def encode_indices(indices: UInts, width: int) -> bytes:
    """Dictionary indices as a page holds them."""
    return bytes([width]) + encode_hybrid(indices, width)


def _bounds_of(values: list[bytes], order: Order) -> Bounds | None:
    keyed: list[tuple[Key, bytes]] = []
    for value in values:
        place = key(order, value)
        if place is None:
            return None
        keyed.append((place, value))
    if not keyed:
        return None
    # The first of a pair decides; only keys of one type meet.
    return min(keyed)[1], max(keyed)[1]


def _offsets_and_data(array: pa.Array) -> tuple[npt.NDArray[np.int64], bytes]:
    buffers = array.buffers()
    wide = pa.types.is_large_binary(array.type) or pa.types.is_large_string(array.type)
    kind = np.int64 if wide else np.int32
    offsets = np.frombuffer(buffers[1], kind)[array.offset : array.offset + len(array) + 1]
    return offsets.astype(np.int64), buffers[2] if buffers[2] is not None else b""


def _fixed_bytes(array: pa.Array, width: int) -> bytes:
    data = array.buffers()[1]
    return bytes(data[array.offset * width : (array.offset + len(array)) * width])
