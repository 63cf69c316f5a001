"""Split-block bloom filters: may this chunk hold the value?

Source: https://github.com/apache/parquet-format/blob/master/BloomFilter.md
"""

from __future__ import annotations

import struct

import numpy as np

from .encodings import Column
from .errors import MalformedParquet
from .footer import MetaField
from .many_hashes import hashes
from .source import Source
from .thrift_compact import Kind, Struct, decode, encode

_MASK = (1 << 64) - 1
_P1 = 11400714785074694791
_P2 = 14029467366897019727
_P3 = 1609587929392839161
_P4 = 9650029242287828579
_P5 = 2870177450012600261
_SALT = (
    0x47B6137B,
    0x44974D91,
    0x8824AD5B,
    0xA2B7289D,
    0x705495C7,
    0x2DF1424B,
    0x9EFC4947,
    0x5C6BFB31,
)
_BLOCK_BYTES = 32
_ONES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(1, dtype=np.uint8)
_HALF = np.uint64(32)
_HEADER_GUESS_BYTES = 256
_NUM_BYTES, _ALGORITHM, _HASH, _COMPRESSION = 1, 2, 3, 4


def bloom_range(source: Source, meta: Struct) -> tuple[int, int] | None:
    """Offset and length of the chunk's filter, its header included."""
    offset = meta.integer(MetaField.BLOOM_OFFSET, 0)
    if not offset:
        return None
    header, header_bytes = _header(source, offset)
    # A writer may have stated the length of the bits alone.
    length = max(meta.integer(MetaField.BLOOM_LENGTH, 0), header_bytes + header.integer(_NUM_BYTES))
    if length < 0 or offset + length > source.size_bytes:
        raise MalformedParquet("a bloom filter outside the file")
    return offset, length


class BloomFilter:
    """A filter in memory. What it denies is certainly not there."""

    def __init__(self, bits: bytes) -> None:
        if not bits or len(bits) % _BLOCK_BYTES:
            raise MalformedParquet("a bloom filter of impossible size")
        self.bits = bits

    @classmethod
    def of(cls, source: Source, meta: Struct) -> BloomFilter | None:
        """The chunk's filter, if it has one of the kind the format defines."""
        place = bloom_range(source, meta)
        if place is None:
            return None
        header, header_bytes = _header(source, place[0])
        if not _is_known(header):
            return None
        return cls(source.read(place[0] + header_bytes, header.integer(_NUM_BYTES)))

    def may_contain(self, value: bytes) -> bool:
        """False only if the value was never inserted."""
        hashed = xxh64(value)
        block = ((hashed >> 32) * (len(self.bits) // _BLOCK_BYTES)) >> 32
        words = struct.unpack_from("<8I", self.bits, block * _BLOCK_BYTES)
        low = hashed & 0xFFFFFFFF
        return all(
            word >> (((low * salt) & 0xFFFFFFFF) >> 27) & 1
            for word, salt in zip(words, _SALT, strict=True)
        )


class NewBloomFilter:
    """A filter of the size of an old one, to be filled with the values that remain."""

    def __init__(self, header: bytes, size_bytes: int) -> None:
        self._header = header
        self._words = np.zeros(size_bytes // 4, "<u4")

    @classmethod
    def like(cls, source: Source, meta: Struct) -> NewBloomFilter | None:
        """None if the chunk has no filter of the kind the format defines."""
        place = bloom_range(source, meta)
        if place is None:
            return None
        header, header_bytes = _header(source, place[0])
        size_bytes = header.integer(_NUM_BYTES)
        end = place[0] + header_bytes + size_bytes
        if not _is_known(header) or size_bytes % _BLOCK_BYTES or end > source.size_bytes:
            return None
        return cls(source.read(place[0], header_bytes), size_bytes) if size_bytes else None

    def insert(self, column: Column) -> None:
        """Remember every value of a column."""
        blocks = np.uint64(len(self._words) * 4 // _BLOCK_BYTES)
        for hashed in hashes(column):
            first = (((hashed >> _HALF) * blocks) >> _HALF) * np.uint64(len(_SALT))
            low = hashed.astype(np.uint32)
            for number, salt in enumerate(_SALT):
                bits = np.uint32(1) << ((low * np.uint32(salt)) >> np.uint32(27))
                np.bitwise_or.at(self._words, first + np.uint64(number), bits)

    @property
    def bits(self) -> bytes:
        """The filter without its header."""
        return self._words.tobytes()

    @property
    def data(self) -> bytes:
        """The filter as a file holds it."""
        return self._header + self.bits


def folded(source: Source, meta: Struct, data: bytes) -> bytes:
    """A new filter in as few halves of its size as exclude no less than the chunk's old filter.

    Only halves, because Arrow's C++ reader refuses sizes that are no power of two. Neighbouring
    blocks become one, and the result is what inserting into the smaller filter would have made.
    """
    header, header_bytes = decode(data)
    old = BloomFilter.of(source, meta)
    if old is None:
        return data
    limit, bits = _false_positives(old.bits), data[header_bytes:]
    while len(bits) % (2 * _BLOCK_BYTES) == 0:
        pairs = np.frombuffer(bits, np.uint8).reshape(-1, 2, _BLOCK_BYTES)
        smaller = (pairs[:, 0] | pairs[:, 1]).tobytes()
        if _false_positives(smaller) > limit:
            break
        bits = smaller
    header.set_int(_NUM_BYTES, len(bits), Kind.I32)
    return encode(header) + bits


def _false_positives(bits: bytes) -> float:
    """The share of values never inserted that the filter does not exclude."""
    octets = np.frombuffer(bits, np.uint8).reshape(-1, len(_SALT), 4)
    ones = _ONES[octets].sum(axis=2, dtype=np.uint8)
    return float((ones / np.float32(32)).prod(axis=1, dtype=np.float64).mean())


def _is_known(header: Struct) -> bool:
    """Each is a union whose only member is block / xxhash / uncompressed."""
    members = (header.struct(union) for union in (_ALGORITHM, _HASH, _COMPRESSION))
    return all(member is not None and list(member) == [1] for member in members)


def _header(source: Source, offset: int) -> tuple[Struct, int]:
    if not 0 <= offset < source.size_bytes:
        raise MalformedParquet("a bloom filter outside the file")
    raw = source.read(offset, min(_HEADER_GUESS_BYTES, source.size_bytes - offset))
    header, length = decode(raw)
    if header.integer(_NUM_BYTES) < 0:
        raise MalformedParquet("a bloom filter of impossible size")
    return header, length


def _rotate(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & _MASK


def _round(lane: int, word: int) -> int:
    return _rotate((lane + word * _P2) & _MASK, 31) * _P1 & _MASK


def xxh64(data: bytes) -> int:
    """XXH64 with seed 0. https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md"""
    length, position = len(data), 0
    hashed = _P5
    if length >= 32:
        lanes = [(_P1 + _P2) & _MASK, _P2, 0, -_P1 & _MASK]
        while position <= length - 32:
            words = struct.unpack_from("<4Q", data, position)
            lanes = [_round(lane, word) for lane, word in zip(lanes, words, strict=True)]
            position += 32
        turns = zip(lanes, (1, 7, 12, 18), strict=True)
        hashed = sum(_rotate(lane, bits) for lane, bits in turns) & _MASK
        for lane in lanes:
            hashed = ((hashed ^ _round(0, lane)) * _P1 + _P4) & _MASK
    hashed = (hashed + length) & _MASK
    return _avalanche(_finish(hashed, data, position))


def _finish(hashed: int, data: bytes, position: int) -> int:
    """Mix in the bytes after the last stripe of 32."""
    length = len(data)
    while position <= length - 8:
        word = _round(0, struct.unpack_from("<Q", data, position)[0])
        hashed = (_rotate(hashed ^ word, 27) * _P1 + _P4) & _MASK
        position += 8
    if position <= length - 4:
        word = struct.unpack_from("<I", data, position)[0] * _P1 & _MASK
        hashed = (_rotate(hashed ^ word, 23) * _P2 + _P3) & _MASK
        position += 4
    for byte in data[position:]:
        hashed = _rotate(hashed ^ (byte * _P5 & _MASK), 11) * _P1 & _MASK
    return hashed


def _avalanche(hashed: int) -> int:
    hashed ^= hashed >> 33
    hashed = hashed * _P2 & _MASK
    hashed ^= hashed >> 29
    hashed = hashed * _P3 & _MASK
    return hashed ^ (hashed >> 32)
