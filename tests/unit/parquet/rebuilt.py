"""Files as other writers leave them: a file of pyarrow's with its pages changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from erasure_purge.parquet import InMemory
from erasure_purge.parquet.footer import (
    MAGIC,
    ChunkField,
    MetaField,
    chunk_meta,
    chunk_range,
    footer_bytes,
    group_columns,
    read_footer,
)
from erasure_purge.parquet.page import PageField, PageKind, V2Field
from erasure_purge.parquet.raw_pages import walk_raw
from erasure_purge.parquet.thrift_compact import Kind, Struct, encode

Page = tuple[Struct, bytes]
Change = Callable[[Struct, bytes], Iterable[Page]]
INDEX_PAGE = 1
_FUTURE_FIELD = 99


def rebuilt(source: InMemory, change: Change, *columns: str) -> InMemory:
    """The file with every page of these columns replaced by what `change` makes of it.

    Page indexes and bloom filters are left behind.
    """
    footer = read_footer(source)
    out = bytearray(MAGIC)
    for group in footer.row_groups:
        for chunk, leaf in zip(group_columns(group), footer.leaves, strict=True):
            meta = chunk_meta(chunk, leaf)
            pages = [
                (raw.header, source.read(raw.body_offset, raw.body_bytes))
                for raw in walk_raw(source, *chunk_range(meta))
            ]
            if leaf.name in columns:
                pages = [new for page in pages for new in change(*page)]
            _write(out, meta, pages)
            for field in (4, 5, 6, 7):
                chunk.drop(field)
            chunk.set(ChunkField.META, Kind.STRUCT, meta)
    return InMemory(bytes(out) + footer_bytes(footer.document))


def _write(out: bytearray, meta: Struct, pages: list[Page]) -> None:
    start = len(out)
    meta.drop(MetaField.DICTIONARY_OFFSET, MetaField.BLOOM_OFFSET, MetaField.BLOOM_LENGTH)
    meta.drop(MetaField.DATA_PAGE_OFFSET)
    for header, body in pages:
        kind = header.integer(PageField.TYPE)
        if kind == PageKind.DICTIONARY:
            meta.set_int(MetaField.DICTIONARY_OFFSET, len(out))
        elif kind in (PageKind.DATA, PageKind.DATA_V2) and MetaField.DATA_PAGE_OFFSET not in meta:
            meta.set_int(MetaField.DATA_PAGE_OFFSET, len(out))
        out += encode(header) + body
    meta.set_int(MetaField.TOTAL_COMPRESSED, len(out) - start)


def rows_counted_as_values(header: Struct, body: bytes) -> Iterable[Page]:
    """As pyarrow up to version 11 wrote pages v2 of nested columns."""
    details = header.struct(PageField.DATA_V2)
    if details is not None:
        details.set_int(V2Field.NUM_ROWS, details.integer(V2Field.NUM_VALUES))
    return [(header, body)]


def behind_an_index_page(header: Struct, body: bytes) -> Iterable[Page]:
    """A page of the type that the format reserves, and readers skip, after the first one."""
    index = Struct({PageField.TYPE: (Kind.I32, INDEX_PAGE), 6: (Kind.STRUCT, Struct())})
    index.set_int(PageField.UNCOMPRESSED, 8, Kind.I32)
    index.set_int(PageField.COMPRESSED, 8, Kind.I32)
    return [(header, body), (index, b"an index")]


def from_the_future(header: Struct, body: bytes) -> Iterable[Page]:
    """A field in every page header that nobody knows yet."""
    header.set(_FUTURE_FIELD, Kind.BINARY, b"new")
    return [(header, body)]


def with_future_metadata(source: InMemory, *columns: str) -> InMemory:
    """A field in these columns' metadata that nobody knows yet."""
    footer = read_footer(source)
    for group in footer.row_groups:
        for chunk, leaf in zip(group_columns(group), footer.leaves, strict=True):
            if leaf.name in columns:
                chunk_meta(chunk, leaf).set(_FUTURE_FIELD, Kind.BINARY, b"new")
    return InMemory(source.data[: footer.offset] + footer_bytes(footer.document))
