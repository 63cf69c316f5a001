"""The measurements as tables, and between their markers in a README."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path

from .goals import Goal, goals_of
from .methods import RIVAL
from .records import Record, Records

BEGIN, END = "<!-- parquet: begin -->", "<!-- parquet: end -->"
_FILES = (
    "| method | people | CPU s | whole process CPU s | wall s | peak MB | read MB | written MB"
    " | size of result | CPU against pyarrow 6 | pages cut |"
)
_LARGE = "| row groups | MB | CPU s | wall s | peak MB | read MB | of the file | new MB |"
_S3 = (
    "| MB | CPU s | peak MB | read to plan MB | read for parts MB | of both, twice MB"
    " | to prove MB | sent MB | sent | of it forced MB | copied in S3 | calls to plan | calls |"
)
_ABOUT_FILES = (
    "CPU seconds are those of the work, imports apart; every line is a fresh process of one run,"
    " the cheaper of two where it took less than 5 s. Read and written, ours: what the planner"
    " reads, and new bytes; the rest is copied inside the kernel. The others read and write whole"
    " files. awswrangler knows only S3, so its CPU holds the transfer to and from a server on this"
    " machine, whose own CPU is not counted."
)
_ABOUT_LARGE = (
    "One person of the first of several row groups of a million rows each; no page index, no bloom"
    " filter. Peak memory is that of the whole process; a process that has only imported the engine"
    " has a share of it."
)
_ABOUT_S3 = (
    "The same on S3 (MiniStack on this machine), 8 row groups: planned by ranged reads, committed"
    " by copies inside S3 and parts of at least 5 MiB. Old bytes fill such parts: forced are those"
    " that are neither of the id column nor of a touched page. What was read is kept on the disk:"
    " the proof (row counts, id columns of old and new) hardly reads anything."
)


def write_readme(path: Path, records: Mapping[str, Records]) -> None:
    """Put the tables of what was measured so far between the markers."""
    text = path.read_text("utf-8")
    head, rest = text.split(BEGIN, 1)
    _, tail = rest.split(END, 1)
    lines = "\n".join(section({name: one.all() for name, one in records.items()}))
    path.write_text(f"{head}{BEGIN}\n{lines}\n{END}{tail}", "utf-8")


def section(records: Mapping[str, list[Record]]) -> list[str]:
    """All tables."""
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    lines = [f"`make bench-parquet`, {machine}. Files of 11 columns, GZIP. {_ABOUT_FILES}"]
    lines += ["", "#### Goals", "", *_goals(goals_of(records))]
    by_file: dict[str, list[Record]] = {}
    for record in records["files"]:
        by_file.setdefault(record["file"], []).append(record)
    for file, its in by_file.items():
        megabytes = its[0]["size"] / 1e6
        lines += ["", f"#### {file} ({its[0]['rows_before']:,} rows, {megabytes:.1f} MB)", ""]
        lines += [_FILES, _rule(_FILES), *(_file_line(record, its) for record in its)]
    lines += ["", "#### Large objects", "", _ABOUT_LARGE, "", _LARGE, _rule(_LARGE)]
    lines += [_large_line(record) for record in records["large"]]
    lines += ["", "#### A large object on S3", "", _ABOUT_S3, "", _S3, _rule(_S3)]
    return lines + [_s3_line(record) for record in records["s3"]]


def _rule(header: str) -> str:
    return "|---" * (header.count("|") - 1) + "|"


def _goals(goals: list[Goal]) -> list[str]:
    header = "| goal | measured | met |"
    return [
        header,
        _rule(header),
        *(f"| {goal.text} | {goal.measured} | {goal.word} |" for goal in goals),
    ]


def _file_line(record: Record, its: list[Record]) -> str:
    name, people = record["method"], record["people"]
    if "failed" in record:
        return f"| {name} | {people:,} | {record['failed']} |" + " |" * 8
    if "s3_cpu_s" in record:
        name += f" ({record['s3_cpu_s']:.1f} s of it transfer)"
    rival = next(
        (r for r in its if r["method"] == RIVAL and r["people"] == people and "failed" not in r),
        None,
    )
    share = f"1/{rival['cpu_s'] / max(record['cpu_s'], 1e-3):.1f}" if rival else ""
    read = record["read" if "read" in record else "size"] / 1e6
    written = record["new" if "new" in record else "bytes"] / 1e6
    return (
        f"| {name} | {people:,} | {record['cpu_s']:.2f} | {record['process_cpu_s']:.2f}"
        f" | {record['wall_s']:.2f} | {record['peak_mb']:.0f} | {read:.1f} | {written:.1f}"
        f" | {record['bytes'] / record['size']:.1%} | {share} | {record.get('pages', '')} |"
    )


def _large_line(record: Record) -> str:
    if "failed" in record:
        return f"| {record['groups']} | {record['failed']} |" + " |" * 6
    return (
        f"| {record['groups']} | {record['size'] / 1e6:.0f} | {record['cpu_s']:.2f}"
        f" | {record['wall_s']:.2f} | {record['peak_mb']:.0f} | {record['read'] / 1e6:.1f}"
        f" | {record['read'] / record['size']:.1%} | {record['new'] / 1e6:.1f} |"
    )


def _s3_line(record: Record) -> str:
    if "failed" in record:
        return f"| {record['size'] / 1e6:.0f} | {record['failed']} |" + " |" * 11
    read = " | ".join(
        f"{record[name] / 1e6:.1f}"
        for name in ("read", "read_again", "read_twice", "read_to_prove")
    )
    return (
        f"| {record['size'] / 1e6:.0f} | {record['cpu_s']:.2f} | {record['peak_mb']:.0f} | {read}"
        f" | {record['uploaded'] / 1e6:.1f} | {record['uploaded'] / record['size']:.1%}"
        f" | {record['forced'] / 1e6:.1f} | {record['copied'] / record['size']:.1%}"
        f" | {record['calls_to_plan']} | {record['calls']} |"
    )
