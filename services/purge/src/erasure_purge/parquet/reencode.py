"""A chunk whose pages this engine cannot cut: read by pyarrow, filtered, and written anew.

Nothing but the column's shape and bits goes through pyarrow (one_chunk.py). What it writes is taken
only if it has the levels and the physical type of the original, and reads back equal under the
original's schema.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .chunk_cut import ChunkCut
from .compression import Codec
from .cut import read_values, set_checksum
from .encodings import DICTIONARY_ENCODINGS, Bounds, Encoding
from .errors import UNLEARNED, MalformedParquet, UnclearRowBoundaries, UnsupportedParquet
from .footer import KNOWN_META_FIELDS, MAGIC, Leaf, MetaField, group_columns, read_footer
from .levels import Bools
from .one_chunk import CANNOT_READ, file_around, flattened, read_chunk, read_file
from .order import Order, PhysicalType
from .page import PageField, PageKind, V2Field
from .pages import ColumnChunk
from .raw_pages import walk_raw
from .segments import Put, Segment
from .source import InMemory
from .statistics import MAX_BOUND_BYTES, drop_bounds, merged_bounds, stated_chunk_bounds
from .thrift_compact import Kind, Struct, encode
from .witness import is_same

_WRITABLE = {
    Encoding.DELTA_BINARY_PACKED: "DELTA_BINARY_PACKED",
    Encoding.DELTA_LENGTH_BYTE_ARRAY: "DELTA_LENGTH_BYTE_ARRAY",
    Encoding.DELTA_BYTE_ARRAY: "DELTA_BYTE_ARRAY",
    Encoding.BYTE_STREAM_SPLIT: "BYTE_STREAM_SPLIT",
}
_REPLACED = (MetaField.ENCODINGS, MetaField.NUM_VALUES, MetaField.ENCODING_STATS)
_OUTDATED = (
    MetaField.DICTIONARY_OFFSET,
    MetaField.INDEX_PAGE_OFFSET,
    MetaField.BLOOM_OFFSET,
    MetaField.BLOOM_LENGTH,
    MetaField.SIZE_STATISTICS,
    MetaField.GEOSPATIAL,
)
_NULL_COUNT, _MAX_VALUE, _MIN_VALUE = 3, 5, 6
_EXACT = (7, 8)


def reencoded_chunk(
    chunk: ColumnChunk, erased_rows: Bools, refusal: UnsupportedParquet, *, collect_texts: bool
) -> ChunkCut:
    """The chunk without the rows of the mask, every page of it new.

    Raises:
        UnsupportedParquet: the page level's refusal, where pyarrow does no better.
    """
    try:
        return _reencoded(chunk, erased_rows, collect_texts=collect_texts)
    except (MalformedParquet, *UNLEARNED, *CANNOT_READ):
        raise refusal from None


def texts_of(chunk: ColumnChunk, refusal: UnsupportedParquet) -> set[bytes]:
    """Every byte string of a chunk that only pyarrow can read."""
    try:
        return _texts(read_chunk(chunk))
    except MalformedParquet:
        raise refusal from None


def _texts(table: pa.Table) -> set[bytes]:
    texts: set[bytes] = set()
    for values in map(flattened, table.column(0).chunks):
        texts.update(pc.unique(values).drop_null().to_pylist())
    return texts


def _reencoded(chunk: ColumnChunk, erased_rows: Bools, *, collect_texts: bool) -> ChunkCut:
    table = read_chunk(chunk)
    gone = table.filter(pa.array(erased_rows))
    remaining = table.filter(pa.array(~erased_rows))
    written = _written(chunk, remaining)
    pages = list(_packed(chunk, written))
    has_dictionary = written.dictionary_page is not None
    dictionary_bytes = len(pages[0].data) if has_dictionary else 0
    meta = _meta(chunk, written, pages, dictionary_bytes)
    check_reads_as(chunk, meta, b"".join(page.data for page in pages), remaining)
    segments: list[Segment] = [Put(page.data) for page in pages]
    count = len(pages) - has_dictionary
    texts = collect_texts and chunk.leaf.physical is PhysicalType.BYTE_ARRAY
    return ChunkCut(
        segments=segments,
        meta=meta,
        dictionary_bytes=dictionary_bytes,
        column_index=None,
        offset_index=None,
        keeps_bloom=False,
        bloom=None,
        pages=count,
        pages_cut=count,
        entries_blanked=0,
        erased_texts=_texts(gone) if texts else set(),
    )


# Writing ----------------------------------------------------------------------------------------


def _written(chunk: ColumnChunk, table: pa.Table) -> ColumnChunk:
    """The rows as one uncompressed chunk of pyarrow's, encoded as the original was.

    Raises:
        UnclearRowBoundaries: it does not have the original's levels and type.
    """
    encodings = chunk.meta.items(MetaField.ENCODINGS)
    used = set(encodings.ints()) if encodings is not None else set()
    is_v2, _ = _page_manner(chunk)
    special = [name for encoding, name in _WRITABLE.items() if encoding in used]
    by_dictionary = bool(used & set(DICTIONARY_ENCODINGS))
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        row_group_size=max(1, table.num_rows),
        version="1.0" if Encoding.PLAIN_DICTIONARY in used else "2.6",
        data_page_version="2.0" if is_v2 else "1.0",
        compression="none",
        use_dictionary=by_dictionary,
        column_encoding=special[0] if special and not by_dictionary else None,
        write_statistics=False,
        store_schema=False,
        use_deprecated_int96_timestamps=chunk.leaf.physical is PhysicalType.INT96,
    )
    source = InMemory(sink.getvalue().to_pybytes())
    footer = read_footer(source)
    if len(footer.leaves) != 1 or len(footer.row_groups) != 1:
        raise UnclearRowBoundaries("pyarrow wrote another shape")
    (leaf,) = footer.leaves
    check_shape(chunk.leaf, leaf)
    ordered = dataclasses.replace(leaf, order=chunk.leaf.order, element=chunk.leaf.element)
    (column,) = group_columns(footer.row_groups[0])
    return ColumnChunk(source, column, ordered, table.num_rows, source.size_bytes)


def check_shape(old: Leaf, new: Leaf) -> None:
    """The written column can stand where the original stood.

    Raises:
        UnclearRowBoundaries: its levels or its physical type are others.
    """
    if _shape(old) != _shape(new):
        raise UnclearRowBoundaries("pyarrow wrote another shape")


def _shape(leaf: Leaf) -> tuple[PhysicalType, int, int, int]:
    return leaf.physical, leaf.type_length, leaf.max_definition, leaf.max_repetition


def _page_manner(chunk: ColumnChunk) -> tuple[bool, bool]:
    """Whether the chunk's data pages are of version 2, and whether its pages carry checksums."""
    is_v2 = has_checksums = False
    for page in walk_raw(chunk.source, chunk.start, chunk.end):
        is_v2 = page.kind == PageKind.DATA_V2
        has_checksums = has_checksums or PageField.CRC in page.header
        if page.kind in (PageKind.DATA, PageKind.DATA_V2):
            break
    return is_v2, has_checksums


@dataclass(frozen=True)
class _Packed:
    """A page as it goes into the new file, and its size unpacked."""

    data: bytes
    unpacked_bytes: int


def _packed(chunk: ColumnChunk, written: ColumnChunk) -> Iterator[_Packed]:
    """The written pages in the original's codec."""
    _, has_checksums = _page_manner(chunk)
    unpacked = chunk.meta.integer(MetaField.TOTAL_UNCOMPRESSED)
    ratio = chunk.meta.integer(MetaField.TOTAL_COMPRESSED) / max(1, unpacked)
    for page in written.walk_headers():
        loaded = written.load(page)
        header, details, body = loaded.header, loaded.details, loaded.body
        in_levels = 0
        if loaded.kind is PageKind.DATA_V2:
            in_levels = details.integer(V2Field.DEFINITION_BYTES, 0)
            in_levels += details.integer(V2Field.REPETITION_BYTES, 0)
            is_packed = chunk.codec != Codec.UNCOMPRESSED and len(body) > in_levels
            details.set(V2Field.IS_COMPRESSED, Kind.TRUE, is_packed)
        levels, values = body[:in_levels], body[in_levels:]
        if values or loaded.kind is not PageKind.DATA_V2:  # readers unpack even what is empty
            values = chunk.pack(values, ratio)
        packed = levels + values
        header.set_int(PageField.COMPRESSED, len(packed), Kind.I32)
        header.drop(PageField.CRC)
        if has_checksums:
            header.set_int(PageField.CRC, 0, Kind.I32)
            set_checksum(header, packed)
        raw = encode(header)
        yield _Packed(raw + packed, len(raw) + loaded.uncompressed_bytes)


# What is said about the chunk ---------------------------------------------------------------------


def _meta(
    chunk: ColumnChunk, written: ColumnChunk, pages: list[_Packed], dictionary_bytes: int
) -> Struct:
    """The original's metadata with everything that is different now; offsets as of a file's first.

    Unknown fields are left out, for they may describe the chunk as it was.
    """
    old, new = chunk.meta, written.meta
    meta = Struct({field: old.fields[field] for field in old if field in KNOWN_META_FIELDS})
    meta.drop(*_OUTDATED)
    for field in _REPLACED:
        if field in meta and field not in new:
            meta.drop(field)
        elif field in meta:
            meta.fields[field] = new.fields[field]
    if dictionary_bytes:
        meta.set_int(MetaField.DICTIONARY_OFFSET, len(MAGIC))
    meta.set_int(MetaField.DATA_PAGE_OFFSET, len(MAGIC) + dictionary_bytes)
    meta.set_int(MetaField.TOTAL_COMPRESSED, sum(len(page.data) for page in pages))
    meta.set_int(MetaField.TOTAL_UNCOMPRESSED, sum(page.unpacked_bytes for page in pages))
    statistics = meta.struct(MetaField.STATISTICS)
    if statistics is not None:
        meta.set(MetaField.STATISTICS, Kind.STRUCT, _statistics(statistics, written))
    return meta


def _statistics(old: Struct, written: ColumnChunk) -> Struct:
    """As much as the original's say, computed from what was written."""
    entries = written.meta.integer(MetaField.NUM_VALUES)
    values, bounds = 0, None
    for page in written.pages():
        loaded = written.load(page)
        content = written.content(loaded)
        values += content.value_count
        found = read_values(written, loaded, content).bounds(written.leaf.order)
        bounds = merged_bounds(bounds, found, written.leaf.order)
    new = Struct(dict(old.fields))
    for field in old:
        if field not in (_NULL_COUNT, _MAX_VALUE, _MIN_VALUE, *_EXACT):
            new.drop(field)
    if _NULL_COUNT in new:
        new.set_int(_NULL_COUNT, entries - values)
        if written.leaf.max_repetition:
            new.drop(_NULL_COUNT)
    _state_bounds(new, bounds, written.leaf.order)
    return new


def _state_bounds(statistics: Struct, bounds: Bounds | None, order: Order) -> None:
    unsure = bounds is None or order is Order.NONE or max(map(len, bounds)) > MAX_BOUND_BYTES
    if unsure or stated_chunk_bounds(statistics) is None or bounds is None:
        drop_bounds(statistics)
        return
    statistics.set(_MIN_VALUE, Kind.BINARY, bounds[0])
    statistics.set(_MAX_VALUE, Kind.BINARY, bounds[1])
    for field in _EXACT:
        if field in statistics:
            statistics.set(field, Kind.TRUE, True)


def check_reads_as(chunk: ColumnChunk, meta: Struct, pages: bytes, remaining: pa.Table) -> None:
    """The new chunk, in the original's place in its schema, reads as the rows that stay.

    Raises:
        UnclearRowBoundaries: it does not.
    """
    again = read_file(file_around(chunk.leaf, meta, len(MAGIC), pages, remaining.num_rows))
    if again.schema != remaining.schema or not is_same(again.column(0), remaining.column(0)):
        raise UnclearRowBoundaries("what pyarrow wrote does not read as the rows that stay")
