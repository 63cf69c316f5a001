"""Measure erasing people from Parquet files, ours beside what people do today.

    python -m tests.benchmarks.parquet [--rows 1000000] [--folder .local/bench-parquet]
        [--only files|large|s3|tables] [--quick]

Every number comes from a fresh process of this one run, and is written to FOLDER/*.jsonl as it
comes; the tables go between their markers in tests/benchmarks/README.md when all is done, or when
the run is cut short (`--only tables` writes them again). A method that is missing or fails is named
in its line, and the others go on. Needs 2 GB of disk.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

from .data import ROWS, make_files, rows_of
from .large import large_file
from .methods import LOOP, METHODS, OURS, PYTHON_OF, RIVAL
from .records import Record, Records, run, say
from .server import s3_server
from .tables import write_readme

COUNTS = (1, 100, 10_000, 100_000)
LARGE_GROUPS = (1, 2, 4, 8, 15)
S3_GROUPS = 8
SLOW_S = 5.0
SECTIONS = ("files", "large", "s3")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--folder", type=Path, default=Path(".local/bench-parquet"))
    parser.add_argument("--quick", action="store_true", help="only ours, pyarrow and cp")
    parser.add_argument("--only", choices=(*SECTIONS, "tables"))
    parser.add_argument("--readme", type=Path, default=Path(__file__).parents[1] / "README.md")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    records = {name: Records(options.folder / f"{name}.jsonl") for name in SECTIONS}
    sections = {"files": _measure_files, "large": _measure_large, "s3": _measure_s3}
    try:
        for name in SECTIONS if options.only is None else {options.only} & set(SECTIONS):
            sections[name](options, records[name])
    finally:
        write_readme(options.readme, records)


# Files ------------------------------------------------------------------------------------------


def _measure_files(options: argparse.Namespace, records: Records) -> None:
    """Every method on every file, for as many people as it tells something."""
    files = _files(options.folder, options.rows)
    records.begin()
    methods = [OURS, RIVAL, LOOP, "cp"] if options.quick else list(METHODS)
    with ExitStack() as stack:
        endpoint = stack.enter_context(s3_server())
        for file in files:
            for count in COUNTS:
                for name in methods:
                    if _tells_something(name, count):
                        record = _measure(name, file, count, endpoint)
                        records.add(record)
                        say(f"{file.stem} · {count} · {name}: {_short(record)}")


def _files(folder: Path, rows: int) -> list[Path]:
    ready = folder / "ready"
    if not ready.exists() or ready.read_text() != str(rows):
        say("making the files")
        made = make_files(folder, rows)
        run(sys.executable, f"{__package__}.data", folder, made[0])
        ready.write_text(str(rows))
    if not any(file.stem.startswith("Spark") for file in folder.glob("*.parquet")):
        say("Spark's files are missing: it needs pyspark and Java")
    return sorted(folder.glob("*.parquet"))


def _tells_something(name: str, count: int) -> bool:
    """The slow rivals are measured where it tells something."""
    if name in (OURS, RIVAL) or (name == LOOP and count == max(COUNTS)):
        return True
    return count == 1 or (count == 100 and name in ("Polars", "deltalake delete", "DuckDB"))


def _measure(name: str, file: Path, count: int, endpoint: str) -> Record:
    """The cheaper of two runs for quick methods, the one run of slow ones."""
    about = {
        "method": name,
        "people": count,
        "file": file.stem,
        "size": file.stat().st_size,
        "rows_before": rows_of(file),
    }
    best = _run_one(name, file, f"ids_{count}", endpoint)
    if best.get("cpu_s", SLOW_S) < SLOW_S:
        again = _run_one(name, file, f"ids_{count}", endpoint)
        best = min(best, again, key=lambda record: float(record.get("cpu_s", SLOW_S)))
    return about | best


def _run_one(name: str, file: Path, ids: str, endpoint: str) -> Record:
    out = file.parent / "out.tmp"
    python = PYTHON_OF.get(name, sys.executable)
    arguments = (name, file, file.parent / ids, out, endpoint)
    try:
        return run(python, f"{__package__}.one", *arguments)
    finally:
        out.unlink(missing_ok=True)


def _short(record: Record) -> str:
    return str(record.get("failed") or f"{record['cpu_s']:.2f} s CPU, {record['peak_mb']:.0f} MB")


# Large objects ----------------------------------------------------------------------------------


def _measure_large(options: argparse.Namespace, records: Records) -> None:
    """One person in one of ever more row groups: what is held in memory, and what is read."""
    records.begin()
    for groups in LARGE_GROUPS:
        path = large_file(options.folder, groups, options.rows)
        record = _run_one(OURS, path, "ids_large", "")
        records.add({"groups": groups, "size": path.stat().st_size} | record)
        say(f"{groups} row groups: {_short(record)}")
        path.unlink()


def _measure_s3(options: argparse.Namespace, records: Records) -> None:
    """One person in a large object on S3: what travels."""
    path = large_file(options.folder, S3_GROUPS, options.rows)
    records.begin()
    with s3_server() as endpoint:
        record = run(
            sys.executable, f"{__package__}.on_s3", path, path.parent / "ids_large", endpoint
        )
    records.add({"groups": S3_GROUPS, "size": path.stat().st_size} | record)
    say(f"on S3: {record}")
    path.unlink()


if __name__ == "__main__":
    main()
