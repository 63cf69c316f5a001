"""Where a file's bytes come from: ranged reads of something that does not change meanwhile."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from .errors import MalformedParquet


@runtime_checkable
class Source(Protocol):
    """A file of known size that can be read by range; every read sees the same version of it."""

    @property
    def size_bytes(self) -> int:
        """The file's length."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes."""
        ...


class LocalFile:
    """A file on this machine, read by position."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file = self.path.open("rb")
        self.size_bytes = os.fstat(self._file.fileno()).st_size

    def fileno(self) -> int:
        """The descriptor, for copies inside the kernel."""
        return self._file.fileno()

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes."""
        return os.pread(self._file.fileno(), length, offset)

    def close(self) -> None:
        """Give the descriptor back."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class InMemory:
    """Bytes at hand as a source."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size_bytes = len(data)

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes."""
        return self.data[offset : offset + length]


@runtime_checkable
class ReadOnSource(Source, Protocol):
    """A source to which it matters what will be read next."""

    def read_towards(self, end: int, offset: int, length: int) -> bytes:
        """Exactly these bytes, by one who reads on from here, though not beyond the end."""
        ...


@runtime_checkable
class KeepingSource(ReadOnSource, Protocol):
    """A source that keeps what was read of it, because every read is dear."""

    @property
    def least_copy_bytes(self) -> int:
        """A shorter range between two changes is read when the plan is carried out."""
        ...

    def will_be_wanted(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Between these offsets everything will be read, sooner or later."""
        ...

    def unneeded(self, offset: int, length: int) -> None:
        """Nobody will ask for these bytes soon."""
        ...


class CountingSource:
    """A source that counts what is read through it, and refuses to read beyond the file."""

    def __init__(self, inner: Source) -> None:
        self.inner = inner
        self.keeping = inner if isinstance(inner, KeepingSource) else None
        self.size_bytes = inner.size_bytes
        self.read_bytes = 0
        self.reads = 0

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes, or MalformedParquet where the file has none."""
        self._check(offset, length)
        return self._counted(self.inner.read(offset, length), length)

    def read_towards(self, end: int, offset: int, length: int) -> bytes:
        """The same, by one who reads on from here."""
        if self.keeping is None:
            return self.read(offset, length)
        self._check(offset, length)
        return self._counted(self.keeping.read_towards(end, offset, length), length)

    def _check(self, offset: int, length: int) -> None:
        if offset < 0 or length < 0 or offset + length > self.size_bytes:
            raise MalformedParquet("a range lies outside the file")

    def _counted(self, data: bytes, length: int) -> bytes:
        if len(data) != length:
            raise MalformedParquet("the file is shorter than it was")
        self.read_bytes += length
        self.reads += 1
        return data


class Window:
    """Sequential reading of one range through a buffer: one request per window, not per page."""

    def __init__(self, source: Source, start: int, end: int, window_bytes: int) -> None:
        self.source = source
        self.start = start
        self.end = end
        self.window_bytes = window_bytes
        self._reading_on = source if isinstance(source, ReadOnSource) else None
        self._offset = start
        self._data = b""

    def peek(self, offset: int, length: int) -> bytes:
        """The bytes from an offset, fewer only where the range ends; reading goes on from there."""
        return self._bytes(offset, min(length, self.end - offset), self.end)

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes of the range."""
        if offset < self.start or length < 0 or offset + length > self.end:
            raise MalformedParquet("a page lies outside its column chunk")
        return self._bytes(offset, length, offset + length)

    def _bytes(self, offset: int, length: int, towards: int) -> bytes:
        at = offset - self._offset
        if at < 0 or at + length > len(self._data):
            self._fill(offset, length, towards)
            at = 0
        return self._data[at : at + length]

    def _fill(self, offset: int, length: int, towards: int) -> None:
        """Read what is missing behind the tail at hand."""
        at = offset - self._offset
        tail = self._data[at:] if at >= 0 else b""
        start = offset + len(tail)
        wanted = max(0, min(max(length - len(tail), self.window_bytes), self.end - start))
        if self._reading_on is None:
            data = self.source.read(start, wanted)
        else:
            data = self._reading_on.read_towards(towards, start, wanted)
        self._data = tail + data if tail else data
        self._offset = offset
