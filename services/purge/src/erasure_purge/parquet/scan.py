"""Does anything of somebody stand in the file? Searched in bytes, not through a reader.

Everything is searched: the raw file (footer, statistics, indexes, page headers, metadata, also
bytes that nothing refers to) and every page unpacked, dictionaries included. For ids of fixed
width, whose bytes occur by chance, dictionaries and bounds are compared value by value instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

import pyarrow as pa
import pyarrow.compute as pc

from .bloom import BloomFilter
from .by_arrow import bits_by_arrow
from .composite import SeveralColumns
from .compression import decompress
from .encodings import DICTIONARY_ENCODINGS, Encoding, decode_column, decode_indices
from .errors import (
    UNLEARNED,
    UnknownEncoding,
    UnknownPageType,
    UnsupportedParquet,
    only_refusals,
)
from .footer import (
    ChunkField,
    FileField,
    Footer,
    GroupField,
    Leaf,
    MetaField,
    group_columns,
    read_footer,
)
from .found import OpenChunk
from .ids import (
    CompositeId,
    Id,
    IdColumns,
    IdKey,
    as_arrow,
    check_ids,
    composite_ids,
    id_leaf,
    id_leaves,
    plain_ids,
    stored_ids,
)
from .metadata import Metadata, id_texts
from .order import PhysicalType
from .page import HEADER_FIELDS, LoadedPage, Page, PageField, PageKind, V2Field
from .pages import ColumnChunk
from .raw_pages import RawPage, walk_raw
from .reencode import texts_of
from .search import Needles
from .source import CountingSource, Source
from .statistics import bounds_named
from .thrift_compact import Items, Kind, Struct, encode

_RAW_BYTES = 8 * 1024 * 1024
_WINDOW_BYTES = 4 * 1024 * 1024
_WORDS_OF_A_FILE = (FileField.SCHEMA, FileField.KEY_VALUE, FileField.CREATED_BY)
_WORDS_OF_A_CHUNK = (MetaField.PATH, MetaField.KEY_VALUE)
_NULL_PAGES, _MIN_VALUES, _MAX_VALUES = 1, 2, 3
RAW = "raw bytes (footer, statistics, indexes, headers)"
SCHEMA = "schema (names of columns and of the writer)"
METADATA = "key/value metadata"


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


def scan(source: Source, id_column: IdColumns, ids: Collection[IdKey]) -> ScanReport:
    """Search the whole file for the ids, as text and as the id column stores them.

    Short ids (under eight bytes) are searched with their length before them, as pages store them.
    Of several id columns: rows that match in all of them, and every part that no other row holds.

    Raises:
        UnsupportedParquet: something in the file cannot be searched.
        ValueError: an id does not have a part for every id column.
    """
    check_ids(id_column, ids)
    with only_refusals():
        counted = CountingSource(source)
        footer = read_footer(counted)
        if isinstance(id_column, str):
            return _scan_for(counted, footer, [(id_leaf(footer, id_column), plain_ids(ids))])
        return _scan_several(counted, footer, id_column, composite_ids(ids))


def _scan_for(
    source: Source, footer: Footer, wanted: Sequence[tuple[Leaf, Collection[Id]]]
) -> ScanReport:
    """Search for everything that names somebody by itself."""
    texts: set[bytes] = set()
    stored = [set(stored_ids(leaf, ids)) for leaf, ids in wanted]
    for (leaf, ids), forms in zip(wanted, stored, strict=True):
        texts |= {one if isinstance(one, bytes) else str(one).encode() for one in ids}
        texts |= forms if leaf.width == 0 else set()
    report = scan_bytes(source, footer, patterns(texts))
    short = id_texts({one for _, ids in wanted for one in ids})
    report.add(METADATA, Metadata.of(footer).quoted(short, ()))
    for (leaf, _), forms in zip(wanted, stored, strict=True):
        _scan_values(source, footer, leaf, forms, report)
    return report


def _scan_several(
    source: Source, footer: Footer, id_columns: Sequence[str], ids: Collection[CompositeId]
) -> ScanReport:
    people = SeveralColumns(id_leaves(footer, id_columns), ids)
    groups = []
    for group in footer.row_groups:
        opened = _opener(source, group)
        groups.append((opened, people.find(opened, trust_statistics=False)))
    report = _scan_for(
        source, footer, list(zip(people.leaves, people.unshared(groups), strict=True))
    )
    for _, found in groups:
        report.add("rows", {repr(one).encode() for one in found.rows_by_id})
    return report


def _opener(source: Source, group: Struct) -> OpenChunk:
    columns, rows = group_columns(group), group.integer(GroupField.NUM_ROWS)
    return lambda leaf: ColumnChunk(source, columns[leaf.index], leaf, rows, _WINDOW_BYTES)


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
    for data in _raw_windows(source, footer.offset, needles.longest):
        report.bytes_searched += len(data)
        report.add(RAW, needles.found_in(data))
    _scan_footer(source, footer, needles, report)
    for leaf, chunk in _chunks(source, footer):
        for place, data in _unpacked(chunk):
            report.pages += 1
            report.bytes_searched += len(data)
            report.add(f"{place} of {leaf.name}", needles.found_in(data))
    return report


def _scan_footer(source: Source, footer: Footer, needles: Needles, report: ScanReport) -> None:
    """Search the footer: what it says about rows apart from words that its writer chose."""
    data = source.read(footer.offset, source.size_bytes - footer.offset)
    report.bytes_searched += len(data)
    found = needles.found_in(data)
    about_rows = needles.found_in(encode(_without_words(footer))) if found else set()
    in_metadata = Metadata.of(footer).all_found(needles)
    report.add(RAW, about_rows)
    report.add(METADATA, in_metadata)
    report.add(SCHEMA, found - about_rows - in_metadata)


def _without_words(footer: Footer) -> Struct:
    """The footer without names, metadata and the writer."""
    groups = []
    for group in footer.row_groups:
        chunks = []
        for chunk in group_columns(group):
            meta = chunk.struct(ChunkField.META) or Struct()
            bare = Struct(dict(chunk.fields))
            bare.set(ChunkField.META, Kind.STRUCT, _less(meta, *_WORDS_OF_A_CHUNK))
            chunks.append(bare)
        bare = Struct(dict(group.fields))
        bare.set(GroupField.COLUMNS, Kind.LIST, Items(Kind.STRUCT, chunks))
        groups.append(bare)
    document = _less(footer.document, *_WORDS_OF_A_FILE)
    document.set(FileField.ROW_GROUPS, Kind.LIST, Items(Kind.STRUCT, groups))
    return document


def _less(document: Struct, *fields: int) -> Struct:
    return Struct({name: field for name, field in document.fields.items() if name not in fields})


def _raw_windows(source: Source, end: int, overlap: int) -> Iterator[bytes]:
    position = 0
    while position < end:
        length = min(_RAW_BYTES + overlap, end - position)
        yield source.read(position, length)
        position += _RAW_BYTES


def _chunks(source: Source, footer: Footer) -> Iterator[tuple[Leaf, ColumnChunk]]:
    for group in footer.row_groups:
        for chunk, leaf in zip(group_columns(group), footer.leaves, strict=True):
            yield (
                leaf,
                ColumnChunk(source, chunk, leaf, group.integer(GroupField.NUM_ROWS), _WINDOW_BYTES),
            )


def _unpacked(chunk: ColumnChunk) -> Iterator[tuple[str, bytes]]:
    """Every page's unpacked body; where values are not stored as they are, the values too.

    A page of an unknown kind is searched packed and unpacked; then pyarrow reads the chunk as well.

    Raises:
        UnsupportedParquet: neither way leads to the values.
    """
    refusal: UnsupportedParquet | None = None
    for raw in walk_raw(chunk.source, chunk.start, chunk.end, _WINDOW_BYTES):
        if raw.kind not in HEADER_FIELDS:
            refusal = refusal or UnknownPageType(f"type {raw.kind}")
            yield "pages of an unknown kind", _perhaps_unpacked(chunk, raw)
            continue
        if raw.kind == PageKind.DICTIONARY and chunk.dictionary_page is None:
            chunk.dictionary_page = Page(raw.offset, raw.size)
        loaded = chunk.load(Page(raw.offset, raw.size))
        yield "dictionary" if loaded.kind is PageKind.DICTIONARY else "pages", _body(chunk, loaded)
        try:
            yield from _apart(chunk, loaded)
        except UNLEARNED as one:
            refusal = refusal or one
    if refusal is not None:
        texts = (
            texts_of(chunk, refusal) if chunk.leaf.physical is PhysicalType.BYTE_ARRAY else set()
        )
        yield "values", b"".join(len(text).to_bytes(4, "little") + text for text in texts)


def _body(chunk: ColumnChunk, loaded: LoadedPage) -> bytes:
    in_levels = 0
    is_packed = True
    if loaded.kind is PageKind.DATA_V2:
        in_levels = loaded.details.integer(V2Field.DEFINITION_BYTES, 0)
        in_levels += loaded.details.integer(V2Field.REPETITION_BYTES, 0)
        is_packed = loaded.details.boolean(V2Field.IS_COMPRESSED, default=True)
    data = loaded.body[in_levels:]
    if is_packed and data:
        data = decompress(chunk.codec, data, loaded.uncompressed_bytes - in_levels)
    return data


def _apart(chunk: ColumnChunk, loaded: LoadedPage) -> Iterator[tuple[str, bytes]]:
    """The values of a page that does not hold each in one piece.

    Raises:
        UnknownEncoding: it is encoded in a way we cannot take apart.
    """
    if loaded.kind is PageKind.DICTIONARY or loaded.encoding in _IN_ONE_PIECE:
        return
    if loaded.encoding == Encoding.DELTA_BYTE_ARRAY:
        # Shared prefixes are stored once.
        content = chunk.content(loaded)
        column = decode_column(chunk.leaf, loaded.encoding, content.values, content.value_count)
        yield "pages", column.encoded(0) if chunk.leaf.width == 0 else b""
    elif chunk.leaf.width == 0 and chunk.leaf.physical is PhysicalType.BYTE_ARRAY:
        raise UnknownEncoding(f"encoding {loaded.encoding}")


def _perhaps_unpacked(chunk: ColumnChunk, page: RawPage) -> bytes:
    """The body as it is, and unpacked if that is possible."""
    body = chunk.source.read(page.body_offset, page.body_bytes)
    try:
        length = page.header.integer(PageField.UNCOMPRESSED)
        return body + decompress(chunk.codec, body, length)
    except UnsupportedParquet:
        return body


_IN_ONE_PIECE = (
    Encoding.PLAIN,
    Encoding.PLAIN_DICTIONARY,
    Encoding.RLE_DICTIONARY,
    Encoding.DELTA_LENGTH_BYTE_ARRAY,
)


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
        for place, values in _values(chunk):
            hits = values.filter(pc.is_in(values, value_set=ids)).unique()
            report.add(f"{place} of {leaf.name} (values)", {str(v).encode() for v in hits})


def _values(chunk: ColumnChunk) -> Iterator[tuple[str, pa.Array]]:
    """Dictionary entries and values; by pyarrow, where a page cannot be taken apart."""
    try:
        for page in chunk.walk_headers():
            loaded = chunk.load(page)
            if loaded.kind is PageKind.DICTIONARY:
                yield "dictionary", chunk.dictionary.arrow()
                continue
            content = chunk.content(loaded)
            if loaded.encoding in DICTIONARY_ENCODINGS:
                decode_indices(content.values, content.value_count, len(chunk.dictionary))
                continue  # its values are the dictionary's
            count = content.value_count
            yield "pages", decode_column(chunk.leaf, loaded.encoding, content.values, count).arrow()
    except UNLEARNED as refusal:
        yield "values", bits_by_arrow(chunk, refusal)


def _scan_bounds(chunk: ColumnChunk, stored: set[bytes], report: ScanReport) -> None:
    for place, named in named_bounds(chunk):
        report.add(f"{place} of {chunk.leaf.name}", named & stored)


def named_bounds(chunk: ColumnChunk) -> Iterator[tuple[str, set[bytes]]]:
    """The values that are named as somebody's minimum or maximum, and where."""
    statistics = chunk.meta.struct(MetaField.STATISTICS)
    if statistics is not None:
        yield "statistics", bounds_named(statistics)
    index = chunk.column_index
    if index is not None:
        nulls = index.items(_NULL_PAGES) or ()
        for list_field in (_MIN_VALUES, _MAX_VALUES):
            bounds = index.items(list_field)
            stated = zip_longest(bounds.blobs() if bounds is not None else (), nulls)
            yield (
                "column index",
                {value for value, null in stated if value is not None and not null},
            )
    for page in walk_raw(chunk.source, chunk.start, chunk.end, _WINDOW_BYTES):
        if page.kind not in (PageKind.DATA, PageKind.DATA_V2):
            continue
        said = LoadedPage(page.header, page.body_offset - page.offset, b"").statistics
        if said is not None:
            yield "page headers", bounds_named(said)
