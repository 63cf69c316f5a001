"""Does anything of somebody stand in the file? Searched in bytes, not through a reader.

Everything is searched: the raw file (footer, statistics, indexes, page headers, metadata, also
bytes that nothing refers to) and every page unpacked, dictionaries included. For ids of fixed
width, whose bytes occur by chance, dictionaries and bounds are compared value by value instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import pyarrow.compute as pc

from .bloom import BloomFilter
from .compression import decompress
from .encodings import DICTIONARY_ENCODINGS, decode_column, decode_indices
from .footer import Footer, Leaf, MetaField, group_columns, read_footer
from .ids import Id, as_arrow, id_leaf, stored_ids
from .page import PageKind, V2Field
from .pages import ColumnChunk
from .search import Needles
from .source import Source
from .statistics import bounds_named

_RAW_BYTES = 8 * 1024 * 1024
_WINDOW_BYTES = 4 * 1024 * 1024
_MIN_VALUES, _MAX_VALUES = 2, 3
RAW = "raw bytes (footer, statistics, indexes, headers, metadata)"


@dataclass
class ScanReport:
    """What was found, by place and without the values; and how much was searched."""

    findings: Counter[str] = field(default_factory=Counter)
    found: dict[str, set[bytes]] = field(default_factory=dict, repr=False)
    bloom_maybe: int = 0
    pages: int = 0
    bytes_searched: int = 0

    @property
    def is_clean(self) -> bool:
        """Nothing was found. (Bloom filters answer "maybe" by nature and do not count.)"""
        return not self.findings

    def add(self, place: str, found: set[bytes]) -> None:
        """Count needles found in a place, each once per place."""
        if found:
            known = self.found.setdefault(place, set())
            self.findings[place] += len(found - known)
            known |= found


def scan(source: Source, id_column: str, ids: Collection[Id]) -> ScanReport:
    """Search the whole file for the ids, as text and as the id column stores them.

    Short ids (under eight bytes) are searched with their length before them, as pages store them.
    """
    footer = read_footer(source)
    leaf = id_leaf(footer, id_column)
    stored = set(stored_ids(leaf, ids))
    texts = {one if isinstance(one, bytes) else str(one).encode() for one in ids}
    report = scan_bytes(source, footer, patterns(texts | (stored if leaf.width == 0 else set())))
    _scan_values(source, footer, leaf, stored, report)
    return report


def patterns(values: Collection[bytes]) -> set[bytes]:
    """What to search for a byte string: itself, or if it is short, with its length before it."""
    long = {value for value in values if len(value) >= 8}
    short = {len(value).to_bytes(4, "little") + value for value in values if 4 <= len(value) < 8}
    return long | short


def scan_bytes(source: Source, footer: Footer, wanted: Collection[bytes]) -> ScanReport:
    """Search raw bytes and unpacked pages for byte patterns."""
    report = ScanReport()
    needles = Needles(wanted)
    if not needles:
        return report
    for data in _raw_windows(source, needles.longest):
        report.bytes_searched += len(data)
        report.add(RAW, needles.found_in(data))
    for leaf, chunk in _chunks(source, footer):
        for place, data in _unpacked(chunk):
            report.pages += 1
            report.bytes_searched += len(data)
            report.add(f"{place} of {leaf.name}", needles.found_in(data))
    return report


def _raw_windows(source: Source, overlap: int) -> Iterator[bytes]:
    position = 0
    while position < source.size_bytes:
        length = min(_RAW_BYTES + overlap, source.size_bytes - position)
        yield source.read(position, length)
        position += _RAW_BYTES


def _chunks(source: Source, footer: Footer) -> Iterator[tuple[Leaf, ColumnChunk]]:
    for group in footer.row_groups:
        for chunk, leaf in zip(group_columns(group), footer.leaves, strict=True):
            yield leaf, ColumnChunk(source, chunk, leaf, group.integer(3), _WINDOW_BYTES)


def _unpacked(chunk: ColumnChunk) -> Iterator[tuple[str, bytes]]:
    """Every page's unpacked body; where values are not stored as they are, the values too."""
    for page in chunk.walk_headers():
        loaded = chunk.load(page)
        if loaded.kind is PageKind.DICTIONARY:
            data = decompress(chunk.codec, loaded.body, loaded.uncompressed_bytes)
            yield "dictionary", data
            continue
        if loaded.kind is PageKind.DATA_V2:
            in_levels = loaded.details.integer(V2Field.DEFINITION_BYTES, 0)
            in_levels += loaded.details.integer(V2Field.REPETITION_BYTES, 0)
            data = loaded.body[in_levels:]
            if loaded.details.boolean(V2Field.IS_COMPRESSED, default=True) and data:
                data = decompress(chunk.codec, data, loaded.uncompressed_bytes - in_levels)
        else:
            data = decompress(chunk.codec, loaded.body, loaded.uncompressed_bytes)
        yield "pages", data
        if loaded.encoding == _DELTA_BYTE_ARRAY:
            # Shared prefixes are stored once, so a value need not stand there in one piece.
            content = chunk.content(loaded)
            column = decode_column(chunk.leaf, loaded.encoding, content.values, content.value_count)
            yield "pages", column.encoded(0) if chunk.leaf.width == 0 else b""


_DELTA_BYTE_ARRAY = 7


def _scan_values(
    source: Source, footer: Footer, leaf: Leaf, stored: set[bytes], report: ScanReport
) -> None:
    """Compare the id column's dictionary entries, values and bounds with the stored ids."""
    if not stored:
        return
    ids = as_arrow(leaf, stored)
    for other, chunk in _chunks(source, footer):
        if other.index != leaf.index:
            continue
        _scan_bounds(chunk, stored, report)
        bloom = BloomFilter.of(source, chunk.meta)
        if bloom is not None:
            report.bloom_maybe += sum(bloom.may_contain(value) for value in stored)
        for page in chunk.walk_headers():
            loaded = chunk.load(page)
            if loaded.kind is PageKind.DICTIONARY:
                column = chunk.dictionary
                place = "dictionary"
            else:
                content = chunk.content(loaded)
                if loaded.encoding in DICTIONARY_ENCODINGS:
                    decode_indices(content.values, content.value_count, len(chunk.dictionary))
                    continue  # its values are the dictionary's
                column = decode_column(leaf, loaded.encoding, content.values, content.value_count)
                place = "pages"
            values = column.arrow()
            hits = values.filter(pc.is_in(values, value_set=ids)).unique()
            report.add(f"{place} of {leaf.name} (values)", {str(v).encode() for v in hits})


def _scan_bounds(chunk: ColumnChunk, stored: set[bytes], report: ScanReport) -> None:
    statistics = chunk.meta.struct(MetaField.STATISTICS)
    if statistics is not None:
        report.add(f"statistics of {chunk.leaf.name}", bounds_named(statistics) & stored)
    index = chunk.column_index
    if index is not None:
        for list_field in (_MIN_VALUES, _MAX_VALUES):
            values = index.items(list_field)
            named = set(values.blobs()) if values is not None else set()
            report.add(f"column index of {chunk.leaf.name}", named & stored)
    for page in chunk.walk_headers():
        header = chunk.header_of(page)
        if header.kind is not PageKind.DICTIONARY and header.statistics is not None:
            named = bounds_named(header.statistics) & stored
            report.add(f"page headers of {chunk.leaf.name}", named)
