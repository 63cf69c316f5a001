"""erasure-parquet, as a person calls it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from erasure_purge.parquet.cli import DONE, FOUND, REFUSED, WRONG_CALL, main
from erasure_purge.parquet.progress import ProgressBar
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


def test_ids_come_from_stdin(people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{IDS[1]}\n"))

    assert _run("erase", people, "--column", ID, "--ids", "-", "--out", people) == DONE
    assert pq.read_table(people).num_rows == 299


def test_a_refusal_has_its_own_exit_code(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = _run("plan", people, "--column", "nobody", "--ids", people.parent / "ids")

    assert code == REFUSED
    assert "ID_COLUMN_MISSING" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_a_wrong_call(people: Path) -> None:
    missing = people.parent / "missing.parquet"

    assert _run("plan", missing, "--column", ID, "--ids", people.parent / "ids") == WRONG_CALL


def test_the_bar_is_for_large_files_on_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    bar = ProgressBar("planning", 1 << 30, out)

    for position in range(0, (1 << 30) + 1, 1 << 22):
        bar.show(position)

    assert bar.is_wanted
    assert out.getvalue().count("\r") == 41
    assert not ProgressBar("planning", 1 << 30, io.StringIO()).is_wanted
    assert not ProgressBar("planning", 1 << 20, Terminal()).is_wanted
