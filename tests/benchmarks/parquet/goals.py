"""What erasing inside pages was to cost, beside what it cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from .methods import LOOP, OURS, RIVAL
from .records import Record

ONE_GROUP = ("Spark, 1 row group", "pyarrow, 1 row group")
TEN_GROUPS = ("pyarrow, 10 row groups",)
SKIPPING = (
    "Spark, bloom filter, 10 row groups",
    "pyarrow, sorted by id, 10 row groups, page index",
)
FLAT = 1.25  # the peak of the largest object over that of the smallest
HEADERS = 0.02  # of pages that no index tells of, and of what lies between those of small pages
TWICE = 0.001
_NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Goal:
    """One goal; `met` is None where nothing was measured."""

    text: str
    measured: str
    met: bool | None

    @property
    def word(self) -> str:
        """Met or missed."""
        return {True: "met", False: "**missed**", None: "?"}[self.met]


def goals_of(records: Mapping[str, list[Record]]) -> list[Goal]:
    """Every goal, measured where it can be."""
    measured = _Measured([r for r in records["files"] if "failed" not in r])
    return [
        measured.share("one person, 1 row group: CPU", ONE_GROUP, 1, RIVAL, 10),
        measured.share("one person, 1 row group: CPU", ONE_GROUP, 1, "Polars", 5),
        measured.share("the same, whole process", ONE_GROUP, 1, RIVAL, 8, "process_cpu_s"),
        measured.share("one person, 10 row groups: CPU", TEN_GROUPS, 1, RIVAL, 12),
        measured.share("one person, 10 row groups, skipping: CPU", SKIPPING, 1, RIVAL, 30),
        measured.share("100 people everywhere: CPU", None, 100, RIVAL, 3),
        measured.share("100,000 people: CPU", None, 100_000, RIVAL, 1),
        measured.share("peak memory", None, None, RIVAL, 2, "peak_mb"),
        measured.size_per_row("up to 10,000 people", (1, 100, 10_000)),
        measured.size_per_row("100,000 people", (100_000,)),
        measured.size_beside_the_loop(100_000),
        _flat([r for r in records["large"] if "failed" not in r]),
        *_on_s3([r for r in records["s3"] if "failed" not in r]),
    ]


class _Measured:
    def __init__(self, records: list[Record]) -> None:
        self.records = records

    def share(
        self,
        about: str,
        files: tuple[str, ...] | None,
        people: int | None,
        rival: str,
        wanted: float,
        what: str = "cpu_s",
    ) -> Goal:
        """Ours against a rival's, at its worst among the files."""
        name = "pyarrow" if rival == RIVAL else rival
        text = f"{about} ≤ 1/{wanted:g} of {name}'s" if wanted > 1 else f"{about} ≤ {name}'s"
        pairs = list(self._pairs(files, people, rival))
        if not pairs:
            return Goal(text, _NOT_MEASURED, None)
        worst, at = _worst(pairs, lambda ours, theirs: theirs[what] / max(ours[what], 1e-3))
        return Goal(text, f"1/{worst:.1f} ({_place(at)})", worst >= wanted)

    def _pairs(
        self, files: tuple[str, ...] | None, people: int | None, rival: str
    ) -> Iterator[tuple[Record, Record]]:
        by_key = {(r["file"], r["people"], r["method"]): r for r in self.records}
        for (file, count, method), ours in by_key.items():
            theirs = by_key.get((file, count, rival))
            wanted = (files is None or file in files) and people in (None, count)
            if method == OURS and theirs is not None and wanted:
                yield ours, theirs

    def size_per_row(self, about: str, counts: tuple[int, ...]) -> Goal:
        """The result's size per row against the file's."""
        text = f"result within 1 % of the file's size per row, {about}"
        ours = [
            record
            for record in self.records
            if record["method"] == OURS
            and record["people"] in counts
            and record["rows"] < record["rows_before"]
        ]
        if not ours:
            return Goal(text, _NOT_MEASURED, None)
        worst = max(ours, key=lambda r: abs(_growth(r)))
        return Goal(text, f"{_growth(worst):+.1%} ({_place(worst)})", abs(_growth(worst)) <= 0.01)

    def size_beside_the_loop(self, people: int) -> Goal:
        """The result against what pyarrow makes of the same rows of the same row groups.

        For pyarrow's files that is what their writer makes: how much they grow themselves is told.
        """
        text = f"result ≤ 1 % over that of pyarrow's loop over row groups, {people:,} people"
        pairs = list(self._pairs(None, people, LOOP))
        if not pairs:
            return Goal(text, _NOT_MEASURED, None)
        less, at = _worst(pairs, lambda ours, theirs: theirs["bytes"] / ours["bytes"])
        measured = f"{1 / less - 1:+.1%} ({_place(at)})"
        grown = [
            _growth(theirs | {"rows": ours["rows"]})
            for ours, theirs in pairs
            if ours["file"].startswith("pyarrow")
        ]
        if grown:
            measured += f"; the loop itself grows by {min(grown):+.1%} to {max(grown):+.1%}"
        return Goal(text, measured, 1 / less <= 1.01)


def _growth(record: Record) -> float:
    per_row = record["bytes"] / (record["rows_before"] - record["rows"])
    return float(per_row / (record["size"] / record["rows_before"]) - 1)


def _worst(
    pairs: list[tuple[Record, Record]], value: Callable[[Record, Record], float]
) -> tuple[float, Record]:
    ours, theirs = min(pairs, key=lambda pair: value(*pair))
    return float(value(ours, theirs)), ours


def _place(record: Record) -> str:
    return f"{record['file']}; {record['people']:,}"


def _flat(large: list[Record]) -> Goal:
    text = f"peak memory flat (≤ {FLAT:.0%}) from 64 MB to 1 GB"
    if len(large) < 2:
        return Goal(text, _NOT_MEASURED, None)
    small, big = large[0], large[-1]
    grown = big["peak_mb"] / small["peak_mb"]
    sizes = f"{small['size'] / 1e6:.0f} to {big['size'] / 1e6:.0f} MB"
    reached = big["size"] >= 1e9
    return Goal(text, f"{grown:.0%} ({sizes})", grown <= FLAT if reached else None)


def _on_s3(records: list[Record]) -> list[Goal]:
    sent = "S3, one person, 8 row groups: sent ≤ 10 % of the object"
    read = "the same: read ≤ footer + id column + touched pages and dictionaries"
    filled = f"the same + old bytes that fill parts of 5 MiB, + {HEADERS:.0%} for page headers"
    once = "the same: no byte read twice between plan, proof and commit"
    if not records:
        return [Goal(text, _NOT_MEASURED, None) for text in (sent, read, filled, once)]
    (record,) = records
    share = record["uploaded"] / record["size"]
    all_read = record["read"] + record["read_again"]
    must, forced = record["must_read"], record["must_read"] + record["forced"]
    twice = record["read_twice"] + record["read_to_prove"]
    return [
        Goal(sent, f"{share:.1%}", share <= 0.1),
        Goal(read, _megabytes(all_read, must), all_read <= must),
        Goal(filled, _megabytes(all_read, forced), all_read <= forced * (1 + HEADERS)),
        Goal(once, f"{twice:,} bytes", twice <= TWICE * all_read),
    ]


def _megabytes(read: int, wanted: int) -> str:
    return f"{read / 1e6:.1f} of {wanted / 1e6:.1f} MB"
