"""Readers that had no part in the erasure. Each is believed only if it reads the source right.

fastparquet is heard on fixed files only (tests/contract/parquet): on random ones it may crash the
interpreter while reading what pyarrow wrote.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .files import ID

Rows = list[Any]


def agree(before: Path, after: Path, ids: Sequence[str]) -> None:
    """Every reader sees the source's other rows, in order."""
    keep = _kept(before, ids)
    for read in (_by_duckdb, _by_polars):
        rows = _tried(read, before)
        if rows is None or len(rows) != len(keep):
            continue
        expected = [row for row, kept in zip(rows, keep, strict=True) if kept]
        if not expected and read is not _by_duckdb:
            continue  # polars has its own idea of files without row groups
        assert repr(read(after)) == repr(expected), read.__name__
    _lookups(after, by_duckdb=_tried(_by_duckdb, before) is not None)


def _kept(path: Path, ids: Sequence[str]) -> list[bool]:
    wanted = set(ids)
    return [one not in wanted for one in pq.read_table(path, columns=[ID])[ID].to_pylist()]


def _tried(read: Callable[[Path], Rows], path: Path) -> Rows | None:
    with contextlib.suppress(BaseException):  # polars panics
        rows = read(path)
        first = pq.read_table(path, columns=[ID])[ID].to_pylist()
        if [row[0] for row in rows] == first:
            return rows
    return None


def _by_duckdb(path: Path) -> Rows:
    with duckdb.connect() as connection:
        connection.execute("set threads=1; set timezone='UTC'")
        return connection.execute(f"select * from read_parquet('{path}')").fetchall()


def _by_polars(path: Path) -> Rows:
    return pl.read_parquet(path).rows()


def _lookups(after: Path, *, by_duckdb: bool) -> None:
    """Statistics, page indexes and dictionaries must not hide a row that remains."""
    ids = [one for one in pq.read_table(after, columns=[ID])[ID].to_pylist() if one is not None]
    for one in {ids[0], ids[len(ids) // 2], ids[-1]} if ids else set():
        expected = ids.count(one)
        assert pq.read_table(after, columns=[ID], filters=[(ID, "=", one)]).num_rows == expected
        if not by_duckdb:
            continue
        with duckdb.connect() as connection:
            query = f"select count(*) from read_parquet('{after}') where {ID} = ?"
            assert connection.execute(query, [one]).fetchone() == (expected,)


def statistics_are_true(path: Path) -> None:
    """Bounds hold, null counts are right."""
    file = pq.ParquetFile(path)
    for group in range(file.num_row_groups):
        rows = file.read_row_group(group)
        for number in range(file.metadata.num_columns):
            chunk = file.metadata.row_group(group).column(number)
            name = chunk.path_in_schema
            if "." in name or chunk.statistics is None:
                continue
            column = rows[name]
            assert chunk.num_values == len(column)
            if chunk.statistics.has_null_count:
                assert chunk.statistics.null_count == column.null_count, name
            _bounds_hold(chunk.statistics, column)


def _bounds_hold(statistics: Any, column: pa.ChunkedArray) -> None:
    kind = column.type
    ordered = pa.types.is_integer(kind) or pa.types.is_string(kind)
    if not statistics.has_min_max or not ordered or column.null_count == len(column):
        return
    least, most = pc.min_max(column).values()
    low, high = least.as_py(), most.as_py()
    if isinstance(low, str):
        assert statistics.min.encode() <= low.encode()
        assert statistics.max.encode() >= high.encode()
    elif isinstance(statistics.min, int):
        assert statistics.min <= low
        assert statistics.max >= high


def same_rows(one: bytes, other: bytes) -> bool:
    """Two files with the same rows in the same order, NaN being equal to itself."""
    first, second = (pq.read_table(io.BytesIO(data)) for data in (one, other))
    return first.equals(second) or repr(first.to_pylist()) == repr(second.to_pylist())
