"""Files of parquet-mr, by Spark (spark/): erased from in place, and still Spark's files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from erasure_purge.parquet import LocalFile, Unit, plan_erasure, planned_bytes
from erasure_purge.parquet.cli import DONE, FOUND, main
from tests.contract.parquet.people import erase, some_people
from tests.contract.parquet.readers import assert_all_agree
from tests.contract.parquet.spark.kinds import FOLDER, ID, ID_COLUMNS, KINDS

ROOT = Path(__file__).parents[3]
SPARK_METADATA = b"org.apache.spark.sql.parquet.row.metadata"
NOT_READ_BY = {"lz4_hadoop": {"fastparquet"}, "v2_delta": {"polars", "fastparquet"}}


def _file(kind: str) -> Path:
    return FOLDER / f"{kind}.parquet"


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_files_are_what_their_names_say() -> None:
    files = {kind: pq.ParquetFile(_file(kind)) for kind in KINDS}
    first = {kind: file.metadata.row_group(0).column(0) for kind, file in files.items()}
    balance = {kind: file.schema.column(6).physical_type for kind, file in files.items()}
    updated = {kind: file.schema.column(8).physical_type for kind, file in files.items()}

    assert {file.metadata.num_rows for file in files.values()} == {240}
    assert all(file.metadata.created_by.startswith("parquet-mr") for file in files.values())
    assert (first["default"].compression, first["zstd_plain"].compression) == ("SNAPPY", "ZSTD")
    assert "PLAIN_DICTIONARY" in first["default"].encodings
    assert "PLAIN_DICTIONARY" not in first["zstd_plain"].encodings
    assert "RLE_DICTIONARY" in first["v2"].encodings
    assert "DELTA_BYTE_ARRAY" in first["v2_delta"].encodings
    assert (balance["default"], balance["legacy"]) == ("INT32", "FIXED_LEN_BYTE_ARRAY")
    assert (updated["default"], updated["int96"]) == ("INT64", "INT96")
    assert files["bloom"].metadata.num_row_groups > 2
    assert sum(path.stat().st_size for path in FOLDER.glob("*.parquet")) < 300_000


@pytest.mark.parametrize("column", ID_COLUMNS)
def test_people_leave_a_spark_file_by_whichever_column_names_them(
    kind: str, column: str, tmp_path: Path
) -> None:
    before, after = _file(kind), tmp_path / "after.parquet"
    who = some_people(pq.read_table(before), 5)

    plan = erase(before, after, _named(before, who, column), column)

    assert plan.rows_erased == len(_rows_of(before, who)) > 5
    assert {group.unit for group in plan.report.groups} == {Unit.PAGE}
    assert plan.report.indexes_dropped == 0
    assert_all_agree(before, after, who, but=NOT_READ_BY.get(kind, ()))


def _rows_of(path: Path, who: list[str]) -> pa.Table:
    table = pq.read_table(path)
    return table.filter(pc.is_in(table[ID], pa.array(who)))


def _named(path: Path, who: list[str], column: str) -> list[str]:
    """The same people as another column names them."""
    rows = _rows_of(path, who)
    return who if column != "account" else [str(n) for n in rows["account"].unique().to_pylist()]


def test_a_spark_file_stays_spark_s(kind: str, tmp_path: Path) -> None:
    before, after = _file(kind), tmp_path / "after.parquet"

    erase(before, after, some_people(pq.read_table(before), 3))

    old, new = pq.ParquetFile(before), pq.ParquetFile(after)
    assert new.metadata.metadata == old.metadata.metadata
    assert SPARK_METADATA in new.metadata.metadata
    assert new.metadata.created_by == old.metadata.created_by
    assert new.metadata.format_version == old.metadata.format_version
    assert new.schema.equals(old.schema)
    for group in range(new.num_row_groups):
        assert _made(new, group) == _made(old, group)


def _made(file: pq.ParquetFile, group: int) -> list[object]:
    """How a row group was written."""
    columns = [file.metadata.row_group(group).column(n) for n in range(file.metadata.num_columns)]
    return [
        (
            column.compression,
            sorted(column.encodings),
            column.has_dictionary_page,
            column.has_column_index,
            column.has_offset_index,
            column.is_stats_set,
        )
        for column in columns
    ]


def test_who_stays_is_still_found_by_those_who_skip(kind: str, tmp_path: Path) -> None:
    """By bloom filter, statistics or page index, whatever a reader skips with."""
    before, after = _file(kind), tmp_path / "after.parquet"
    everybody = Counter(pq.read_table(before)[ID].to_pylist())
    gone = min(everybody, key=lambda one: (everybody[one], one))  # in a single row group
    erase(before, after, [gone])

    assert everybody.pop(gone) == 1
    for one in [gone, *sorted(everybody)[::4]]:
        with LocalFile(after) as source:
            assert plan_erasure(source, ID, [one]).rows_erased == everybody[one]
        assert _count_by_duckdb(after, one) == everybody[one]


def _count_by_duckdb(path: Path, one: str) -> int:
    with duckdb.connect() as connection:
        query = f"select count(*) from read_parquet(?) where {ID} = ?"
        (counted,) = connection.execute(query, [str(path), one]).fetchall()
    return int(counted[0])


def test_nobody_leaves_and_nothing_changes(kind: str) -> None:
    with LocalFile(_file(kind)) as source:
        plan = plan_erasure(source, ID, ["0e5ab3f2-5a5b-4a9a-8a8a-000000000000"])
        after = b"".join(planned_bytes(plan, source))

    assert not plan.changes
    assert after == _file(kind).read_bytes()


def test_one_after_the_other_is_the_same_as_both_at_once(kind: str, tmp_path: Path) -> None:
    first, then, both = (tmp_path / name for name in ("first", "then", "both"))
    ann, bob = some_people(pq.read_table(_file(kind)), 2)

    erase(_file(kind), first, [ann])
    erase(first, then, [bob])
    erase(_file(kind), both, [ann, bob])

    assert pq.read_table(then).equals(pq.read_table(both))


def test_a_bloom_filter_spares_reading_the_ids_also_after_an_erasure(tmp_path: Path) -> None:
    before, after = _file("bloom"), tmp_path / "after.parquet"
    spares = "the bloom filter excludes every id"
    counts = Counter(pq.read_table(before)[ID].to_pylist())
    erase(before, after, [min(counts, key=lambda one: (counts[one], one))])

    assert set(_reasons(before)) == {spares}
    assert _reasons(after).count(spares) >= len(_reasons(before)) - 1


def _reasons(path: Path) -> list[str]:
    """Why nobody is found of whom the file never held anything."""
    with LocalFile(path) as source:
        plan = plan_erasure(source, ID, ["3e5ab3f2-5a5b-4a9a-8a8a-000000000000"])
    return [group.reason for group in plan.report.groups]


def test_the_command_line_says_so_by_its_exit_codes(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after, ids = str(_file(kind)), str(tmp_path / "after"), tmp_path / "ids"
    who = some_people(pq.read_table(before), 4)
    ids.write_text("\n".join(who))
    whom = ["--column", ID, "--ids", str(ids), "--output", "json"]

    codes = [
        main(["scan", before, *whom]),
        main(["erase", before, *whom, "--out", after, "--verify", "thorough"]),
        main(["verify", before, *whom, "--out", after]),
        main(["scan", after, *whom]),
    ]

    assert codes == [FOUND, DONE, DONE, DONE]
    said = capsys.readouterr().out
    assert json.loads(said.splitlines()[1])["verified"] is True
    assert not any(one in said for one in who)


# Spark itself -----------------------------------------------------------------------------------


def _python_with_spark() -> str:
    """This interpreter, or that of the benchmark, wherever pyspark is."""
    if shutil.which("java") is None:
        pytest.skip("Java is not here, which Spark runs on")
    if find_spec("pyspark") is not None:
        return sys.executable
    of_benchmark = ROOT / ".local" / "bench-parquet-env" / "bin" / "python"
    if not of_benchmark.exists():
        pytest.skip("pyspark is not here; `make bench-parquet` installs it")
    return str(of_benchmark)


def _spark(*arguments: str | Path) -> str:
    command = [_python_with_spark(), "-m", "tests.contract.parquet.spark", *map(str, arguments)]
    finished = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    return finished.stdout


def test_spark_reads_what_it_wrote_without_those_who_left(tmp_path: Path) -> None:
    _spark("write", tmp_path)
    files = [tmp_path / f"{kind}.parquet" for kind in KINDS]
    who = some_people(pq.read_table(files[0]), 5)
    left = [path.with_suffix(".left.parquet") for path in files]
    for before, after in zip(files, left, strict=True):
        erase(before, after, who)

    said = [json.loads(line) for line in _spark("read", *files, *left).splitlines()]

    for rows, remaining in zip(said[: len(files)], said[len(files) :], strict=True):
        assert remaining == [row for row in rows if row[0] not in who]
        assert 0 < len(remaining) < len(rows)
