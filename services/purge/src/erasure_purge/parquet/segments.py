"""What the new file consists of: ranges of the old one, and new bytes."""

from __future__ import annotations

from dataclasses import dataclass, field


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


Segment = Copy | Put


class SegmentList:
    """Segments in the order of the new file; neighbours that belong together are merged."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.position = 0
        self._pending: list[bytes] = []

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
        if data:
            self._pending.append(data)
            self.position += len(data)

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
        if self._pending:
            self.segments.append(Put(b"".join(self._pending)))
            self._pending = []
