"""The picture of a request's progress."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from erasure_adjudication.cli.output import counted, moment, time_of_day
from erasure_adjudication.cli.progress import LockWait, Progress, StoreProgress
from erasure_adjudication.core import ErrorRecord
from erasure_shared.locations import RequestStatus

_COLOURS = {
    RequestStatus.LOCATING: "cyan",
    RequestStatus.PURGING: "cyan",
    RequestStatus.COMPLETED: "green",
    RequestStatus.COMPLETED_WITH_RETENTION: "yellow",
}
_WORDS = {
    RequestStatus.LOCATING: "being located",
    RequestStatus.PURGING: "being purged",
    RequestStatus.COMPLETED: "completed",
    RequestStatus.COMPLETED_WITH_RETENTION: "completed with retention",
}
_SOON_DAYS = 7
_DECISIONS_SHOWN = 10


def view(progress: Progress) -> RenderableType:
    """The whole picture, from what it is to what to do."""
    return Group(*_sections(progress))


def unrecorded_view(request_id: str, errors: Sequence[ErrorRecord]) -> RenderableType:
    """A request that was refused before it was recorded."""
    title = Text.assemble("Request ", (request_id, "bold"), " is not recorded.")
    return Group(title, *_decisions(errors))


def _sections(progress: Progress) -> Iterator[RenderableType]:
    yield _title(progress)
    yield _clock(progress)
    request = progress.request
    if request.status is RequestStatus.LOCATING and request.reason:
        yield Text.assemble(("Not located yet: ", "yellow"), request.reason)
    yield ""
    yield _stores(progress) if progress.stores else Text("No store has been searched yet.")
    yield from _holdups(progress)
    yield from _decisions(progress.decisions)


def _title(progress: Progress) -> Text:
    request = progress.request
    colour = _COLOURS[request.status]
    facts = [counted(request.subjects, "subject")]
    if request.subjects_not_found:
        facts.append(f"{request.subjects_not_found:,} found nowhere")
    facts.append(f"{counted(request.rows_erased, 'row')} erased")
    return Text.assemble(
        "Request ",
        (request.request_id, "bold"),
        " ",
        (_WORDS[request.status], f"bold {colour}"),
        f"  {', '.join(facts)}",
    )


def _clock(progress: Progress) -> Text:
    request = progress.request
    received = f"received {moment(request.received_at)}"
    if request.completed_at:
        return Text(f"{received}, completed {moment(request.completed_at)}", style="dim")
    text = Text(f"{received}, due {moment(request.due_at)}: ", style="dim")
    if progress.overdue:
        late = f"by {counted(-progress.days_left, 'day')}" if progress.days_left else "since today"
        return text.append(f"OVERDUE {late}", "bold red not dim")
    style = "yellow not dim" if progress.days_left < _SOON_DAYS else "not dim"
    left = f"{counted(progress.days_left, 'day')} left" if progress.days_left else "today"
    return text.append(left, style)


def _stores(progress: Progress) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("store", no_wrap=True)
    table.add_column("", width=24)
    table.add_column("purged", justify="right", no_wrap=True)
    for name in ("pending", "failed", "retained"):
        table.add_column(name, justify="right")
    for store in progress.stores:
        table.add_row(*_store_row(store))
    return table


def _store_row(store: StoreProgress) -> tuple[RenderableType, ...]:
    if not store.total:
        return (store.store, Text("nobody found", style="dim"))
    bar = ProgressBar(
        total=store.total,
        completed=store.purged + store.retained,
        width=24,
        complete_style="red" if store.failed else "cyan",
        finished_style="green",
    )
    return (
        store.store,
        bar,
        f"{store.purged:,} of {store.total:,}",
        _number(store.pending, "cyan"),
        _number(store.failed, "bold red"),
        _number(store.retained, "yellow"),
    )


def _number(number: int, style: str) -> Text:
    return Text(f"{number:,}", style=style) if number else Text("-", style="dim")


def _holdups(progress: Progress) -> Iterator[RenderableType]:
    lines = []
    if progress.at_work:
        lines.append(Text(f"{counted(progress.at_work, 'object')} being rewritten now"))
    for holder, waits in _by_holder(progress.waiting_for_locks):
        lines.append(_lock_line(holder, waits))
    lines += [
        Text.assemble(
            f"{trouble.store}: {counted(trouble.locations, 'location')} to be tried again",
            f", after {counted(trouble.attempts, 'attempt')}: ",
            (trouble.reason, "yellow"),
        )
        for trouble in progress.tried_again
    ]
    if lines:
        yield ""
        yield Text("Under way", style="bold")
        yield from (Padding(line, (0, 0, 0, 2)) for line in lines)


def _by_holder(waits: Sequence[LockWait]) -> Iterator[tuple[str, list[LockWait]]]:
    def holder(wait: LockWait) -> str:
        return wait.held_by_request or "unknown"

    for name, group in groupby(sorted(waits, key=holder), holder):
        yield name, list(group)


def _lock_line(holder: str, waits: Sequence[LockWait]) -> Text:
    since = time_of_day(min(wait.since for wait in waits))
    until = time_of_day(max(wait.lease_ends for wait in waits))
    return Text.assemble(
        f"{counted(len(waits), 'object')} locked by request ",
        (holder, "bold"),
        f" since {since}, until {until} at most",
    )


def _decisions(errors: Sequence[ErrorRecord]) -> Iterator[RenderableType]:
    if not errors:
        return
    yield ""
    yield Text("Needs a decision", style="bold red")
    for error in errors[:_DECISIONS_SHOWN]:
        yield Padding(
            Text.assemble((error.error_id, "bold"), f"  {error.service}: {error.reason}"),
            (0, 0, 0, 2),
        )
    if len(errors) > _DECISIONS_SHOWN:
        yield Text(f"  and {len(errors) - _DECISIONS_SHOWN:,} more: erasure errors list")
    example = errors[0].error_id
    yield ""
    yield Text(f"  erasure errors show {example}", style="dim")
    yield Text(f"  erasure errors retry {example}", style="dim")
    yield Text(f'  erasure errors dismiss {example} --reason "…"', style="dim")
