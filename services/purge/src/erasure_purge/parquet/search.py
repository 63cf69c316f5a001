"""Searching many byte strings in much data at once.

A few are searched one by one. Many: every eight-byte window of the data is hashed into a bitmap of
the needles' first eight bytes, and only where the bitmap says "maybe" is anything compared.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

WINDOW_BYTES = 8
_FEW = 12
_BITMAP_BITS = 22
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_SLICE_BYTES = 1 << 20


class Needles:
    """Byte strings of at least eight bytes to find in any data."""

    def __init__(self, needles: Collection[bytes]) -> None:
        self.needles = frozenset(needle for needle in needles if len(needle) >= WINDOW_BYTES)
        self.longest = max(map(len, self.needles), default=0)
        self._by_head: dict[bytes, list[bytes]] = {}
        self._bitmap = np.zeros(0, np.bool_)
        if len(self.needles) > _FEW:
            self._index()

    def _index(self) -> None:
        for needle in self.needles:
            self._by_head.setdefault(needle[:WINDOW_BYTES], []).append(needle)
        self._bitmap = np.zeros(1 << _BITMAP_BITS, np.bool_)
        heads = np.frombuffer(b"".join(self._by_head), "<u8")
        self._bitmap[_hashed(heads)] = True

    def __bool__(self) -> bool:
        return bool(self.needles)

    def found_in(self, data: bytes) -> set[bytes]:
        """The needles that stand anywhere in the data."""
        if len(data) < WINDOW_BYTES or not self.needles:
            return set()
        if not self._by_head:
            return {needle for needle in self.needles if needle in data}
        found: set[bytes] = set()
        for start in range(0, len(data) - WINDOW_BYTES + 1, _SLICE_BYTES):
            for position in self._maybe(data, start).tolist():
                for needle in self._by_head.get(data[position : position + WINDOW_BYTES], ()):
                    if data.startswith(needle, position):
                        found.add(needle)
        return found

    def _maybe(self, data: bytes, start: int) -> npt.NDArray[np.int64]:
        """Positions from `start` on, within one slice, whose window may be a needle's head."""
        end = min(start + _SLICE_BYTES, len(data) - WINDOW_BYTES + 1)
        octets = np.frombuffer(data, np.uint8)
        windows = np.lib.stride_tricks.sliding_window_view(octets, WINDOW_BYTES)[start:end]
        words = np.ascontiguousarray(windows).view("<u8").reshape(-1)
        return np.flatnonzero(self._bitmap[_hashed(words)]) + start


def _hashed(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    return (words * _SPREAD) >> np.uint64(64 - _BITMAP_BITS)
