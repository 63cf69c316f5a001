"""erasure-parquet, as a person calls it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from erasure_purge.parquet import InMemory
from erasure_purge.parquet.cli import DONE, FOUND, REFUSED, WRONG_CALL, main, read_ids
from erasure_purge.parquet.progress import ProgressBar, WatchedSource
from tests.unit.parquet.people import ID, file_of

IDS = [f"person-{n:04}" for n in range(300)]


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.parquet"
    path.write_bytes(file_of(IDS, compression="gzip").data)
    (tmp_path / "ids").write_text(f"{IDS[0]}\n{IDS[7]}\n")
    return path


def _run(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


def test_plan_writes_nothing(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = people.read_bytes()

    code = _run("plan", people, "--column", ID, "--ids", people.parent / "ids", "--output", "json")

    report = json.loads(capsys.readouterr().out)
    assert code == DONE
    assert (report["rows_erased"], report["changes"]) == (2, True)
    assert report["groups"][0]["unit"] == "page"
    assert people.read_bytes() == before


def test_erase_then_verify_then_scan_say_so_by_their_exit_codes(
    people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids, out = people.parent / "ids", people.parent / "out.parquet"
    whom = ("--column", ID, "--ids", ids)

    assert _run("scan", people, *whom) == FOUND
    assert _run("erase", people, *whom, "--out", out, "--verify", "thorough") == DONE
    assert _run("verify", people, *whom, "--out", out) == DONE
    assert _run("verify", people, *whom, "--out", people) == FOUND
    assert _run("scan", out, *whom) == DONE
    assert pq.read_table(out).num_rows == 298
    assert IDS[0] not in capsys.readouterr().out


def test_erasing_nobody_from_a_file_in_place_does_not_write_it_again(people: Path) -> None:
    (people.parent / "ids").write_text("stranger\n")
    before = people.stat()

    code = _run("erase", people, "--column", ID, "--ids", people.parent / "ids", "--out", people)

    assert code == DONE
    assert people.stat().st_mtime_ns == before.st_mtime_ns
    assert people.stat().st_ino == before.st_ino


def test_erasing_nobody_into_another_file_copies_it(people: Path) -> None:
    out = people.parent / "out.parquet"
    (people.parent / "ids").write_text("stranger\n")

    assert _run("erase", people, "--column", ID, "--ids", people.parent / "ids", "--out", out) == (
        DONE
    )
    assert out.read_bytes() == people.read_bytes()


def test_ids_come_from_stdin(people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{IDS[1]}\n"))

    assert _run("erase", people, "--column", ID, "--ids", "-", "--out", people) == DONE
    assert pq.read_table(people).num_rows == 299


def test_a_byte_order_mark_is_no_part_of_the_first_id(
    people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = people.parent / "marked"
    ids.write_text(f"{IDS[0]}\n", "utf-8-sig")

    _run("plan", people, "--column", ID, "--ids", ids, "--output", "json")

    assert json.loads(capsys.readouterr().out)["rows_erased"] == 1


def test_a_refusal_has_its_own_exit_code(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = _run("plan", people, "--column", "nobody", "--ids", people.parent / "ids")

    assert code == REFUSED
    assert "ID_COLUMN_MISSING" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_a_wrong_call(people: Path) -> None:
    missing = people.parent / "missing.parquet"

    assert _run("plan", missing, "--column", ID, "--ids", people.parent / "ids") == WRONG_CALL


def test_a_wrong_call_says_how_it_is_called(people: Path) -> None:
    for arguments in (("plan", people), ("erase", people, "--column", ID, "--ids", "-"), ()):
        with pytest.raises(SystemExit) as stop:
            _run(*arguments)
        assert stop.value.code == WRONG_CALL


@pytest.fixture
def tenants(tmp_path: Path) -> Path:
    path = tmp_path / "tenants.parquet"
    table = pa.table({"tenant": ["a", "b"] * 50, "profile": [n // 2 for n in range(100)]})
    pq.write_table(table, path)
    return path


def test_ids_of_several_columns_are_a_json_array_per_line(
    tenants: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids, out = tenants.parent / "ids", tenants.parent / "out.parquet"
    ids.write_text('["a", "7"]\r\n\n["b", 8]\n["nobody", "1"]\n')
    whom = ("--column", "tenant", "--column", "profile", "--ids", ids, "--output", "json")

    assert _run("scan", tenants, *whom) == FOUND
    assert _run("erase", tenants, *whom, "--out", out, "--verify", "thorough") == DONE
    assert _run("verify", tenants, *whom, "--out", out) == DONE
    assert _run("scan", out, *whom) == DONE

    reports = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert reports[1]["rows_erased"] == 2
    left = pq.read_table(out).to_pylist()
    assert len(left) == 98
    assert {"tenant": "a", "profile": 7} not in left
    assert {"tenant": "b", "profile": 7} in left


@pytest.mark.parametrize(
    "line",
    [
        "ann-and-bob",
        "{}",
        '["ann-and-bob"]',
        '["a", "b", "c"]',
        '["a", null]',
        '["a", true]',
        '["a", 1.5]',
        '["a", ["b"]]',
        "[" * 100_000,
    ],
    ids=lambda line: line[:12],
)
def test_a_line_that_is_no_such_array_is_named_and_not_quoted(
    tenants: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    ids = tenants.parent / "ids"
    ids.write_text(f'["a", "1"]\n{line}\n')

    code = _run("plan", tenants, "--column", "tenant", "--column", "profile", "--ids", ids)

    printed = capsys.readouterr().out
    assert code == WRONG_CALL
    assert "line 2 of the ids is no JSON array of 2 texts or integers" in printed
    assert "ann-and-bob" not in printed


def test_one_column_given_twice_is_a_wrong_call(tenants: Path) -> None:
    ids = tenants.parent / "ids"
    ids.write_text('["a", "a"]\n')

    assert _run("plan", tenants, "--column", "tenant", "--column", "tenant", "--ids", ids) == (
        WRONG_CALL
    )


def test_ids_that_are_no_text_are_a_wrong_call(people: Path) -> None:
    (people.parent / "ids").write_bytes(b"\xff\xfe\x00")

    assert _run("plan", people, "--column", ID, "--ids", people.parent / "ids") == WRONG_CALL


def test_only_a_line_feed_ends_an_id() -> None:
    assert read_ids("a\u2028b\r\n\n c \nd", 1) == ["a\u2028b", " c ", "d"]


def test_a_text_report_names_units_and_counts(
    people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("plan", people, "--column", ID, "--ids", people.parent / "ids") == DONE

    printed = capsys.readouterr().out
    for line in (
        "rows erased: 2",
        "row groups touched: 1",
        "unit page",
        "pages cut 2",
        "bytes copied: ",
        "reason 2 rows",
    ):
        assert line in printed


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_follows_the_place_that_is_read_and_not_the_footer() -> None:
    out = _Terminal()
    source = WatchedSource(InMemory(b"x" * 1_000), ProgressBar("scanning", 1_000, out))

    source.read(900, 100)
    assert out.getvalue() == ""
    source.read(0, 500)
    assert out.getvalue() == f"\rscanning [{'#' * 20}{'.' * 20}]"
    source.read(0, 100)
    assert out.getvalue().count("\r") == 1


def test_the_bar_is_for_large_files_on_a_terminal() -> None:
    out = _Terminal()
    bar = ProgressBar("planning", 1 << 30, out)

    for position in range(0, (1 << 30) + 1, 1 << 22):
        bar.show(position)

    assert bar.is_wanted
    assert out.getvalue().count("\r") == 41
    assert not ProgressBar("planning", 1 << 30, io.StringIO()).is_wanted
    assert not ProgressBar("planning", 1 << 20, _Terminal()).is_wanted
