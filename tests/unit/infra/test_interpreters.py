"""Which Pythons of the machine are taken: those that start, and are what they are called."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from infra.interpreters import interpreter

ABSENT = "3.99"


def program(file: Path, says: str, code: int = 0) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\necho {says}\nexit {code}\n")
    file.chmod(0o755)
    return str(file)


@pytest.fixture(autouse=True)
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))


def test_the_one_that_runs_this_is_known() -> None:
    assert interpreter(f"{sys.version_info.major}.{sys.version_info.minor}") == sys.executable


def test_one_that_the_machine_lacks_is_not_found() -> None:
    assert interpreter(ABSENT) is None


def test_one_on_the_path_is_found(tmp_path: Path) -> None:
    python = program(tmp_path / "bin" / f"python{ABSENT}", ABSENT)

    assert interpreter(ABSENT) == python


def test_behind_a_shim_that_refuses_the_installed_one_is_found(tmp_path: Path) -> None:
    program(tmp_path / "bin" / f"python{ABSENT}", "not active", code=127)
    folder = tmp_path / "pyenv" / "versions" / f"{ABSENT}.1" / "bin"
    installed = program(folder / f"python{ABSENT}", ABSENT)

    assert interpreter(ABSENT) == installed
