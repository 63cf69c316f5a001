"""What is written anew reads alike in readers that are not pyarrow."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from tests.unit.parquet.people import ID, erased, written
from tests.unit.parquet.rebuilt import from_the_future, rebuilt


@pytest.mark.parametrize("codec", ["snappy", "gzip", "zstd", "lz4", "none"])
def test_a_chunk_of_nulls_alone_is_written_anew_for_every_reader(
    codec: str, tmp_path: Path
) -> None:
    table = pa.table({ID: ["a", "b", "c"], "name": pa.array(["ann", None, None], pa.string())})
    source = rebuilt(written(table, compression=codec), from_the_future, ID, "name")
    path = tmp_path / "after.parquet"
    path.write_bytes(erased(source, ["a"]).data)

    left = [("b", None), ("c", None)]
    assert pl.read_parquet(path).rows() == left
    assert duckdb.execute(f"select * from read_parquet('{path}')").fetchall() == left
