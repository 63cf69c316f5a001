"""The RLE / bit-packing hybrid of levels, dictionary indices and booleans; and old bit-packing.

Source: https://github.com/apache/parquet-format/blob/master/Encodings.md
Runs are walked in Python, their values unpacked by numpy in one go.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, zip_longest

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
    heads, places = _walk_runs(data, position, width, count)
    if len(heads) == 1 and not heads[0] & 1:  # the levels of a page without nulls
        return np.full(count, _repeated(data, np.array(places), width)[0])
    return _run_values(data, np.array(heads, np.int64), np.array(places), width, count)


def _walk_runs(data: bytes, position: int, width: int, count: int) -> tuple[list[int], list[int]]:
    """Every run's header, and where its values stand."""
    heads: list[int] = []
    places: list[int] = []
    value_bytes = (width + 7) // 8
    end = len(data)
    done = 0
    while done < count:
        if position >= end:
            raise MalformedParquet("runs end early")
        head = data[position]
        position += 1
        if head > 0x7F:
            head, position = _long_varint(data, position, head & 0x7F)
        heads.append(head)
        places.append(position)
        if head < 2:
            raise MalformedParquet("an empty run")
        if head & 1:
            done += (head >> 1) << 3
            position += (head >> 1) * width
        else:
            done += head >> 1
            position += value_bytes
    return heads, places


def _long_varint(data: bytes, position: int, value: int) -> tuple[int, int]:
    shift = 7
    while position < len(data) and shift < 35:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise MalformedParquet("a run header ends early or is too long")


def _run_values(
    data: bytes, heads: npt.NDArray[np.int64], places: npt.NDArray[np.int64], width: int, count: int
) -> UInts:
    is_packed = (heads & 1).astype(np.bool_)
    counts = np.where(is_packed, (heads >> 1) * 8, heads >> 1)
    counts[-1] -= int(counts.sum()) - count
    repeated = _repeated(data, places[~is_packed], width)
    if not is_packed.any():
        return np.repeat(repeated, counts)
    packed = _packed(data, heads[is_packed], places[is_packed], width)
    # Only the last run can be cut short, so those before it stay in step.
    if len(packed) * 8 < int(counts[is_packed].sum()) * width:
        raise MalformedParquet("a bit-packed run ends early")
    unpacked = _unpack(packed.ljust(-(-len(packed) // width) * width, b"\0"), width)
    if len(heads) == 1:
        return unpacked[:count]
    values = np.zeros(len(heads), np.uint32)
    values[~is_packed] = repeated
    out = np.repeat(values, counts)
    from_packed = np.repeat(is_packed, counts)
    out[from_packed] = unpacked[: int(np.count_nonzero(from_packed))]
    return out


def _repeated(data: bytes, places: npt.NDArray[np.int64], width: int) -> UInts:
    """The one value of every run that repeats."""
    value_bytes = (width + 7) // 8
    octets = np.frombuffer(data, np.uint8)
    if len(places) and int(places[-1]) + value_bytes > len(octets):
        raise MalformedParquet("a run ends early")
    values = np.zeros(len(places), np.uint32)
    for byte in range(value_bytes):
        values |= octets[places + byte].astype(np.uint32) << np.uint32(8 * byte)
    if width < _MAX_WIDTH and len(values) and int(values.max()) >> width:
        raise MalformedParquet("a run's value is wider than its bit width")
    return values


def _packed(
    data: bytes, heads: npt.NDArray[np.int64], places: npt.NDArray[np.int64], width: int
) -> bytes:
    """The bit-packed runs one after the other; some writers leave out the last one's padding."""
    ends = places + (heads >> 1) * width
    pairs = zip(places.tolist(), ends.tolist(), strict=True)
    return b"".join([data[start:end] for start, end in pairs])


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
    runs = list(_long_runs(values))
    edges = [0, *chain.from_iterable(runs), count]
    stretches = list(zip(edges[::2], edges[1::2], strict=True))
    # Every stretch but the last holds whole groups, so all are packed as if they were one.
    apart = [values[start:end] for start, end in stretches]
    packed = _bit_packed(np.concatenate(apart) if runs else values, width)
    value_bytes = (width + 7) // 8
    position = 0
    for (start, end), run in zip_longest(stretches, runs):
        if end > start:
            groups = -(-(end - start) // 8)
            write_varint(out, groups << 1 | 1)
            out += packed[position : position + groups * width]
            position += groups * width
        if run is not None:
            write_varint(out, (run[1] - run[0]) << 1)
            out += int(values[run[0]]).to_bytes(value_bytes, "little")
    return bytes(out)


def _long_runs(values: UInts) -> Iterator[tuple[int, int]]:
    """Begin and end of repetitions worth a run.

    A bit-packed stretch holds whole groups of eight, so it borrows from the run after it.
    """
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    starts = np.concatenate(([0], changes))
    ends = np.concatenate((changes, [len(values)]))
    long = np.flatnonzero(ends - starts >= _RUN_MIN)
    done = 0
    for start, end in zip(starts[long].tolist(), ends[long].tolist(), strict=True):
        begin = done + -(-(start - done) // 8) * 8
        if end - begin >= 8:
            yield begin, end
            done = end


def _bit_packed(values: UInts, width: int) -> bytes:
    """Groups of eight, the last one padded with zeros."""
    if width == 1:
        return np.packbits(values.astype(np.bool_), bitorder="little").tobytes()
    pieces = [
        _packed_groups(values[first : first + 8 * _PACK_GROUPS], width)
        for first in range(0, len(values), 8 * _PACK_GROUPS)
    ]
    return b"".join(pieces)


def _packed_groups(values: UInts, width: int) -> bytes:
    """Each group fills words of 64 bits from below, of which its first `width` bytes count."""
    groups = -(-len(values) // 8)
    padded = np.zeros(groups * 8, np.uint64)
    padded[: len(values)] = values
    columns = padded.reshape(groups, 8)
    words = np.zeros((groups, -(-width // 8)), "<u8")
    for column in range(8):
        word, bit = divmod(column * width, 64)
        words[:, word] |= columns[:, column] << np.uint64(bit)
        if bit + width > 64:
            words[:, word + 1] |= columns[:, column] >> np.uint64(64 - bit)
    return words.view(np.uint8).reshape(groups, -1)[:, :width].tobytes()


def decode_bit_packed(data: bytes, position: int, width: int, count: int) -> tuple[UInts, int]:
    """The deprecated BIT_PACKED levels, most significant bit first; and where they end."""
    length = -(-count * width // 8)
    raw = data[position : position + length]
    if len(raw) < length:
        raise MalformedParquet("levels end early")
    bits = np.unpackbits(np.frombuffer(raw, np.uint8))[: count * width].astype(np.uint32)
    weights = (1 << np.arange(width - 1, -1, -1)).astype(np.uint32)
    return bits.reshape(count, width) @ weights, position + length
