"""A chunk's pages by their headers alone, whatever kind they are and whatever is in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .errors import MalformedParquet
from .page import PageField
from .source import Source, Window
from .thrift_compact import Struct, decode

_HEADER_GUESS_BYTES = 4096
_MAX_HEADER_BYTES = 16 * 1024 * 1024
_WINDOW_BYTES = 64 * 1024


@dataclass(frozen=True)
class RawPage:
    """A page's header and where its body lies."""

    header: Struct
    offset: int
    body_offset: int
    body_bytes: int

    @property
    def kind(self) -> int:
        """The type that the header names."""
        return self.header.integer(PageField.TYPE)

    @property
    def size(self) -> int:
        """Bytes of header and body."""
        return self.body_offset - self.offset + self.body_bytes


def walk_raw(
    source: Source, start: int, end: int, window_bytes: int = _WINDOW_BYTES
) -> Iterator[RawPage]:
    """Every page between two offsets.

    Raises:
        MalformedParquet: the headers do not add up.
    """
    window = Window(source, start, end, window_bytes)
    position = start
    while position < end:
        header, header_bytes = _header(window, position)
        length = header.integer(PageField.COMPRESSED)
        if length < 0 or position + header_bytes + length > end:
            raise MalformedParquet("a page lies outside its column chunk")
        yield RawPage(header, position, position + header_bytes, length)
        position += header_bytes + length


def _header(window: Window, position: int) -> tuple[Struct, int]:
    guess = _HEADER_GUESS_BYTES
    while True:
        raw = window.peek(position, guess)
        try:
            return decode(raw)
        except MalformedParquet:
            # Statistics of long strings can make a header longer than the guess.
            if len(raw) < guess or guess >= _MAX_HEADER_BYTES:
                raise
            guess *= 16
