"""How much of each object was touched: what the purge itself noted as evidence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from erasure_shared.locations import Location, StoreKind

_SHOWN = 5
_KB = 1_000


@dataclass(frozen=True)
class Touch:
    """One rewrite of one object; whichever requests it served."""

    key: str
    rows_before: int
    rows_erased: int
    pages: int
    pages_touched: int
    bytes_before: int
    bytes_uploaded: int
    bytes_read: int


def touches(locations: Iterable[Location]) -> list[Touch]:
    """Every rewrite, largest object first; requests that shared one name it once."""
    found: dict[tuple[str, str], Touch] = {}
    for location in locations:
        evidence = location.evidence or {}
        if location.kind is StoreKind.S3 and evidence.get("etag_after") != evidence.get(
            "etag_before"
        ):
            rewrite = (location.address, str(evidence["etag_before"]))
            found[rewrite] = _touch(location.address, evidence)
    return sorted(found.values(), key=lambda touch: (-touch.bytes_before, touch.key))


def show_touches(console: Console, found: Collection[Touch]) -> None:
    """The largest, and the sum of all."""
    table = Table(
        title="What the purge touched, by its own evidence",
        title_justify="left",
        title_style="bold",
        header_style="dim",
    )
    table.add_column("object")
    for column in ("rows erased", "pages changed", "kB sent to S3", "kB read"):
        table.add_column(column, justify="right")
    for touch in list(found)[:_SHOWN]:
        table.add_row(f"…{touch.key[-12:]}", *_figures([touch]))
    table.add_section()
    table.add_row(f"{len(found)} rewrites", *_figures(found))
    console.print(table)
    if any(touch.pages_touched < touch.pages for touch in found):
        return
    console.print(
        "  Objects this small have one page a column and go up whole.\n"
        "  What a large one costs: make bench-parquet\n",
        style="dim",
    )


def _touch(address: str, evidence: Mapping[str, Any]) -> Touch:
    def number(name: str) -> int:
        return int(str(evidence.get(name, 0)))

    return Touch(
        key=address.rsplit("/", 1)[-1],
        rows_before=number("rows_before"),
        rows_erased=number("rows_before") - number("rows_after"),
        pages=number("pages"),
        pages_touched=number("pages_touched"),
        bytes_before=number("bytes_before"),
        bytes_uploaded=number("bytes_uploaded"),
        bytes_read=number("bytes_read"),
    )


def _figures(found: Collection[Touch]) -> list[str]:
    def total(name: str) -> int:
        return sum(getattr(one, name) for one in found)

    return [
        f"{total('rows_erased'):,} of {total('rows_before'):,}",
        f"{total('pages_touched'):,} of {total('pages'):,}",
        f"{total('bytes_uploaded') / _KB:,.0f} of {total('bytes_before') / _KB:,.0f}",
        f"{total('bytes_read') / _KB:,.0f}",
    ]
