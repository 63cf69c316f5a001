"""What the new file consists of: ranges of the old one, and new bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from tempfile import TemporaryFile

IN_MEMORY_BYTES = 16 * 1024 * 1024
_PUT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Copy:
    """Bytes taken over from the old file as they are."""

    offset: int
    length: int


@dataclass(frozen=True)
class Put:
    """New bytes; they are people's data, so they are not printed."""

    data: bytes = field(repr=False)

    @property
    def length(self) -> int:
        """How many."""
        return len(self.data)


class Spool:
    """New bytes in an unnamed temporary file, so that memory does not grow with them."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 - lives as long as the plan, has no name
        self._end = 0

    def add(self, data: bytes) -> SpooledPut:
        """Put bytes by."""
        self._file.seek(self._end)
        self._file.write(data)
        put = SpooledPut(self._end, len(data), self)
        self._end += len(data)
        return put

    def read(self, offset: int, length: int) -> bytes:
        """Bytes that were put by."""
        self._file.seek(offset)
        return self._file.read(length)


@dataclass(frozen=True)
class SpooledPut:
    """New bytes that wait in a file."""

    offset: int
    length: int
    spool: Spool = field(repr=False)

    @property
    def data(self) -> bytes:
        """The bytes."""
        return self.spool.read(self.offset, self.length)


Segment = Copy | Put | SpooledPut


class SegmentList:
    """Segments in the order of the new file; neighbours that belong together are merged.

    New bytes beyond `IN_MEMORY_BYTES` wait in a temporary file.
    """

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.position = 0
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._in_memory = 0
        self._spool: Spool | None = None

    def copy(self, offset: int, length: int) -> None:
        """Take over a range."""
        if length == 0:
            return
        self._flush()
        last = self.segments[-1] if self.segments else None
        if isinstance(last, Copy) and last.offset + last.length == offset:
            self.segments[-1] = Copy(last.offset, last.length + length)
        else:
            self.segments.append(Copy(offset, length))
        self.position += length

    def put(self, data: bytes) -> None:
        """Write new bytes."""
        self._pending.append(data)
        self._pending_bytes += len(data)
        self.position += len(data)
        if self._pending_bytes >= _PUT_BYTES:
            self._flush()

    def extend(self, segments: list[Segment]) -> None:
        """Append segments that were made elsewhere."""
        for segment in segments:
            if isinstance(segment, Copy):
                self.copy(segment.offset, segment.length)
            else:
                self.put(segment.data)

    def finished(self) -> list[Segment]:
        """All segments."""
        self._flush()
        return self.segments

    def _flush(self) -> None:
        if not self._pending_bytes:
            return
        data = b"".join(self._pending)
        self._pending, self._pending_bytes = [], 0
        if self._in_memory + len(data) > IN_MEMORY_BYTES:
            self._spool = self._spool or Spool()
            self.segments.append(self._spool.add(data))
        else:
            self._in_memory += len(data)
            self.segments.append(Put(data))
