"""XXH64, seed 0, of many values at once; `bloom.xxh64` is the same of one.

https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from .encodings import ByteColumn, Column, FixedColumn, Octets

Hashes = npt.NDArray[np.uint64]

_P1 = np.uint64(11400714785074694791)
_P2 = np.uint64(14029467366897019727)
_P3 = np.uint64(1609587929392839161)
_P4 = np.uint64(9650029242287828579)
_P5 = np.uint64(2870177450012600261)
_FIRST_LANES = (6983438078262162902, 14029467366897019727, 0, 7046029288634856825)
_TURNS = (1, 7, 12, 18)
_BYTES_AT_ONCE = 1 << 19


def hashes(column: Column) -> Iterator[Hashes]:
    """The hash of every value's bytes, in no certain order."""
    if isinstance(column, FixedColumn):
        step = _at_once(column.octets.shape[1])
        for first in range(0, len(column), step):
            yield _hashed(column.octets[first : first + step])
    elif isinstance(column, ByteColumn) and len(column):
        data = np.frombuffer(column.plain, np.uint8)
        begins = column.starts[:-1] + 4
        lengths = column.starts[1:] - begins
        order = np.argsort(lengths, kind="stable")
        _, firsts = np.unique(lengths[order], return_index=True)
        for alike in np.split(order, firsts[1:]):
            length = int(lengths[alike[0]])
            step = _at_once(length)
            for first in range(0, len(alike), step):
                places = begins[alike[first : first + step], None] + np.arange(length)
                yield _hashed(data[places])


def _at_once(length: int) -> int:
    """How many values of a length, to bound memory."""
    return max(1, _BYTES_AT_ONCE // max(8, length))


def _hashed(octets: Octets) -> Hashes:
    """Of values of one length, a row each."""
    count, length = octets.shape
    position = 0
    if length >= 32:
        lanes = [np.full(count, lane, np.uint64) for lane in _FIRST_LANES]
        while position <= length - 32:
            for number in range(4):
                word = _word(octets, position + 8 * number, 8)
                lanes[number] = _round(lanes[number], word)
            position += 32
        hashed = np.zeros(count, np.uint64)
        for lane, turn in zip(lanes, _TURNS, strict=True):
            hashed += _rotate(lane, turn)
        for lane in lanes:
            hashed = (hashed ^ _round(np.zeros(count, np.uint64), lane)) * _P1 + _P4
    else:
        hashed = np.full(count, _P5, np.uint64)
    return _avalanche(_finish(hashed + np.uint64(length), octets, position))


def _finish(hashed: Hashes, octets: Octets, position: int) -> Hashes:
    """Mix in the bytes after the last stripe of 32."""
    count, length = octets.shape
    nothing = np.zeros(count, np.uint64)
    while position <= length - 8:
        word = _round(nothing, _word(octets, position, 8))
        hashed = _rotate(hashed ^ word, 27) * _P1 + _P4
        position += 8
    if position <= length - 4:
        hashed = _rotate(hashed ^ (_word(octets, position, 4) * _P1), 23) * _P2 + _P3
        position += 4
    for column in range(position, length):
        hashed = _rotate(hashed ^ (octets[:, column].astype(np.uint64) * _P5), 11) * _P1
    return hashed


def _word(octets: Octets, position: int, width: int) -> Hashes:
    """A little-endian number out of every row."""
    part = np.ascontiguousarray(octets[:, position : position + width])
    return part.view(f"<u{width}").reshape(-1).astype(np.uint64)


def _rotate(values: Hashes, bits: int) -> Hashes:
    return (values << np.uint64(bits)) | (values >> np.uint64(64 - bits))


def _round(lane: Hashes, word: Hashes) -> Hashes:
    return _rotate(lane + word * _P2, 31) * _P1


def _avalanche(hashed: Hashes) -> Hashes:
    hashed = (hashed ^ (hashed >> np.uint64(33))) * _P2
    hashed = (hashed ^ (hashed >> np.uint64(29))) * _P3
    return hashed ^ (hashed >> np.uint64(32))
