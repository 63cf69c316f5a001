"""What the benchmark of the page engine says of what it measured, and of what it could not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.benchmarks.parquet.goals import goals_of
from tests.benchmarks.parquet.methods import LOOP, OURS, RIVAL
from tests.benchmarks.parquet.records import Record, Records, run
from tests.benchmarks.parquet.tables import section, write_readme

FILE = "pyarrow, 1 row group"


def _record(method: str, cpu_s: float, people: int = 1) -> Record:
    return {
        "method": method,
        "people": people,
        "file": FILE,
        "size": 1_000_000,
        "rows_before": 1_000,
        "rows": 3,
        "bytes": 997_000,
        "cpu_s": cpu_s,
        "process_cpu_s": cpu_s + 0.3,
        "wall_s": cpu_s,
        "peak_mb": 100.0,
    }


def _words(*files: Record) -> dict[str, str]:
    goals = goals_of({"files": list(files), "large": [], "s3": []})
    return {goal.text: goal.word for goal in goals}


def test_a_goal_is_met_missed_or_not_measured() -> None:
    goal = "one person, 1 row group: CPU ≤ 1/10 of pyarrow's"

    assert _words(_record(OURS, 0.5), _record(RIVAL, 5.0))[goal] == "met"
    assert _words(_record(OURS, 0.6), _record(RIVAL, 5.0))[goal] == "**missed**"
    assert _words(_record(OURS, 0.5))[goal] == "?"
    assert set(_words().values()) == {"?"}


def test_the_worst_file_decides() -> None:
    elsewhere = {"file": "Spark, 1 row group"}
    files = [_record(OURS, 0.1), _record(RIVAL, 9.0)]
    files += [_record(OURS, 1.0) | elsewhere, _record(RIVAL, 5.0) | elsewhere]

    goals = goals_of({"files": files, "large": [], "s3": []})

    assert goals[0].measured == "1/5.0 (Spark, 1 row group; 1)"
    assert goals[0].met is False


def test_a_result_that_grew_misses_its_goal() -> None:
    grown = _record(OURS, 0.1) | {"bytes": 1_010_000}
    goal = "result within 1 % of the file's size per row, up to 10,000 people"

    assert _words(_record(OURS, 0.1))[goal] == "met"
    assert _words(grown)[goal] == "**missed**"


def test_a_result_is_held_against_what_its_writer_makes_of_the_same_rows() -> None:
    ours = _record(OURS, 0.1, 100_000)
    loop = _record(LOOP, 5.0, 100_000) | {"bytes": 990_000}
    del loop["rows"]
    goal = "result ≤ 1 % over that of pyarrow's loop over row groups, 100,000 people"

    goals = goals_of({"files": [ours, loop], "large": [], "s3": []})

    (told,) = [one.measured for one in goals if one.text == goal]
    assert told == (
        "+0.7% (pyarrow, 1 row group; 100,000); the loop itself grows by -0.7% to -0.7%"
    )
    assert _words(ours, loop)[goal] == "met"
    assert _words(ours | {"bytes": 1_000_000}, loop)[goal] == "**missed**"


def _on_s3(**other: int) -> Record:
    read = {"read": 900, "read_again": 100, "read_twice": 0, "read_to_prove": 0}
    sizes = {"size": 10_000, "uploaded": 900, "copied": 9_100, "must_read": 600, "forced": 400}
    costs = {"cpu_s": 1.0, "peak_mb": 9.0, "calls_to_plan": 3, "calls": 5}
    return {**read, **sizes, **costs, **other}


def test_what_s3_forces_to_be_read_is_told_apart_and_excuses_no_more() -> None:
    strict = "the same: read ≤ footer + id column + touched pages and dictionaries"
    filled = "the same + old bytes that fill parts of 5 MiB, + 2% for page headers"
    once = "the same: no byte read twice between plan, proof and commit"

    def words(**other: int) -> list[str]:
        told = goals_of({"files": [], "large": [], "s3": [_on_s3(**other)]})
        by_text = {goal.text: goal.word for goal in told}
        return [by_text[text] for text in (strict, filled, once)]

    assert words() == ["**missed**", "met", "met"]
    assert words(read=500) == ["met", "met", "met"]
    assert words(read=930) == ["**missed**", "**missed**", "met"]
    assert words(read_twice=100) == ["**missed**", "met", "**missed**"]
    assert words(read_to_prove=100) == ["**missed**", "met", "**missed**"]


def test_an_object_on_s3_has_a_column_for_each_kind_of_reading() -> None:
    lines = section({"files": [], "large": [], "s3": [_on_s3()]})
    failed = section({"files": [], "large": [], "s3": [{"size": 1, "failed": "killed"}]})

    assert len({line.count("|") for line in [*lines[-3:], failed[-1]]}) == 1


def test_a_method_that_fails_is_named_in_its_line_and_the_others_stay(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# B\n<!-- parquet: begin -->\nof last year\n<!-- parquet: end -->\nmore\n")
    records = {name: Records(tmp_path / name) for name in ("files", "large", "s3")}
    for record in (_record(OURS, 0.5), _record("DuckDB", 1.0) | {"failed": "not installed"}):
        records["files"].add(record)
    records["large"].add({"groups": 1, "size": 1, "failed": "killed by signal 9"})

    write_readme(readme, records)

    text = readme.read_text()
    assert "| inside pages (ours) | 1 | 0.50 |" in text
    assert "| DuckDB | 1 | not installed |" in text
    assert "| 1 | killed by signal 9 |" in text
    assert "of last year" not in text
    assert text.endswith("<!-- parquet: end -->\nmore\n")


def test_measurements_are_on_disk_as_they_come(tmp_path: Path) -> None:
    records = Records(tmp_path / "records.jsonl")

    records.begin()
    records.add({"cpu_s": 1})

    assert Records(tmp_path / "records.jsonl").all() == [{"cpu_s": 1}]


@pytest.mark.parametrize(
    ("python", "module", "word"),
    [
        ("/nowhere/python", "json.tool", "not installed"),
        (sys.executable, "no_such_module_of_ours", "fails with exit code 1"),
        (sys.executable, "json.tool", "fails with exit code 2"),
    ],
)
def test_what_does_not_run_is_a_word(python: str, module: str, word: str) -> None:
    assert run(python, module, "--no-such-option") == {"failed": word}
