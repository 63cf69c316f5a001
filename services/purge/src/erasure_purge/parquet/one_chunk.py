"""One column chunk as a file of its own, for pyarrow to read what this engine cannot take apart.

The schema around the column keeps its shape, which decides the levels. Names and logical types are
left out, so nothing is converted: what is read are levels and bits.
"""

from __future__ import annotations

import struct

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .encodings import bits_type
from .errors import MalformedParquet, UnfaithfulInt96
from .footer import (
    MAGIC,
    ChunkField,
    FileField,
    GroupField,
    Leaf,
    MetaField,
    SchemaField,
    footer_bytes,
)
from .order import PhysicalType
from .pages import ColumnChunk
from .placement import moved_meta
from .thrift_compact import Items, Kind, Struct

_NAME = b"c"
_SHAPE = (SchemaField.TYPE, SchemaField.TYPE_LENGTH, SchemaField.REPETITION)
_READ_FIELDS = (
    MetaField.TYPE,
    MetaField.ENCODINGS,
    MetaField.CODEC,
    MetaField.NUM_VALUES,
    MetaField.TOTAL_UNCOMPRESSED,
    MetaField.TOTAL_COMPRESSED,
    MetaField.DATA_PAGE_OFFSET,
    MetaField.DICTIONARY_OFFSET,
)
_FURTHEST_S = (2**63 - 1) // 10**9 - 1  # nanoseconds in 64 bits reach from 1677 to 2262

CANNOT_READ = (pa.ArrowException, OSError, ValueError, TypeError, struct.error)


def read_chunk(chunk: ColumnChunk) -> pa.Table:
    """The chunk's one column, one row per row of its row group; bits of texts, numbers, decimals.

    Raises:
        MalformedParquet: pyarrow cannot read it either.
        UnfaithfulInt96: it holds a date that pyarrow would change.
    """
    pages = chunk.source.read(chunk.start, chunk.end - chunk.start)
    file = file_around(chunk.leaf, chunk.meta, chunk.start, pages, chunk.rows)
    try:
        if chunk.leaf.physical is PhysicalType.INT96:
            _check_int96(file)
        table = read_file(file)
    except CANNOT_READ:
        raise MalformedParquet("pyarrow cannot read the column chunk either") from None
    if table.num_rows != chunk.rows:
        raise MalformedParquet("a column chunk does not hold its row group's rows")
    return table


def read_file(file: bytes, **options: object) -> pa.Table:
    """All of a file in memory, checksums compared."""
    reader = pq.ParquetFile(pa.BufferReader(file), page_checksum_verification=True, **options)
    return reader.read(use_threads=False)


def _check_int96(file: bytes) -> None:
    seconds = read_file(file, coerce_int96_timestamp_unit="s").column(0)
    for leaf in map(flattened, seconds.chunks):
        bounds = pc.min_max(leaf.cast(pa.int64())).as_py()
        if bounds["min"] is not None and max(-bounds["min"], bounds["max"]) > _FURTHEST_S:
            raise UnfaithfulInt96


def flattened(array: pa.Array) -> pa.Array:
    """The values at the end of a column that branches nowhere, whatever is around them."""
    while True:
        if pa.types.is_struct(array.type):
            array = array.flatten()[0]
        elif pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
            array = array.flatten()
        else:
            return array


def bits_of(table: pa.Table, leaf: Leaf) -> pa.Array:
    """All values of such a column, without nulls and nesting, in the type of their bits.

    Not for INT96, which pyarrow has no bits of.
    """
    kind = bits_type(leaf.width) if leaf.width else pa.binary()
    arrays = [flattened(array).drop_null() for array in table.column(0).chunks]
    if leaf.width:
        arrays = [array.view(kind) for array in arrays]
    return pa.concat_arrays([pa.array([], kind), *arrays])


def file_around(leaf: Leaf, meta: Struct, start: int, pages: bytes, rows: int) -> bytes:
    """A Parquet file of one row group and one column around a chunk that began at `start`."""
    read = Struct({field: meta.fields[field] for field in _READ_FIELDS if field in meta})
    moved = moved_meta(read, len(MAGIC) - start)
    path: list[bytes | int] = [_NAME] * len(leaf.path)
    moved.set(MetaField.PATH, Kind.LIST, Items(Kind.BINARY, path))
    chunk = Struct({ChunkField.META: (Kind.STRUCT, moved)})
    chunk.set_int(ChunkField.FILE_OFFSET, len(MAGIC))
    group = Struct({GroupField.COLUMNS: (Kind.LIST, Items(Kind.STRUCT, [chunk]))})
    group.set_int(GroupField.TOTAL_BYTE_SIZE, meta.integer(MetaField.TOTAL_UNCOMPRESSED))
    group.set_int(GroupField.NUM_ROWS, rows)
    document = Struct({1: (Kind.I32, 1)})
    document.set(FileField.SCHEMA, Kind.LIST, Items(Kind.STRUCT, _schema(leaf)))
    document.set_int(FileField.NUM_ROWS, rows)
    document.set(FileField.ROW_GROUPS, Kind.LIST, Items(Kind.STRUCT, [group]))
    return MAGIC + pages + footer_bytes(document)


def _schema(leaf: Leaf) -> list[Struct]:
    """The root, the groups around the column, and the column: nothing but their shape."""
    root = Struct({SchemaField.NAME: (Kind.BINARY, _NAME)})
    groups = [root, *map(_shape, leaf.groups)]
    for group in groups:
        group.set_int(SchemaField.NUM_CHILDREN, 1, Kind.I32)
    return [*groups, _shape(leaf.element)]


def _shape(element: Struct) -> Struct:
    shape = Struct({field: element.fields[field] for field in _SHAPE if field in element})
    shape.set(SchemaField.NAME, Kind.BINARY, _NAME)
    return shape
