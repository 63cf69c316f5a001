"""The pictures of erasure errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from erasure_adjudication.cli.output import counted, moment
from erasure_adjudication.core import ErrorRecord, ErrorStatus
from erasure_adjudication.use_case import Decided
from erasure_shared.events import ErasureRequested
from erasure_shared.locations import Location, LocationStatus

_COLOURS = {
    ErrorStatus.OPEN: "bold red",
    ErrorStatus.RETRIED: "cyan",
    ErrorStatus.DISMISSED: "yellow",
}
_WHAT = {
    "ErasureRequested": "an erasure request",
    "PurgeRequested": "the purge of a location",
    "RelocationRequested": "the search for moved data",
}


def errors_view(errors: Sequence[ErrorRecord]) -> RenderableType:
    """A list of errors, each with its reason below."""
    if not errors:
        return "No such errors."
    return Group(*(line for error in errors for line in _entry(error)), *_hint(errors))


def error_view(error: ErrorRecord, location: Location | None) -> RenderableType:
    """One error, with what can be decided."""
    facts = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in _facts(error, location):
        facts.add_row(name, value)
    title = Text.assemble("Error ", (error.error_id, "bold"), " ", _status(error))
    return Group(title, "", facts, *_choices(error))


def decided_view(decided: Decided) -> RenderableType:
    """What came of a decision."""
    error = decided.error
    status = error.status.lower()
    if decided.repeated:
        at = moment(error.decided_at)
        return Text(f"{error.error_id} was {status} before, at {at}; nothing changed.")
    return Text(f"{error.error_id} {status}: {_outcome(decided)}.")


def _outcome(decided: Decided) -> str:
    is_retry = decided.error.status is ErrorStatus.RETRIED
    if decided.ends_request:
        return "the request ends: what was found is purged, what was not searched stays"
    if decided.location is None:
        return "the message is in its queue again" if is_retry else "the message is forgotten"
    match decided.location.status:
        case LocationStatus.PURGED:
            return "the location had been purged meanwhile"
        case LocationStatus.RETAINED:
            return "the data at the location stays"
        case _:
            return "the location is to be purged again"


def _entry(error: ErrorRecord) -> Iterator[RenderableType]:
    whose = f"request {error.request_id}" if error.request_id else "request unknown"
    yield Text.assemble(
        (error.error_id, "bold"), "  ", _status(error), f"  {error.service}  {whose}"
    )
    yield Padding(Text(error.reason), (0, 0, 0, 4))
    tried = f"tried {counted(error.attempts, 'time')}, last {moment(error.last_at)}"
    yield Padding(Text(tried, style="dim"), (0, 0, 0, 4))


def _hint(errors: Sequence[ErrorRecord]) -> Iterator[RenderableType]:
    if any(error.status is ErrorStatus.OPEN for error in errors):
        yield ""
        yield Text('erasure errors show|retry ERROR, dismiss ERROR --reason "…"', style="dim")


def _status(error: ErrorRecord) -> Text:
    return Text(error.status.lower(), style=_COLOURS[error.status])


def _facts(error: ErrorRecord, location: Location | None) -> Iterator[tuple[str, RenderableType]]:
    yield "what", _WHAT.get(error.event or "", "a message that could not be read")
    yield "why", Text.assemble(error.reason, (f"  {error.reason_code}", "dim"))
    yield "service", error.service
    if error.request_id:
        yield "request", Text(error.request_id)
    if location is not None:
        yield "store", location.store
        yield "address", Text(location.address)
        yield "subjects", f"{location.subjects:,} (not shown)"
        yield "location", Text.assemble(location.location_id, f"  {location.status.lower()}")
    elif error.parked_parts and error.status is ErrorStatus.OPEN:
        yield "message", "kept until it is decided; not shown, it may hold personal data"
    first = moment(error.first_at)
    yield "tried", f"{counted(error.attempts, 'time')}, from {first} to {moment(error.last_at)}"
    if error.decided_at:
        yield "decided", moment(error.decided_at)
    if error.decision_reason:
        yield "reason", Text(error.decision_reason)


def _forgets(error: ErrorRecord) -> str:
    if error.event == ErasureRequested.detail_type:
        return "ends the request, if it is recorded, with retention"
    return "forgets the message"


def _choices(error: ErrorRecord) -> Iterator[RenderableType]:
    if error.status is not ErrorStatus.OPEN:
        return
    again = "tries it again" if error.location_id else "puts the message into its queue again"
    leave = "leaves the data where it is" if error.location_id else _forgets(error)
    yield ""
    yield Text.assemble(f"erasure errors retry {error.error_id}", (f"   {again}", "dim"))
    yield Text.assemble(
        f'erasure errors dismiss {error.error_id} --reason "…"', (f"   {leave}", "dim")
    )
