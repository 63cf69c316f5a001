"""A progress bar for files that take a while, in front of a person only."""

from __future__ import annotations

from typing import TextIO

from .source import Source

_LARGE_BYTES = 32 * 1024 * 1024
_WIDTH = 40


class ProgressBar:
    """One line on a terminal, drawn again when it would look different."""

    def __init__(self, what: str, total_bytes: int, out: TextIO) -> None:
        self.what = what
        self.total_bytes = total_bytes
        self.out = out
        self._drawn = -1

    @property
    def is_wanted(self) -> bool:
        """Whether somebody watches and there is something to wait for."""
        return self.total_bytes >= _LARGE_BYTES and self.out.isatty()

    def show(self, position: int) -> None:
        """Draw how far into the file the work is."""
        done = min(_WIDTH, _WIDTH * position // max(1, self.total_bytes))
        if done <= self._drawn:
            return
        self._drawn = done
        end = "\n" if done == _WIDTH else ""
        self.out.write(f"\r{self.what} [{'#' * done}{'.' * (_WIDTH - done)}]{end}")
        self.out.flush()


class WatchedSource:
    """A source that moves a bar to the furthest place that was read, the footer apart."""

    def __init__(self, inner: Source, bar: ProgressBar) -> None:
        self.inner = inner
        self.bar = bar
        self.size_bytes = inner.size_bytes
        self._started = False

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes."""
        data = self.inner.read(offset, length)
        if self._started:
            self.bar.show(offset + length)
        self._started = True  # the first read is the footer, at the file's very end
        return data
