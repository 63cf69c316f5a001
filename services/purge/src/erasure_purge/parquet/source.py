"""Where a file's bytes come from: ranged reads of something that does not change meanwhile."""

from __future__ import annotations

import os
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


class CountingSource:
    """A source that counts what is read through it, and refuses to read beyond the file."""

    def __init__(self, inner: Source) -> None:
        self.inner = inner
        self.size_bytes = inner.size_bytes
        self.read_bytes = 0
        self.reads = 0

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes, or MalformedParquet where the file has none."""
        if offset < 0 or length < 0 or offset + length > self.size_bytes:
            raise MalformedParquet("a range lies outside the file")
        data = self.inner.read(offset, length)
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
        self._offset = start
        self._data = b""

    def peek(self, offset: int, length: int) -> bytes:
        """The bytes from an offset, fewer only where the range ends."""
        length = min(length, self.end - offset)
        at = offset - self._offset
        if at < 0 or at + length > len(self._data):
            wanted = min(max(length, self.window_bytes), self.end - offset)
            self._data = self.source.read(offset, max(0, wanted))
            self._offset = offset
            at = 0
        return self._data[at : at + length]

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes of the range."""
        if offset < self.start or length < 0 or offset + length > self.end:
            raise MalformedParquet("a page lies outside its column chunk")
        return self.peek(offset, length)
