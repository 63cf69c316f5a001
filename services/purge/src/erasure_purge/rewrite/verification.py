"""Reads a rewrite back, before it replaces anything: a row count is no proof of erasure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from erasure_purge.core import Erasure
from erasure_purge.rewrite.format import open_parquet
from erasure_purge.rewrite.ids import IdColumn
from erasure_purge.rewrite.tables import same, without
from erasure_shared.errors import Corrupted


def verify(
    original: pq.ParquetFile,
    target: BinaryIO,
    wanted: IdColumn,
    erasure: Erasure,
    before_each_step: Callable[[], None],
) -> None:
    """Check the rewrite against the original, row group by row group.

    Raises:
        Corrupted: naming what differs.
    """
    rewritten = open_parquet(target)
    _check(rewritten.metadata.num_rows == erasure.rows_after, "row count")
    _check(
        rewritten.schema_arrow.equals(original.schema_arrow, check_metadata=True)
        or _equal_but_for_list_names(rewritten.schema_arrow, original.schema_arrow),
        "schema",
    )
    _check(rewritten.metadata.metadata == original.metadata.metadata, "key/value metadata")
    position = 0
    for number in range(original.num_row_groups):
        before_each_step()
        ids = original.read_row_group(number, columns=[wanted.leaf])
        positions = wanted.positions(ids)
        if positions.null_count:
            for columns in _portions(original.schema_arrow):
                table = original.read_row_group(number, columns=columns)
                result = rewritten.read_row_group(position, columns=columns)
                _check_portion(without(table, positions), result)
            ids = rewritten.read_row_group(position, columns=[wanted.leaf])
            _check(_holds_nobody(ids, wanted), "erased identifiers in rows")
            position += 1
    _check(rewritten.num_row_groups == position, "row groups")
    _check_leftovers(rewritten, target, wanted)


def _equal_but_for_list_names(one: pa.Schema, other: pa.Schema) -> bool:
    """Arrow's type equality ignores what the elements of a list are called."""
    return bool(one.equals(other)) and bool(one.metadata == other.metadata)


def _portions(schema: pa.Schema) -> list[list[str] | None]:
    """Column by column, to hold less in memory; a name with a dot would be taken for a path."""
    names = schema.names
    if len(set(names)) < len(names) or any("." in name for name in names):
        return [None]
    return [[name] for name in names]


def _check_portion(kept: pa.Table, result: pa.Table) -> None:
    _check(kept.column_names == result.column_names, "columns")
    _check(same(kept.cast(result.schema), result), "kept rows")
    _check(_dictionaries_are_used(result), "values without rows in categories")


def _holds_nobody(table: pa.Table, wanted: IdColumn) -> bool:
    return bool(wanted.positions(table).null_count == table.num_rows)


def _dictionaries_are_used(table: pa.Table) -> bool:
    return all(
        _is_used(column.chunks) for column in table.columns if pa.types.is_dictionary(column.type)
    )


def _is_used(chunks: list[Any]) -> bool:
    """Every value of the dictionaries belongs to a row, in this chunk or another."""
    if not chunks:
        return True
    held = pc.unique(pa.concat_arrays([chunk.dictionary for chunk in chunks]))
    used = [chunk.dictionary.take(pc.unique(chunk.indices.drop_null())) for chunk in chunks]
    return bool(len(pc.unique(pa.concat_arrays(used))) == len(held))


def _check_leftovers(rewritten: pq.ParquetFile, target: BinaryIO, wanted: IdColumn) -> None:
    """No erased identifier in the id column's statistics, nor in its dictionary pages."""
    leaf = [rewritten.schema.column(i).path for i in range(len(rewritten.schema))].index(
        wanted.leaf
    )
    for number in range(rewritten.num_row_groups):
        statistics = rewritten.metadata.row_group(number).column(leaf).statistics
        if statistics is not None and statistics.has_min_max:
            bounds = (statistics.min, statistics.max)
            _check(not any(map(wanted.holds_bound, bounds)), "erased identifiers in statistics")
    if rewritten.schema.column(leaf).physical_type != "BYTE_ARRAY":
        return
    target.seek(0)
    by_dictionary = pq.ParquetFile(target, read_dictionary=[wanted.leaf])
    for number in range(by_dictionary.num_row_groups):
        column = by_dictionary.read_row_group(number, columns=[wanted.leaf]).column(0)
        for chunk in column.chunks:
            for dictionary in _dictionaries(chunk):
                _check(not wanted.holds(dictionary), "erased identifiers in dictionaries")


def _dictionaries(array: pa.Array) -> list[pa.Array]:
    if isinstance(array, pa.DictionaryArray):
        return [array.dictionary]
    if pa.types.is_struct(array.type):
        return [found for field in array.flatten() for found in _dictionaries(field)]
    return []


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise Corrupted("the rewrite is not what was planned", differs=what)
