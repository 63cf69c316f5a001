"""`erasure-parquet` on a file of each of five writers, as a person without AWS would use it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile
from typing import Any

import duckdb
import fastparquet
import polars
import pyarrow.parquet as pq
import pytest

from tests.contract.parquet.people import ID, people, some_people
from tests.contract.parquet.readers import assert_all_agree
from tests.contract.parquet.spark.kinds import FOLDER

COMMAND = Path(sys.executable).with_name("erasure-parquet")
DONE, FOUND, WRONG_CALL, REFUSED = 0, 1, 2, 3


def _by_spark(path: Path) -> None:
    copyfile(FOLDER / "default.parquet", path)


def _by_pyarrow(path: Path) -> None:
    pq.write_table(people(), path, compression="gzip", row_group_size=2_000)


def _by_duckdb(path: Path) -> None:
    table = people()
    with duckdb.connect() as connection:
        connection.register("people", table)
        connection.execute(f"copy people to '{path}' (format parquet, codec 'zstd')")


def _by_polars(path: Path) -> None:
    polars.DataFrame(people()).write_parquet(path, row_group_size=2_000)


def _by_fastparquet(path: Path) -> None:
    fastparquet.write(str(path), people(nested=False).to_pandas(), row_group_offsets=2_000)


WRITERS: dict[str, Callable[[Path], None]] = {
    "spark": _by_spark,
    "pyarrow": _by_pyarrow,
    "duckdb": _by_duckdb,
    "polars": _by_polars,
    "fastparquet": _by_fastparquet,
}


def _call(*arguments: str | Path, stdin: str = "") -> tuple[int, dict[str, Any], str]:
    """The exit code, what it reports, and all it printed."""
    command = [COMMAND, *arguments, "--column", ID, "--ids", "-", "--output", "json"]
    called = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    return called.returncode, json.loads(called.stdout), called.stdout + called.stderr


@pytest.mark.parametrize("writer", WRITERS)
def test_erase_and_scan_say_by_their_exit_codes_that_nobody_is_left(
    writer: str, tmp_path: Path
) -> None:
    before, after = tmp_path / "before.parquet", tmp_path / "after.parquet"
    WRITERS[writer](before)
    who = some_people(pq.read_table(before), 7)
    ids = "\n".join(who)

    found, searched, _ = _call("scan", before, stdin=ids)
    erased, report, said = _call("erase", before, "--out", after, stdin=ids)
    proven, _, _ = _call("verify", before, "--out", after, stdin=ids)
    clean, left, _ = _call("scan", after, stdin=ids)
    again, second, _ = _call("plan", after, stdin=ids)

    assert (found, erased, proven, clean, again) == (FOUND, DONE, DONE, DONE, DONE)
    assert not searched["clean"]
    assert left["clean"]
    assert report["verified"]
    assert 7 <= report["rows_erased"] < report["rows_before"]
    assert {group["unit"] for group in report["groups"]} <= {"page", "none"}
    assert not second["changes"]
    assert not any(one in said for one in who)
    assert_all_agree(before, after, who)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "EMPTY_OBJECT"),
        (b"id,name\n1,ann\n", "NOT_PARQUET"),
        (b"PAR1...", "TRUNCATED_PARQUET"),
    ],
    ids=["empty", "CSV", "cut short"],
)
def test_what_is_no_parquet_is_refused_by_name_and_not_written(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.write_bytes(content)

    code, report, said = _call("erase", before, "--out", after, stdin="somebody")

    assert (code, report["refused"]) == (REFUSED, reason)
    assert not after.exists()
    assert "Traceback" not in said


def test_a_file_that_is_not_there_is_a_wrong_call(tmp_path: Path) -> None:
    code, _, said = _call("erase", tmp_path / "none", "--out", tmp_path / "out", stdin="somebody")

    assert code == WRONG_CALL
    assert "Traceback" not in said
