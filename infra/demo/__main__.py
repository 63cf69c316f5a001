"""`make demo`: erase two overlapping batches of people on this machine, and prove it."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from erasure_shared.locations import LocationStatus
from infra.demo.proof import Claim, claims_about_stores, show
from infra.demo.road import Road, Stuck, wait_until
from infra.demo.savings import show_touches, touches
from infra.local.cloud import LocalCloud
from tests import synthetic

PEOPLE = 3_000
RECORDS = 30_000
PAUSE_S = 0.25
BATCH = 60
OVERLAP = 20
WORKERS = 4
REQUESTS = ("demo-batch-a", "demo-batch-b")
SEED = 7


def main() -> int:
    """Exit code 0 only if every line of the proof holds."""
    console = Console(highlight=False)
    started = time.monotonic()
    console.print("[bold]Erasure[/bold], end to end on this machine\n")
    try:
        with LocalCloud.start(report=lambda part, where: _said(console, part, where)) as cloud:
            proven = demonstrate(Road(cloud), console)
    except Stuck as stuck:
        console.print(f"[bold red]stuck:[/bold red] {stuck}")
        return 1
    verdict = "[bold green]proven" if proven else "[bold red]NOT proven"
    console.print(f"\n{verdict}[/] in {time.monotonic() - started:.0f} s")
    return 0 if proven else 1


def demonstrate(road: Road, console: Console) -> bool:
    """The whole road; whether every claim about the result holds."""
    everyone = synthetic.people(PEOPLE, SEED, awkward=True)
    first, second = _two_overlapping_batches(everyone)
    erased = sorted({*first, *second})
    _feed(road, console, everyone)
    before = road.stores.holdings(erased)

    key, intact = _break_an_object(road)
    console.print("  one object of the lake is cut short, so that it cannot be purged\n")
    road.request(REQUESTS[0], first)
    road.request(REQUESTS[1], second)
    console.print(
        f"  two ErasureRequested published: {len(first)} and {len(second)} people, "
        f"{len({*first} & {*second})} of them in both\n"
    )
    _watch(road, console, lambda: all(map(road.waits_only_for_people, REQUESTS)))
    _adjudicate(road, console, key, intact)
    _watch(road, console, lambda: all(map(road.is_closed, REQUESTS)))

    console.print()
    show_touches(console, touches(road.locations(REQUESTS)))
    claims = [
        *claims_about_stores(before, road.stores.holdings(erased)),
        *_claims_about_traces(road, erased),
    ]
    return show(console, claims)


def _claims_about_traces(road: Road, erased: Sequence[str]) -> list[Claim]:
    older = road.stores.older_versions()
    statuses = [road.status(request_id) for request_id in REQUESTS]
    workers = road.purge_workers()
    return [
        Claim("S3 lake: older versions and delete markers", "", f"{older}", older == 0),
        *(
            Claim(f"identifiers of the erased in {place}", "", f"{count}", count == 0)
            for place, count in road.identifiers_left_behind(erased).items()
        ),
        Claim("purge workers at the same time", "", f"{workers}", workers >= WORKERS),
        Claim(
            "status of both requests",
            "",
            ", ".join(sorted(set(statuses))),
            statuses == ["COMPLETED", "COMPLETED"],
        ),
    ]


def _two_overlapping_batches(
    everyone: Sequence[synthetic.Person],
) -> tuple[list[str], list[str]]:
    chosen = [person.profile_id for person in everyone[: len(synthetic.AWKWARD_IDS)]]
    others = [person.profile_id for person in everyone[len(chosen) :]]
    chosen += random.Random(SEED).sample(others, 2 * BATCH - OVERLAP - len(chosen))  # noqa: S311
    return chosen[:BATCH], chosen[BATCH - OVERLAP :]


def _feed(road: Road, console: Console, everyone: Sequence[synthetic.Person]) -> None:
    columns = (
        TextColumn("  {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        sending = progress.add_task("records through Kinesis", total=RECORDS)
        landing = progress.add_task("rows in the Parquet lake", total=RECORDS)
        road.stores.stream(
            synthetic.records(everyone, RECORDS, SEED),
            lambda count: progress.advance(sending, count),
            pause_s=PAUSE_S,
        )
        road.stores.seed(everyone)

        def look() -> None:
            progress.update(landing, completed=road.stores.lake_row_count())

        wait_until(
            lambda: road.stores.lake_row_count() >= RECORDS,
            what="the records arrive in the lake",
            at_most_s=120,
            look=look,
        )
        look()
    console.print(f"  {len(road.stores.lake_keys())} objects, both databases seeded\n")


def _break_an_object(road: Road) -> tuple[str, bytes]:
    key = road.stores.lake_keys()[0]
    intact = road.stores.object(key)
    road.stores.replace_object(key, intact[: len(intact) // 2])
    return key, intact


def _adjudicate(road: Road, console: Console, key: str, intact: bytes) -> None:
    """An operator sees the errors, repairs the object and has it tried again."""
    wait_until(
        lambda: len(road.open_errors()) >= len(REQUESTS),
        what="the errors reach adjudication",
        at_most_s=60,
    )
    console.print(road.erasure("errors", "list"))
    road.stores.replace_object(key, intact)
    console.print("  the object is repaired; the errors are retried\n")
    for error in road.open_errors():
        road.erasure("errors", "retry", error["error_id"])


def _watch(road: Road, console: Console, done: Callable[[], bool]) -> None:
    with Live(_progress_table(road), console=console, refresh_per_second=4) as live:
        wait_until(
            done,
            what="the requests go on",
            at_most_s=180,
            look=lambda: live.update(_progress_table(road)),
        )
        live.update(_progress_table(road))


def _progress_table(road: Road) -> RenderableType:
    tables: list[RenderableType] = []
    for request_id in REQUESTS:
        table = Table(
            title=Text.assemble(request_id, "  ", (road.status(request_id), "bold")),
            title_justify="left",
            header_style="dim",
        )
        table.add_column("store", width=20)
        for status in (LocationStatus.PENDING, LocationStatus.PURGED, LocationStatus.FAILED):
            table.add_column(status.lower(), justify="right", width=8)
        for store, counted in sorted(road.progress(request_id).items()):
            table.add_row(
                store,
                _number(counted[LocationStatus.PENDING], "yellow"),
                _number(counted[LocationStatus.PURGED], "green"),
                _number(counted[LocationStatus.FAILED], "red"),
            )
        tables.append(table)
    return Group(*tables)


def _number(count: int, style: str) -> Text:
    return Text(str(count), style if count else "dim")


def _said(console: Console, part: str, where: str) -> None:
    console.print(f"  [green]up[/green]  {part:<16} [dim]{where}[/dim]", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
