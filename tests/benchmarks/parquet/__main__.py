"""Measure erasing people from Parquet files, ours beside what people do today.

    python -m tests.benchmarks.parquet [--rows 1000000] [--folder .local/bench] [--quick | --large]

Every number comes from a fresh process of this one run. The table replaces the section between its
markers in tests/benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from .data import ROWS, make_files, make_large_file
from .methods import METHODS

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- parquet: begin -->", "<!-- parquet: end -->"
BEGIN_LARGE, END_LARGE = "<!-- parquet large: begin -->", "<!-- parquet large: end -->"
OURS = "inside pages (ours)"
RIVAL = "pyarrow filter + write, level 6"
_COLUMNS = (
    "| method | people | CPU s | whole process CPU s | wall s | peak MB | size of result"
    " | CPU against pyarrow 6 | pages cut |"
)
_LARGE_TEXT = (
    "One person in one of many row groups of a million rows each, no page index, no bloom filter."
    " Sent to S3: parts of at least 5 MiB; the rest is copied inside S3.\n"
)
_LARGE_COLUMNS = (
    "| row groups | MB | CPU s | wall s | peak MB | read MB | read | new MB"
    " | sent to S3 MB | sent |"
)
COUNTS = (1, 100, 10_000, 100_000)
Result = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--folder", type=Path, default=Path(".local/bench-parquet"))
    parser.add_argument("--quick", action="store_true", help="only ours, pyarrow and cp")
    parser.add_argument("--large", action="store_true", help="one to eight row groups of 65 MB")
    options = parser.parse_args()
    ready = options.folder / "ready"
    if not ready.exists() or ready.read_text() != str(options.rows):
        make_files(options.folder, options.rows)
        ready.write_text(str(options.rows))
    files = sorted(options.folder.glob("*.parquet"))
    if options.large:
        _replace_section(BEGIN_LARGE, END_LARGE, "\n".join(_measure_large(options.folder)))
        return
    methods = [OURS, RIVAL, "cp"] if options.quick else list(METHODS)
    lines = [_header(options.rows)]
    for file in files:
        lines += _measure_file(file, methods)
    _replace_section(BEGIN, END, "\n".join(lines))


def _measure_file(file: Path, methods: list[str]) -> list[str]:
    """The table of one file: a line per method, a column per number of people."""
    size_mb = file.stat().st_size / 1e6
    lines = [
        f"\n#### {file.stem} ({size_mb:.1f} MB)\n",
        _COLUMNS,
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for count in COUNTS:
        results = {name: _measure(name, file, count) for name in methods if _fits(name, count)}
        rival = results.get(RIVAL)
        for name, result in results.items():
            lines.append(_line(name, count, result, rival, file))
            print(lines[-1], flush=True)  # noqa: T201 - a person waits
    return lines


def _measure_large(folder: Path) -> list[str]:
    """One person in one of many row groups: what is read, sent to S3, and held in memory."""
    lines = [
        _LARGE_TEXT,
        _LARGE_COLUMNS,
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for groups in (1, 2, 4, 8):
        path = folder / "large.tmp"
        (folder / "ids_large").write_text(make_large_file(path, groups))
        result = _run(OURS, path, "large")
        size = path.stat().st_size
        path.unlink()
        if result is None:
            lines.append(f"| {groups} | does not run |")
            continue
        lines.append(
            f"| {groups} | {size / 1e6:.0f} | {result['cpu_s']:.2f} | {result['wall_s']:.2f}"
            f" | {result['peak_mb']:.0f} | {result['read'] / 1e6:.1f} | {result['read'] / size:.1%}"
            f" | {result['new'] / 1e6:.1f} | {result['uploaded'] / 1e6:.1f}"
            f" | {result['uploaded'] / size:.1%} |"
        )
        print(lines[-1], flush=True)  # noqa: T201 - a person waits
    return lines


def _fits(name: str, count: int) -> bool:
    """The slow rivals are measured where it tells something."""
    if name in (OURS, RIVAL):
        return True
    return count == 1 or (count == 100 and name in ("Polars", "deltalake delete", "DuckDB"))


def _measure(name: str, file: Path, count: int) -> Result | None:
    """The cheaper of two runs for quick methods, one run for slow ones; None if it fails."""
    runs = [_run(name, file, count)]
    if runs[0] is not None and runs[0]["cpu_s"] < 5:
        runs.append(_run(name, file, count))
    done = [run for run in runs if run is not None]
    return min(done, key=lambda run: run["cpu_s"]) if done else None


def _run(name: str, file: Path, count: int | str) -> Result | None:
    out = file.parent / "out.tmp"
    ids = file.parent / f"ids_{count}"
    command = [sys.executable, "-m", "tests.benchmarks.parquet.one", name, file, ids, out]
    finished = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False
    )
    out.unlink(missing_ok=True)
    if finished.returncode:
        return None
    result: Result = json.loads(finished.stdout.splitlines()[-1])
    return result


def _line(name: str, count: int, result: Result | None, rival: Result | None, file: Path) -> str:
    if result is None:
        return f"| {name} | {count:,} | does not run | | | | | | |"
    share = f"1/{rival['cpu_s'] / max(result['cpu_s'], 1e-3):.1f}" if rival else ""
    size = result["bytes"] / file.stat().st_size
    return (
        f"| {name} | {count:,} | {result['cpu_s']:.2f} | {result['process_cpu_s']:.2f}"
        f" | {result['wall_s']:.2f} | {result['peak_mb']:.0f} | {size:.1%} | {share}"
        f" | {result.get('pages', '')} |"
    )


def _header(rows: int) -> str:
    return (
        f"{rows:,} rows of 11 columns, GZIP. {os.cpu_count()} cores ({platform.machine()}),"
        f" Python {platform.python_version()}. CPU seconds are those of the work, imports apart;"
        " every line is a fresh process of one run of `make bench-parquet`."
    )


def _replace_section(begin: str, end: str, section: str) -> None:
    text = README.read_text("utf-8") if README.exists() else "# Benchmarks\n"
    if begin not in text:
        title = "## Erasing from Parquet" if begin == BEGIN else "### Large objects"
        text += f"\n{title}\n\n{begin}\n{end}\n"
    head, rest = text.split(begin, 1)
    _, tail = rest.split(end, 1)
    README.write_text(f"{head}{begin}\n{section}\n{end}{tail}", "utf-8")


if __name__ == "__main__":
    main()
