"""A source of which every read is dear, as an object on S3 is."""

from __future__ import annotations

from collections.abc import Sequence

from erasure_purge.parquet import InMemory


class FakeKeeping(InMemory):
    """Notes what is read and what it is told."""

    def __init__(self, data: bytes, least_copy_bytes: int = 1_000) -> None:
        super().__init__(data)
        self.least_copy_bytes = least_copy_bytes
        self.reads: list[tuple[int, int]] = []
        self.towards: list[tuple[int, int, int]] = []
        self.wanted: list[tuple[int, int]] = []
        self.no_more: list[tuple[int, int]] = []

    def read(self, offset: int, length: int) -> bytes:
        self.reads.append((offset, offset + length))
        return super().read(offset, length)

    def read_towards(self, end: int, offset: int, length: int) -> bytes:
        self.towards.append((end, offset, length))
        return self.read(offset, length)

    def will_be_wanted(self, ranges: Sequence[tuple[int, int]]) -> None:
        self.wanted += ranges

    def unneeded(self, offset: int, length: int) -> None:
        self.no_more.append((offset, offset + length))

    def read_in(self, start: int, end: int) -> int:
        """Bytes of a range that were read, as often as they were."""
        return sum(max(0, min(end, last) - max(start, first)) for first, last in self.reads)
