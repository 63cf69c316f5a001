"""Readers that had no part in the erasure, as witnesses of what remains."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import duckdb
import fastparquet
import polars
import pyarrow as pa
import pyarrow.parquet as pq

from tests.contract.parquet.people import ID

FLAT = [ID, "email", "tier", "nights", "spend"]  # what every reader reads into the same values
Row = dict[str, Any]


def by_pyarrow(path: Path) -> list[Row]:
    return _rows(pq.read_table(path, page_checksum_verification=True))


def by_duckdb(path: Path) -> list[Row]:
    with duckdb.connect() as connection:
        return _rows(connection.sql("from read_parquet(?)", params=[str(path)]).to_arrow_table())


def by_polars(path: Path) -> list[Row]:
    return _rows(polars.read_parquet(path).to_arrow())


def by_polars_flat(path: Path) -> list[Row]:
    """For files of which it cannot read every column."""
    return _rows(polars.read_parquet(path, columns=FLAT).to_arrow())


def by_fastparquet(path: Path) -> list[Row]:
    """Only the flat columns: it flattens or drops the others."""
    frame = fastparquet.ParquetFile(str(path)).to_pandas(columns=FLAT)
    rows: list[Row] = frame.to_dict("records")
    return [{name: None if _is_nan(value) else value for name, value in r.items()} for r in rows]


def _rows(table: pa.Table) -> list[Row]:
    rows: list[Row] = table.to_pylist()
    return rows


def _is_nan(value: object) -> bool:
    """pandas' word for null."""
    return value != value


READERS: dict[str, Callable[[Path], list[Row]]] = {
    "pyarrow": by_pyarrow,
    "duckdb": by_duckdb,
    "polars": by_polars,
    "polars, flat columns": by_polars_flat,
    "fastparquet": by_fastparquet,
}


def assert_all_agree(
    before: Path, after: Path, ids: Collection[str], *, but: Collection[str] = ()
) -> None:
    """Every reader finds just the others' rows, as it read them before, and all read the same."""
    flat: dict[str, list[Row]] = {}
    for name, read in READERS.items():
        if name in but:
            continue
        left = read(after)
        assert left == [row for row in read(before) if row[ID] not in ids], name
        flat[name] = [{column: row[column] for column in FLAT} for row in left]
    first, *others = flat.values()
    assert len(others) >= 2, "three readers at least"
    assert all(other == first for other in others), list(flat)
