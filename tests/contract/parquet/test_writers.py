"""Files of five writers: erased from in place, read alike by readers that had no part in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import fastparquet
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from erasure_purge.parquet import Unit
from tests.contract.parquet.people import ID, ROWS, erase, people, some_people

Write = Callable[[pa.Table, Path], None]


def _duckdb(version: str) -> Write:
    def write(table: pa.Table, path: Path) -> None:
        with duckdb.connect() as connection:
            connection.register("t", table)
            connection.execute(
                f"copy t to '{path}' (format parquet, codec 'gzip', parquet_version {version})"
            )

    return write


def _polars(table: pa.Table, path: Path) -> None:
    polars = pytest.importorskip("polars")
    polars.DataFrame(table).write_parquet(path, compression="gzip", statistics="full")


def _fastparquet(table: pa.Table, path: Path) -> None:
    frame = table.drop_columns(["consents"]).to_pandas()
    fastparquet.write(str(path), frame, compression="GZIP", row_group_offsets=2_000)


def _pyarrow(**options: object) -> Write:
    def write(table: pa.Table, path: Path) -> None:
        pq.write_table(table, path, row_group_size=2_000, data_page_size=4_096, **options)

    return write


_DELTA = {
    "column_encoding": {
        ID: "DELTA_BYTE_ARRAY",
        "email": "DELTA_LENGTH_BYTE_ARRAY",
        "updated_at": "DELTA_BINARY_PACKED",
        "spend": "BYTE_STREAM_SPLIT",
    },
    "use_dictionary": False,
}
WRITERS: dict[str, Write] = {
    "duckdb v1": _duckdb("v1"),
    "duckdb v2": _duckdb("v2"),
    "polars": _polars,
    "fastparquet": _fastparquet,
    "pyarrow gzip": _pyarrow(compression="gzip"),
    "pyarrow v2 pages": _pyarrow(compression="gzip", data_page_version="2.0"),
    "pyarrow page index": _pyarrow(compression="zstd", write_page_index=True),
    "pyarrow checksums": _pyarrow(compression="gzip", write_page_checksum=True),
    "pyarrow delta": _pyarrow(compression="gzip", **_DELTA),
    "pyarrow int96": _pyarrow(use_deprecated_int96_timestamps=True),
    "pyarrow snappy": _pyarrow(compression="snappy"),
    "pyarrow lz4": _pyarrow(compression="lz4"),
    "pyarrow brotli": _pyarrow(compression="brotli"),
    "pyarrow uncompressed": _pyarrow(compression="none"),
}


NOT_READ_BY_FASTPARQUET = {"duckdb v2", "pyarrow delta"}
"""It knows no DELTA encodings, neither before nor after."""


@pytest.fixture(params=WRITERS)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "before.parquet"
    WRITERS[request.param](people(), path)
    return path


@pytest.mark.parametrize("count", [1, 40])
def test_a_few_people_leave_a_file_of_any_writer(written: Path, tmp_path: Path, count: int) -> None:
    after = tmp_path / "after.parquet"
    ids = some_people(people(), count)

    plan = erase(written, after, ids)

    assert 0 < plan.rows_erased < ROWS
    kept = [row for row in _duck(written) if row[0] not in ids]
    assert _duck(after) == kept


def test_only_those_leave_who_match_in_both_columns(written: Path, tmp_path: Path) -> None:
    after = tmp_path / "after.parquet"
    rows = people()
    pairs = sorted(set(zip(rows[ID].to_pylist(), rows["nights"].to_pylist(), strict=True)))
    wanted = {*pairs[::100], *((one, nights + 1) for one, nights in pairs[::150])}

    erase(written, after, sorted(wanted), (ID, "nights"))

    nights = rows.schema.get_field_index("nights")
    kept = [row for row in _duck(written) if (row[0], row[nights]) not in wanted]
    assert _duck(after) == kept
    assert len(kept) < ROWS


@pytest.mark.parametrize("written", sorted(WRITERS.keys() - NOT_READ_BY_FASTPARQUET), indirect=True)
def test_fastparquet_agrees(written: Path, tmp_path: Path) -> None:
    after = tmp_path / "after.parquet"
    ids = some_people(people(), 10)
    columns = [ID, "email", "tier", "nights", "spend"]
    frame = fastparquet.ParquetFile(str(written)).to_pandas(columns=columns)
    assert frame[ID].tolist() == people()[ID].to_pylist()

    erase(written, after, ids)

    left = fastparquet.ParquetFile(str(after)).to_pandas(columns=columns)
    assert left.equals(frame[~frame[ID].isin(ids)].reset_index(drop=True))


def _duck(path: Path) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(f"select * from read_parquet('{path}')").fetchall()


def test_everybody_leaves_and_a_valid_file_without_rows_remains(
    written: Path, tmp_path: Path
) -> None:
    after = tmp_path / "after.parquet"
    everybody = sorted(set(people()[ID].to_pylist()))

    plan = erase(written, after, everybody)

    assert plan.empties
    assert {group.unit for group in plan.report.groups} == {Unit.REMOVED}
    assert pq.read_table(after).num_rows == 0


def test_the_page_index_stays_where_it_was(tmp_path: Path) -> None:
    before, after = tmp_path / "before.parquet", tmp_path / "after.parquet"
    WRITERS["pyarrow page index"](people(), before)

    plan = erase(before, after, some_people(people(), 3))

    assert plan.report.indexes_dropped == 0
    chunk = pq.read_metadata(after).row_group(0).column(0)
    assert chunk.has_column_index
    assert chunk.has_offset_index


def test_untouched_pages_are_copied(tmp_path: Path) -> None:
    before, after = tmp_path / "before.parquet", tmp_path / "after.parquet"
    rows = people().sort_by(ID)
    options = {"data_page_size": 2_048, "write_batch_size": 256, "use_dictionary": False}
    pq.write_table(rows, before, compression="gzip", **options)

    plan = erase(before, after, [rows[ID][0].as_py()])

    (group,) = plan.report.groups
    assert group.pages_cut < group.pages / 2
    assert plan.report.bytes_copied > plan.report.bytes_new
