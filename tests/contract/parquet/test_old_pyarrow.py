"""A file of pyarrow 10, which counted the values of nested columns' pages v2 as their rows."""

from __future__ import annotations

from pathlib import Path

import duckdb

from erasure_purge.parquet import LocalFile, Unit, plan_erasure
from tests.contract.parquet.people import ID, erase

FILE = Path(__file__).with_name("pyarrow_10") / "nested_v2.parquet"


def test_only_the_chunks_that_count_wrongly_are_written_anew(tmp_path: Path) -> None:
    after = tmp_path / "after.parquet"

    plan = erase(FILE, after, ["person-007", "person-093"])

    first, second = plan.report.groups
    assert first.unit is Unit.COLUMN_CHUNK
    assert first.chunks_reencoded == 3
    assert second.unit is Unit.NONE
    kept = [row for row in _duck(FILE) if row[0] not in ("person-007", "person-093")]
    assert _duck(after) == kept
    assert len(kept) == 198


def test_what_was_written_anew_is_cut_in_pages_the_next_time(tmp_path: Path) -> None:
    once, twice = tmp_path / "once.parquet", tmp_path / "twice.parquet"
    erase(FILE, once, ["person-007"])

    plan = erase(once, twice, ["person-008"])

    assert [group.unit for group in plan.report.groups] == [Unit.PAGE, Unit.NONE]


def test_erasing_nobody_asks_for_nothing_to_be_written_anew() -> None:
    with LocalFile(FILE) as source:
        assert not plan_erasure(source, ID, ["nobody"]).changes


def _duck(path: Path) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(f"select * from read_parquet('{path}')").fetchall()
