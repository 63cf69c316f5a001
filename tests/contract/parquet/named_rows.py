"""A column of row names, put into a file that has no ids, without writing its pages anew."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from erasure_purge.parquet import InMemory, Source
from erasure_purge.parquet.footer import (
    MAGIC,
    FileField,
    Footer,
    GroupField,
    MetaField,
    SchemaField,
    footer_bytes,
    group_columns,
    read_footer,
)
from erasure_purge.parquet.thrift_compact import Struct

NAMES = "row_name"


def name_of(row: int) -> str:
    return f"the-row-{row:06}"


def with_named_rows(source: Source) -> InMemory:
    """The same pages and row groups, and beside them a last column that names each row."""
    footer = read_footer(source)
    rows = [group.integer(GroupField.NUM_ROWS) for group in footer.row_groups]
    names = _file_of_names(rows)
    added = read_footer(names)
    moved_by = footer.offset - len(MAGIC)
    for group, extra in zip(footer.row_groups, added.row_groups, strict=True):
        (chunk,) = group_columns(extra)
        meta = chunk.struct(3)
        assert meta is not None
        for place in (MetaField.DATA_PAGE_OFFSET, MetaField.DICTIONARY_OFFSET):
            if place in meta:
                meta.set_int(place, meta.integer(place) + moved_by)
        columns = group.items(GroupField.COLUMNS)
        assert columns is not None
        columns.append(chunk)
    _add_to_schema(footer.document, added)
    body = source.read(0, footer.offset) + names.data[len(MAGIC) : added.offset]
    return InMemory(body + footer_bytes(footer.document))


def _file_of_names(rows: list[int]) -> InMemory:
    sink = io.BytesIO()
    schema = pa.schema([pa.field(NAMES, pa.string(), nullable=False)])
    first = 0
    with pq.ParquetWriter(sink, schema, compression="none", store_schema=False) as writer:
        for count in rows:
            texts = [name_of(row) for row in range(first, first + count)]
            writer.write_table(pa.table([texts], schema=schema), row_group_size=max(1, count))
            first += count
    return InMemory(sink.getvalue())


def _add_to_schema(document: Struct, added: Footer) -> None:
    schema, orders = document.items(FileField.SCHEMA), document.items(FileField.COLUMN_ORDERS)
    assert schema is not None
    root = schema.structs()[0]
    root.set_int(SchemaField.NUM_CHILDREN, root.integer(SchemaField.NUM_CHILDREN) + 1, kind=5)
    schema.append(added.leaves[0].element)
    if orders is not None:
        mine = added.document.items(FileField.COLUMN_ORDERS)
        assert mine is not None
        orders.append(mine[0])
    pairs = document.items(FileField.KEY_VALUE)
    if pairs is not None and b"ARROW:schema" in [pair.blob(1) for pair in pairs.structs()]:
        document.drop(FileField.KEY_VALUE)  # it would have to name the new column, too
