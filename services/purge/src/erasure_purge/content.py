"""What an object holds, and what takes its place: ranges of the old content, and new bytes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import BinaryIO, Protocol

from erasure_purge.parquet import Copy, Source
from erasure_purge.parquet.segments import Segment

PIECE_BYTES = 4 * 1024 * 1024
_NEIGHBOURHOOD_BYTES = 4 * 1024


class Content(Source, Protocol):
    """One version of an object, read by range.

    `bytes_read` is what came from its store so far.
    """

    @property
    def bytes_read(self) -> int: ...

    def whole(self) -> BinaryIO:
        """All of it in a temporary file, from which it is read from then on.

        Raises Rejected where it does not fit on the disk.
        """


@dataclass(frozen=True)
class FilePart:
    """New bytes that wait in a file."""

    offset: int
    length: int
    file: BinaryIO = field(repr=False)

    @property
    def data(self) -> bytes:
        """The bytes."""
        self.file.seek(self.offset)
        return self.file.read(self.length)


Piece = Segment | FilePart


class Replacement:
    """The content that takes an object's place; a source itself, though it lies nowhere as one."""

    def __init__(self, pieces: Sequence[Piece], old: Source) -> None:
        self.pieces = tuple(pieces)
        self._old = old
        self._starts = [0, *accumulate(piece.length for piece in self.pieces)]
        self.size_bytes = self._starts.pop()

    @classmethod
    def of_file(cls, file: BinaryIO, old: Source) -> Replacement:
        """A whole new file, of which nothing is the old one's."""
        size = file.seek(0, 2)
        starts = range(0, size, PIECE_BYTES)
        return cls([FilePart(at, min(PIECE_BYTES, size - at), file) for at in starts], old)

    @property
    def new_bytes(self) -> int:
        """How many bytes are not the old content's."""
        return sum(piece.length for piece in self.pieces if not isinstance(piece, Copy))

    @property
    def new_pieces(self) -> int:
        """How many pieces of it are new."""
        return sum(not isinstance(piece, Copy) for piece in self.pieces)

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes of the new content."""
        if length <= 0:
            return b""
        number = bisect_right(self._starts, offset) - 1
        parts: list[bytes] = []
        while length > 0 and number < len(self.pieces):
            skipped = offset - self._starts[number]
            part = self.bytes_of(self.pieces[number], skipped, length)
            parts.append(part)
            offset, length, number = offset + len(part), length - len(part), number + 1
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def bytes_of(self, piece: Piece, skipped: int = 0, at_most: int | None = None) -> bytes:
        """A piece's bytes, wherever they lie."""
        length = piece.length - skipped
        length = length if at_most is None else min(length, at_most)
        if isinstance(piece, Copy):
            return self._old.read(piece.offset + skipped, length)
        return piece.data[skipped : skipped + length]

    def new_ranges(self) -> Iterator[tuple[int, int]]:
        """Offset and length of every range that is new, with the old bytes next to it."""
        for start, piece in zip(self._starts, self.pieces, strict=True):
            if not isinstance(piece, Copy):
                first = max(0, start - _NEIGHBOURHOOD_BYTES)
                end = min(self.size_bytes, start + piece.length + _NEIGHBOURHOOD_BYTES)
                yield first, end - first

    def is_held_by(self, content: Source, *, everywhere: bool) -> bool:
        """Whether the content is this one: in size and all that is new, or `everywhere`.

        Elsewhere it is S3's own copy of ranges whose ETag was a condition of the copy. What could
        still go wrong is where they stand, and that shows next to the new ranges and in the size.
        """
        if content.size_bytes != self.size_bytes:
            return False
        ranges = [(0, self.size_bytes)] if everywhere else self.new_ranges()
        return all(
            content.read(at, min(PIECE_BYTES, first + length - at))
            == self.read(at, min(PIECE_BYTES, first + length - at))
            for first, length in ranges
            for at in range(first, first + length, PIECE_BYTES)
        )
