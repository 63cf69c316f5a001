"""Bytes that only seem to name somebody: DELTA encodings put the ends of values side by side.

"sms of 1" and "sms of 3" are stored as "sms of 1" and "3", where a search finds "sms of 13".
"""

from __future__ import annotations

from collections.abc import Iterator

from .compression import Codec
from .encodings import Encoding, decode_column
from .errors import UNLEARNED
from .footer import Footer, GroupField, Leaf, MetaField, group_columns
from .mini_file import encode_values
from .pages import ColumnChunk
from .scan import RAW
from .source import Source

_JOINING = {Encoding.DELTA_LENGTH_BYTE_ARRAY, Encoding.DELTA_BYTE_ARRAY}
_WINDOW_BYTES = 4 * 1024 * 1024


def comes_from_joining(source: Source, footer: Footer, place: str, needle: bytes) -> bool:
    """Whether the values that stand there, written anew, bring these bytes forth as often.

    `place` is one that `scan_bytes` names.
    """
    if place == RAW:
        unpacked = (
            body
            for _, chunk in _joining_chunks(source, footer)
            if chunk.codec == Codec.UNCOMPRESSED
            for body in _written_anew(chunk)
        )
        return 0 < _times_in_file(source, needle) <= sum(_times(needle, one) for one in unpacked)
    return any(
        needle in body
        for leaf, chunk in _joining_chunks(source, footer)
        if place == f"pages of {leaf.name}"
        for body in _written_anew(chunk)
    )


def _joining_chunks(source: Source, footer: Footer) -> Iterator[tuple[Leaf, ColumnChunk]]:
    for group in footer.row_groups:
        rows = group.integer(GroupField.NUM_ROWS)
        for column, leaf in zip(group_columns(group), footer.leaves, strict=True):
            chunk = ColumnChunk(source, column, leaf, rows, _WINDOW_BYTES)
            encodings = chunk.meta.items(MetaField.ENCODINGS)
            if leaf.width == 0 and encodings is not None and _JOINING & set(encodings.ints()):
                yield leaf, chunk


def _written_anew(chunk: ColumnChunk) -> Iterator[bytes]:
    try:
        for page in chunk.walk_headers():
            loaded = chunk.load(page)
            if loaded.encoding in _JOINING:
                content = chunk.content(loaded)
                count = content.value_count
                values = decode_column(chunk.leaf, loaded.encoding, content.values, count)
                yield encode_values(loaded.encoding, values.arrow())
    except UNLEARNED:
        return  # what cannot be written anew explains nothing


def _times_in_file(source: Source, needle: bytes) -> int:
    times = 0
    for start in range(0, source.size_bytes, _WINDOW_BYTES):
        length = min(_WINDOW_BYTES + len(needle) - 1, source.size_bytes - start)
        times += _times(needle, source.read(start, length))
    return times


def _times(needle: bytes, data: bytes) -> int:
    """Occurrences, those that overlap included."""
    times, at = 0, data.find(needle)
    while at >= 0:
        times, at = times + 1, data.find(needle, at + 1)
    return times
