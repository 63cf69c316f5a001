"""Which AWS operations the functions called while the end-to-end tests ran.

Each end-to-end run adds to `.local/function-calls.json`, as long as the code is the same; the
committed `function_calls.json` is such a file of a whole run (`python -m
tests.architecture.function_calls` writes it anew), so that `make check` can compare without a run.
"""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from infra.local.emulator import function_calls
from tests.architecture.templates import ROOT

COMMITTED = Path(__file__).with_name("function_calls.json")
LAST_RUN = ROOT / ".local" / "function-calls.json"

Call = dict[str, Any]


def committed_calls() -> list[Call]:
    """Of the committed run."""
    return _read(COMMITTED)


def recorded_calls() -> list[Call]:
    """Of the committed run, and of those on this machine with the code as it is."""
    return _distinct([*_read(COMMITTED), *_last_run()])


def keep_function_calls(state_dir: Path) -> None:
    """Add what a local cloud recorded to what is known on this machine."""
    LAST_RUN.parent.mkdir(exist_ok=True)
    with LAST_RUN.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers of one run come to their end
        _write(LAST_RUN, [*_last_run(), *calls_in(state_dir)])


def calls_in(state_dir: Path) -> list[Call]:
    """What a local cloud recorded so far."""
    lines = [
        line
        for file in sorted(function_calls(state_dir).glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    return _distinct(json.loads(line) for line in lines)


def _last_run() -> list[Call]:
    """Nothing if the code has changed since: it may call something else now."""
    sources = [*ROOT.glob("shared/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py")]
    changed_at = max(file.stat().st_mtime for file in sources)
    is_of_this_code = LAST_RUN.exists() and LAST_RUN.stat().st_mtime > changed_at
    return _read(LAST_RUN) if is_of_this_code else []


def _read(file: Path) -> list[Call]:
    return list(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else []


def _distinct(calls: Iterable[Call]) -> list[Call]:
    texts = {json.dumps(_lasting(call), sort_keys=True) for call in calls if call["function"]}
    return [json.loads(text) for text in sorted(texts)]


def _lasting(call: Call) -> Call:
    """The call without what is another one in every run: a port, the end of a secret's ARN."""
    lasting = dict(call)
    if "QueueUrl" in call:
        lasting["QueueUrl"] = call["QueueUrl"].rsplit("/", 1)[-1]
    if "SecretId" in call:
        lasting["SecretId"] = re.sub(r"-[0-9A-Za-z]{6}$", "-000000", call["SecretId"])
    return lasting


def _write(file: Path, calls: Iterable[Call]) -> None:
    file.parent.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(call, sort_keys=True) for call in _distinct(calls))
    file.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    calls = _last_run()
    if not calls:
        raise SystemExit("run tests/end_to_end first: there is no recording of the code as it is")
    _write(COMMITTED, calls)
