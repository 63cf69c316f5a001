"""erasure-parquet: erase people from Parquet files on this machine, and prove it.

Exit codes: 0 done (scan: nothing found; verify: proven) · 1 found or not proven · 2 wrong call ·
3 refused, by name.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import TextIO

from . import (
    ErasurePlan,
    LocalFile,
    Source,
    Unit,
    UnsupportedParquet,
    Verification,
    apply_plan,
    plan_erasure,
    scan,
    verify,
)
from .ids import IdColumns, IdKey, check_ids
from .progress import ProgressBar, WatchedSource

_BYTE_ORDER_MARK = "\ufeff"  # what some editors write before the first line
DONE, FOUND, WRONG_CALL, REFUSED = 0, 1, 2, 3
Report = dict[str, object]
Ids = Sequence[IdKey]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = _parser().parse_args(arguments)
    try:
        ids = read_ids(_text_of(options.ids), len(options.column))
        check_ids(_columns(options), ids)
        run: Callable[[argparse.Namespace, Ids], tuple[int, Report]] = options.run
        code, report = run(options, ids)
    except ValueError as error:
        code, report = WRONG_CALL, {"error": str(error)}
    except UnsupportedParquet as refusal:
        code, report = REFUSED, {"refused": refusal.reason, "because": str(refusal)}
    except OSError as error:
        code, report = WRONG_CALL, {"error": f"{error.strerror}: {error.filename}"}
    _print(report, options.output, sys.stdout)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="erasure-parquet", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="plan|erase|verify|scan")
    for name, run, about in (
        ("plan", _plan, "say what erasing would touch, and write nothing"),
        ("erase", _erase, "write the file without these people, and check it"),
        ("verify", _verify, "prove that a file is another one without these people"),
        ("scan", _scan, "search every byte of a file for these people"),
    ):
        command = commands.add_parser(name, help=about, description=about)
        command.set_defaults(run=run)
        command.add_argument("file", type=Path)
        command.add_argument(
            "--column",
            required=True,
            action="append",
            help="the id column, dotted if nested; again for each column that an id consists of",
        )
        command.add_argument(
            "--ids",
            required=True,
            help="a file with an id per line (of several columns: a JSON array), - for stdin",
        )
        command.add_argument("--output", choices=("text", "json"), default="text")
        command.add_argument("--quiet", action="store_true", help="no progress bar")
        if name == "erase":
            command.add_argument("--out", type=Path, required=True, help="may be the file itself")
            command.add_argument("--verify", choices=("quick", "thorough"), default="quick")
        if name == "verify":
            command.add_argument("--out", type=Path, required=True, help="the file to prove")
    return parser


def _text_of(place: str) -> str:
    try:
        text = sys.stdin.read() if place == "-" else Path(place).read_text("utf-8")
        return text.removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError:
        raise ValueError("the ids are not UTF-8") from None


def read_ids(text: str, columns: int) -> Ids:
    """An id per line: the line itself, or of several columns a JSON array of texts and integers.

    Raises:
        ValueError: a line is no such array; the message names the line, not what is in it.
    """
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if columns == 1:
        return [line for line in lines if line]
    ids: list[IdKey] = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            ids.append(_composite_id(line, columns, number))
    return ids


def _composite_id(line: str, columns: int, number: int) -> tuple[str | int, ...]:
    wrong = f"line {number} of the ids is no JSON array of {columns} texts or integers"
    try:
        parts = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError(wrong) from None
    if not isinstance(parts, list) or len(parts) != columns:
        raise ValueError(wrong)
    if not all(isinstance(part, str | int) and not isinstance(part, bool) for part in parts):
        raise ValueError(wrong)
    return tuple(parts)


def _columns(options: argparse.Namespace) -> IdColumns:
    columns: list[str] = options.column
    return columns[0] if len(columns) == 1 else columns


def _watched(options: argparse.Namespace, source: LocalFile, what: str) -> Source:
    """The file behind a progress bar, where a person watches and it takes long enough."""
    bar = ProgressBar(what, source.size_bytes, sys.stderr)
    return source if options.quiet or not bar.is_wanted else WatchedSource(source, bar)


def _plan(options: argparse.Namespace, ids: Ids) -> tuple[int, Report]:
    with LocalFile(options.file) as source:
        plan = plan_erasure(_watched(options, source, "planning"), _columns(options), ids)
        return DONE, _plan_report(plan, source)


def _erase(options: argparse.Namespace, ids: Ids) -> tuple[int, Report]:
    """The new file takes its place only once it is proven; one without changes is not written."""
    thorough = options.verify == "thorough"
    proofs: list[Verification] = []
    with LocalFile(options.file) as source:
        plan = plan_erasure(_watched(options, source, "planning"), _columns(options), ids)

        def is_right(written: Path) -> bool:
            with LocalFile(written) as after:
                proof = verify(source, after, _columns(options), ids, plan=plan, thorough=thorough)
            proofs.append(proof)
            return proof.holds

        report = _plan_report(plan, source)
        if not plan.changes and options.out.exists() and options.out.samefile(options.file):
            is_right(options.out)
        else:
            apply_plan(plan, source, options.out, accept=is_right)
    (proof,) = proofs
    report["verified"] = proof.holds
    report["problems"] = proof.problems
    return DONE if proof.holds else FOUND, report


def _verify(options: argparse.Namespace, ids: Ids) -> tuple[int, Report]:
    with LocalFile(options.file) as before, LocalFile(options.out) as after:
        proof = verify(_watched(options, before, "verifying"), after, _columns(options), ids)
    return DONE if proof.holds else FOUND, dataclasses.asdict(proof)


def _scan(options: argparse.Namespace, ids: Ids) -> tuple[int, Report]:
    with LocalFile(options.file) as source:
        found = scan(_watched(options, source, "scanning"), _columns(options), ids)
    report: Report = {
        "clean": found.is_clean,
        "ids_found": dict(found.findings),
        "bloom_filter_maybes": found.bloom_maybe,
        "pages_searched": found.pages,
        "bytes_searched": found.bytes_searched,
    }
    return DONE if found.is_clean else FOUND, report


def _plan_report(plan: ErasurePlan, source: Source) -> Report:
    report: Report = {
        "changes": plan.changes,
        "empties": plan.empties,
        "rows_before": plan.rows_before,
        "rows_erased": plan.rows_erased,
        "bytes_before": source.size_bytes,
        "bytes_after": plan.size_bytes,
        "row_groups_touched": sum(group.unit is not Unit.NONE for group in plan.report.groups),
        "pages_cut": sum(group.pages_cut for group in plan.report.groups),
    }
    return report | dataclasses.asdict(plan.report)


def _print(report: Report, output: str, out: TextIO) -> None:
    if output == "json":
        out.write(json.dumps(report, default=_as_json) + "\n")
        return
    for name, value in report.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            out.write(f"{name.replace('_', ' ')}:\n")
            out.writelines(f"  {_line(entry)}\n" for entry in value)
        else:
            out.write(f"{name.replace('_', ' ')}: {_word(value)}\n")


def _line(entry: dict[str, object]) -> str:
    return " · ".join(f"{name.replace('_', ' ')} {_word(value)}" for name, value in entry.items())


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_word(one)}" for name, one in value.items()) or "nothing"
    if isinstance(value, list):
        return "; ".join(map(str, value)) or "none"
    return str(value)


def _as_json(value: object) -> object:
    return value.value if isinstance(value, Enum) else str(value)
