"""Searching many byte strings in much data at once.

A few are searched one by one. Many: every window of the data is hashed into a bitmap of the
needles' first bytes, and only where the bitmap says "maybe" is anything compared.
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
    """Byte strings to find in any data; shorter ones than a window are not searched."""

    def __init__(self, needles: Collection[bytes], window_bytes: int = WINDOW_BYTES) -> None:
        """`window_bytes`: at most 8; the more, the fewer places look like a needle by chance."""
        self._window_bytes = window_bytes
        self.needles = frozenset(needle for needle in needles if len(needle) >= window_bytes)
        self.longest = max(map(len, self.needles), default=0)
        self._lengths: dict[bytes, set[int]] = {}
        self._bitmap = np.zeros(0, np.bool_)
        if len(self.needles) > _FEW:
            self._index()

    def _index(self) -> None:
        for needle in self.needles:
            self._lengths.setdefault(needle[: self._window_bytes], set()).add(len(needle))
        self._bitmap = np.zeros(1 << _BITMAP_BITS, np.bool_)
        heads = b"".join(head.ljust(WINDOW_BYTES, b"\0") for head in self._lengths)
        self._bitmap[_hashed(np.frombuffer(heads, "<u8"))] = True

    def __bool__(self) -> bool:
        return bool(self.needles)

    def found_in(self, data: bytes) -> set[bytes]:
        """The needles that stand anywhere in the data."""
        window = self._window_bytes
        if len(data) < window or not self.needles:
            return set()
        if not self._lengths:
            return {needle for needle in self.needles if needle in data}
        found: set[bytes] = set()
        for start in range(0, len(data) - window + 1, _SLICE_BYTES):
            for position in self._maybe(data, start).tolist():
                for length in self._lengths.get(data[position : position + window], ()):
                    part = data[position : position + length]
                    if part in self.needles:
                        found.add(part)
        return found

    def _maybe(self, data: bytes, start: int) -> npt.NDArray[np.int64]:
        """Positions from `start` on, within one slice, whose window may be a needle's head."""
        window = self._window_bytes
        end = min(start + _SLICE_BYTES, len(data) - window + 1)
        piece = data[start : end + window - 1] + bytes(WINDOW_BYTES - window)
        octets = np.frombuffer(piece, np.uint8)
        windows = np.lib.stride_tricks.sliding_window_view(octets, WINDOW_BYTES)
        words = np.ascontiguousarray(windows).view("<u8").reshape(-1)
        words = words & np.uint64((1 << 8 * window) - 1)
        return np.flatnonzero(self._bitmap[_hashed(words)]) + start


def _hashed(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    return (words * _SPREAD) >> np.uint64(64 - _BITMAP_BITS)
