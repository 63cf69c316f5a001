"""The RLE / bit-packing hybrid of levels, dictionary indices and booleans; and old bit-packing.

Source: https://github.com/apache/parquet-format/blob/master/Encodings.md
Runs are walked in Python, their values unpacked by numpy in one go.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .errors import MalformedParquet
from .thrift_compact import write_varint

UInts = npt.NDArray[np.uint32]
Bools = npt.NDArray[np.bool_]

_MAX_WIDTH = 32
_RUN_MIN = 32  # shorter repetitions are cheaper bit-packed
_PACK_GROUPS = 8192  # groups of eight values packed at a time, to bound memory


def decode_hybrid(data: bytes, position: int, width: int, count: int) -> UInts:
    """`count` values of `width` bits that start at a position."""
    if not 0 <= width <= _MAX_WIDTH or count < 0:
        raise MalformedParquet("impossible bit width")
    if count == 0 or width == 0:
        return np.zeros(count, np.uint32)
    runs = _Runs(data, position, width)
    while runs.done < count:
        runs.take(count - runs.done)
    return runs.values()


class _Runs:
    """The runs read so far: one value each, or a stretch of bit-packed ones."""

    def __init__(self, data: bytes, position: int, width: int) -> None:
        self.data = data
        self.position = position
        self.width = width
        self.done = 0
        self.packed: list[bytes] = []
        self.counts: list[int] = []
        self.repeated: list[int] = []
        self.is_packed: list[bool] = []

    def take(self, most: int) -> None:
        """Read the next run, of which at most so many values count."""
        head, self.position = _varint(self.data, self.position)
        count = min((head >> 1) * (8 if head & 1 else 1), most)
        if count == 0:
            raise MalformedParquet("an empty run")
        if head & 1:
            self._take_packed((head >> 1) * self.width, count)
        else:
            self._take_repeated()
        self.is_packed.append(bool(head & 1))
        self.counts.append(count)
        self.done += count

    def _take_packed(self, length: int, count: int) -> None:
        raw = self.data[self.position : self.position + length]
        if len(raw) * 8 < count * self.width:
            raise MalformedParquet("a bit-packed run ends early")
        self.position += length
        # Some writers leave out the padding of the last group.
        self.packed.append(raw.ljust(-(-count // 8) * self.width, b"\0"))
        self.repeated.append(0)

    def _take_repeated(self) -> None:
        length = (self.width + 7) // 8
        raw = self.data[self.position : self.position + length]
        value = int.from_bytes(raw, "little")
        if len(raw) < length or value >> self.width:
            raise MalformedParquet("a run ends early or is wider than its bit width")
        self.position += length
        self.repeated.append(value)

    def values(self) -> UInts:
        """All values; only the last bit-packed run can be cut short, so the packed stay in step."""
        if not self.packed:
            if len(self.counts) == 1:
                return np.full(self.counts[0], self.repeated[0], np.uint32)
            return np.repeat(np.array(self.repeated, np.uint32), self.counts)
        unpacked = _unpack(b"".join(self.packed), self.width)
        if len(self.counts) == 1:
            return unpacked[: self.counts[0]]
        out = np.repeat(np.array(self.repeated, np.uint32), self.counts)
        from_packed = np.repeat(np.array(self.is_packed), self.counts)
        out[from_packed] = unpacked[: int(np.count_nonzero(from_packed))]
        return out


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(data):
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 35:
            break
    raise MalformedParquet("a run header ends early")


def _unpack(raw: bytes, width: int) -> UInts:
    """Every value of bit-packed groups of eight, each group `width` bytes."""
    if width == 1:
        return np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little").astype(np.uint32)
    groups = len(raw) // width
    raw += b"\0" * 8
    word = np.dtype("<u4") if width <= 24 else np.dtype("<u8")
    mask = word.type((1 << width) - 1)
    out = np.empty((groups, 8), np.uint32)
    for column in range(8):
        bit = column * width
        words = np.ndarray((groups,), word, raw, bit >> 3, (width,))
        out[:, column] = (words >> word.type(bit & 7)) & mask
    return out.reshape(-1)


def encode_hybrid(values: UInts, width: int) -> bytes:
    """The values as runs where they repeat, bit-packed where they do not."""
    out = bytearray()
    count = len(values)
    if count == 0:
        return b""
    if width == 0:
        write_varint(out, count << 1)
        return bytes(out)
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    starts = np.concatenate(([0], changes))
    ends = np.concatenate((changes, [count]))
    long_runs = np.flatnonzero(ends - starts >= _RUN_MIN)
    value_bytes = (width + 7) // 8
    done = 0
    for start, end in zip(starts[long_runs].tolist(), ends[long_runs].tolist(), strict=True):
        # A bit-packed stretch holds whole groups of eight, so it borrows from the run after it.
        begin = done + -(-(max(start, done) - done) // 8) * 8
        if end - begin < 8:
            continue
        if begin > done:
            _write_packed(out, values[done:begin], width)
        write_varint(out, (end - begin) << 1)
        out += int(values[begin]).to_bytes(value_bytes, "little")
        done = end
    if done < count:
        _write_packed(out, values[done:], width)
    return bytes(out)


def _write_packed(out: bytearray, values: UInts, width: int) -> None:
    groups = -(-len(values) // 8)
    write_varint(out, groups << 1 | 1)
    for first in range(0, groups, _PACK_GROUPS):
        part = values[first * 8 : (first + _PACK_GROUPS) * 8]
        padded = np.zeros(-(-len(part) // 8) * 8, "<u4")
        padded[: len(part)] = part
        octets = padded.view(np.uint8).reshape(-1, 4)
        bits = np.unpackbits(octets, axis=1, bitorder="little")[:, :width]
        out += np.packbits(bits.reshape(-1), bitorder="little").tobytes()


def decode_bit_packed(data: bytes, position: int, width: int, count: int) -> tuple[UInts, int]:
    """The deprecated BIT_PACKED levels, most significant bit first; and where they end."""
    length = -(-count * width // 8)
    raw = data[position : position + length]
    if len(raw) < length:
        raise MalformedParquet("levels end early")
    bits = np.unpackbits(np.frombuffer(raw, np.uint8))[: count * width].astype(np.uint32)
    weights = (1 << np.arange(width - 1, -1, -1)).astype(np.uint32)
    return bits.reshape(count, width) @ weights, position + length
