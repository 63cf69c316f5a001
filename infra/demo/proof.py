"""The proof at the end of the demonstration: a list of claims, each of which holds or does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.demo.stores import Holding


@dataclass(frozen=True)
class Claim:
    """Something that must be so after the erasure, with what was seen before and after."""

    what: str
    before: str
    after: str
    holds: bool


def claims_about_stores(
    before: Mapping[str, Holding], after: Mapping[str, Holding]
) -> Iterable[Claim]:
    """Nobody who was to be erased is left; everybody else is as they were."""
    for store, was in before.items():
        now = after[store]
        yield Claim(
            f"{store}: rows of the erased",
            f"{was.rows_of_subjects:,}",
            f"{now.rows_of_subjects:,}",
            was.rows_of_subjects > 0 and now.rows_of_subjects == 0,
        )
        yield Claim(
            f"{store}: rows of all others, checksum",
            f"{was.rows_of_others:,}  {was.checksum_of_others[:12]}",
            f"{now.rows_of_others:,}  {now.checksum_of_others[:12]}",
            was.rows_of_others == now.rows_of_others > 0
            and was.checksum_of_others == now.checksum_of_others,
        )


def show(console: Console, claims: Iterable[Claim]) -> bool:
    """Print every claim; whether all of them hold."""
    table = Table(title="Proof", title_justify="left", title_style="bold", header_style="dim")
    table.add_column("", overflow="fold")
    table.add_column("before", justify="right")
    table.add_column("after", justify="right")
    table.add_column("")
    all_hold = True
    for claim in claims:
        all_hold &= claim.holds
        verdict = Text("holds", "green") if claim.holds else Text("BROKEN", "bold red")
        table.add_row(claim.what, claim.before, claim.after, verdict)
    console.print(table)
    return all_hold
