"""What was measured: one JSON line per measurement, written as it comes, so that none is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = dict[str, Any]
TIMEOUT_S = 600


@dataclass(frozen=True)
class Records:
    """The measurements of one kind, in the order in which they were made."""

    path: Path

    def begin(self) -> None:
        """Forget an earlier run."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("")

    def add(self, record: Record) -> None:
        """Write it down at once."""
        with self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")

    def all(self) -> list[Record]:
        """Everything that was written down."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]


def run(python: str | Path, module: str, *arguments: str | Path) -> Record:
    """What a module measured in a process of its own; a word for it in "failed" if it did not."""
    command = [str(part) for part in (python, "-m", module, *arguments)]
    try:
        finished = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
    except FileNotFoundError:
        return {"failed": "not installed"}
    except subprocess.TimeoutExpired:
        return {"failed": f"took more than {TIMEOUT_S} s"}
    if finished.returncode:
        return {"failed": _word_for(finished.returncode, finished.stderr)}
    measured: Record = json.loads(finished.stdout.splitlines()[-1])
    return measured


def _word_for(code: int, stderr: str) -> str:
    """The class of the error, never its message, which may quote data."""
    if code < 0:
        return f"killed by signal {-code}"
    last = (stderr.strip().splitlines() or [""])[-1]
    name = last.split(":")[0].split(".")[-1]
    if name == "ModuleNotFoundError":
        return "not installed"
    return (
        f"fails: {name}"
        if name.isidentifier() and name[0].isupper()
        else f"fails with exit code {code}"
    )


def say(line: str) -> None:
    """To the person who waits."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
