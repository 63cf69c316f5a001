"""What was fetched of an object, kept in a temporary file so that it need not be fetched again.

The file has no name, for what is in it is personal data, and is gone with the one who opened it. It
is a convenience: where the disk is full or broken, a little is kept in memory instead.
"""

from __future__ import annotations

import errno
import os
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import Protocol

Range = tuple[int, int]
"""Where it begins and where it ends."""

LIMIT_BYTES = 512 * 1024 * 1024
_LEAST_ROOM_BYTES = 64 * 1024 * 1024
_SLOT_BYTES = 32 * 1024  # so that what was given up often is not in splinters


class Room(Protocol):
    """Something to write into and to read from by position."""

    limit_bytes: int

    def write(self, position: int, data: memoryview) -> None: ...

    def read(self, position: int, length: int) -> bytes: ...

    def is_scarce(self, held_bytes: int) -> bool:
        """Whether others need the room more."""

    def close(self) -> None: ...


class Disk:
    """An unnamed temporary file. OSError where there is no room for it."""

    def __init__(
        self, limit_bytes: int = LIMIT_BYTES, least_room_bytes: int = _LEAST_ROOM_BYTES
    ) -> None:
        self.limit_bytes = limit_bytes
        self._least_room_bytes = least_room_bytes
        self._file = TemporaryFile(buffering=0)  # noqa: SIM115 (closed with what it holds)

    def fileno(self) -> int:
        """The file's descriptor."""
        return self._file.fileno()

    def write(self, position: int, data: memoryview) -> None:
        while data:
            written = os.pwrite(self.fileno(), data, position)
            data, position = data[written:], position + written

    def read(self, position: int, length: int) -> bytes:
        data = os.pread(self.fileno(), length, position)
        if len(data) != length:
            raise OSError(errno.EIO, "the temporary file is shorter than it was")
        return data

    def is_scarce(self, held_bytes: int) -> bool:
        """New content and rewrites wait on the same disk: they come first."""
        disk = os.fstatvfs(self.fileno())
        return disk.f_bavail * disk.f_frsize < max(held_bytes, self._least_room_bytes)

    def close(self) -> None:
        self._file.close()


class Memory:
    """Little, where there is no disk."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._data = bytearray()

    def write(self, position: int, data: memoryview) -> None:
        self._data.extend(bytes(max(0, position - len(self._data))))
        self._data[position : position + len(data)] = data

    def read(self, position: int, length: int) -> bytes:
        return bytes(self._data[position : position + length])

    def is_scarce(self, held_bytes: int) -> bool:
        del held_bytes
        return False

    def close(self) -> None:
        self._data = bytearray()


@dataclass(frozen=True)
class _Kept:
    """A range, and where its bytes lie: positions and lengths, in order; the last may be longer."""

    end: int
    places: tuple[Range, ...]
    room_bytes: int


class KeptRanges:
    """Ranges of one object that never changes; when room is short, the oldest is given up."""

    def __init__(self, room: Room, slot_bytes: int = _SLOT_BYTES) -> None:
        self._room = room
        self._slot_bytes = slot_bytes
        self._starts: list[int] = []
        self._by_start: dict[int, _Kept] = {}  # the oldest first
        self._unneeded: dict[int, None] = {}
        self._free: list[Range] = []
        self._top = 0
        self.held_bytes = 0

    def close(self) -> None:
        """Give the room back."""
        self._room.close()

    @property
    def is_scarce(self) -> bool:
        """Whether others need the room more."""
        return self._room.is_scarce(self.held_bytes)

    def missing(self, start: int, end: int) -> Iterator[Range]:
        """What is not kept of a range."""
        for begin, kept in self._within(start, end):
            if start < begin:
                yield start, begin
            start = kept.end
        if start < end:
            yield start, end

    def next_start(self, at: int, end: int) -> int:
        """Where the next kept range begins, or the end."""
        number = bisect_left(self._starts, at)
        return min(end, self._starts[number]) if number < len(self._starts) else end

    def read(self, start: int, end: int) -> bytes:
        """A range of which nothing is missing. OSError where it cannot be read any more."""
        parts = []
        for begin, kept in self._within(start, end):
            position, stop = begin, min(end, kept.end)
            for place, length in kept.places:
                first, last = max(start, position), min(stop, position + length)
                if first < last:
                    parts.append(self._room.read(place + first - position, last - first))
                position += length
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def keep(self, start: int, data: bytes) -> None:
        """Keep what of it is not kept yet. OSError where that cannot be done."""
        view = memoryview(data)
        for first, last in list(self.missing(start, start + len(data))):
            room_bytes = -(-(last - first) // self._slot_bytes) * self._slot_bytes
            if room_bytes <= self._room.limit_bytes:
                self._make_room(room_bytes)
                self._put(first, view[first - start : last - start], room_bytes)

    def forget_first(self, start: int, end: int) -> None:
        """What lies wholly in this range is given up before anything else."""
        for begin, kept in self._within(start, end):
            if start <= begin and kept.end <= end:
                self._unneeded[begin] = None

    def _within(self, start: int, end: int) -> Iterator[tuple[int, _Kept]]:
        number = max(0, bisect_right(self._starts, start) - 1)
        while number < len(self._starts) and self._starts[number] < end:
            kept = self._by_start[self._starts[number]]
            if kept.end > start:
                yield self._starts[number], kept
            number += 1

    def _put(self, start: int, data: memoryview, room_bytes: int) -> None:
        places, done = self._places_for(room_bytes), 0
        for place, length in places:
            self._room.write(place, data[done : done + length])
            done += length
        insort(self._starts, start)
        self._by_start[start] = _Kept(start + len(data), tuple(places), room_bytes)
        self.held_bytes += room_bytes

    def _places_for(self, length: int) -> list[Range]:
        places = []
        while length and self._free:
            place, free = self._free.pop()
            taken = min(free, length)
            if taken < free:
                self._free.append((place + taken, free - taken))
            places.append((place, taken))
            length -= taken
        if length:
            places.append((self._top, length))
            self._top += length
        return places

    def _make_room(self, length: int) -> None:
        while self.held_bytes + length > self._room.limit_bytes:
            if self._unneeded:
                start, _ = self._unneeded.popitem()  # what came first may be asked for first again
            else:
                start = next(iter(self._by_start))
            kept = self._by_start.pop(start)
            del self._starts[bisect_left(self._starts, start)]
            self._free += kept.places
            self.held_bytes -= kept.room_bytes
