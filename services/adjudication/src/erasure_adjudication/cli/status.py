"""`erasure status`: how far a request is, what holds it up, and when it is due."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import Annotated

import typer
from rich.live import Live

from erasure_adjudication.cli.failures import FAILED, NOT_FOUND, NotRecorded
from erasure_adjudication.cli.installation import Installation, StageOption
from erasure_adjudication.cli.output import Output, OutputOption, console, print_json
from erasure_adjudication.cli.progress import Progress, progress_of
from erasure_adjudication.cli.status_view import unrecorded_view, view
from erasure_adjudication.core import ErrorRecord, ErrorStatus
from erasure_shared.locations import Location, LocationStatus, StoreKind
from erasure_shared.mutex import LockInfo, MutexKey
from erasure_shared.wiring import now

LOCKS_ASKED_FOR = 50
"""Each is one read of the mutex table."""

_PAUSE_S = 2.0


def status(
    request_id: Annotated[str, typer.Argument(help="The request.", show_default=False)],
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Until it is closed, or only people can go on.")
    ] = False,
    stage: StageOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show how far a request is, what it waits for, and when it is due.

    With --watch the exit code is 0 once the request is closed, and 1 if it waits for decisions.
    """
    installation = Installation(stage)
    if watch:
        _watch(request_id, installation, output)
        return
    progress = read_progress(request_id, installation)
    if progress is None:
        _unrecorded(request_id, installation, output)
    elif output is Output.JSON:
        print_json(progress.document())
    else:
        console().print(view(progress))


def read_progress(request_id: str, installation: Installation) -> Progress | None:
    """How far the request is; None if no such request is recorded."""
    request = installation.requests.find(request_id)
    if request is None:
        return None
    locations = list(installation.requests.locations_of(request_id))
    return progress_of(
        request,
        locations,
        _locks_on(locations, installation),
        _open_errors(request_id, installation),
        now(),
    )


def _locks_on(
    locations: list[Location], installation: Installation
) -> Iterator[tuple[Location, LockInfo]]:
    pending = (
        location
        for location in locations
        if location.status is LocationStatus.PENDING and location.kind is StoreKind.S3
    )
    for location in islice(pending, LOCKS_ASKED_FOR):
        lock = installation.mutex.lock_info(MutexKey(location.address))
        if lock is not None:
            yield location, lock


def _open_errors(request_id: str, installation: Installation) -> list[ErrorRecord]:
    return list(installation.errors.with_status(ErrorStatus.OPEN, request_id))


def _unrecorded(request_id: str, installation: Installation, output: Output) -> None:
    """A request that was refused at intake is no request, but its message waits for a decision."""
    errors = _open_errors(request_id, installation)
    if not errors:
        raise NotRecorded(
            "no such request is recorded, and no open error names it; one that was just published"
            " may take a moment, and what was decided is in: erasure errors list --status all",
            request_id=request_id,
        )
    if output is Output.JSON:
        print_json({"request_id": request_id, "status": None, "decisions": _documents(errors)})
    else:
        console().print(unrecorded_view(request_id, errors))
    raise typer.Exit(NOT_FOUND)


def _watch(request_id: str, installation: Installation, output: Output) -> None:
    show = _Shown(request_id, output)
    with show.live:
        while True:
            progress = read_progress(request_id, installation)
            if progress is None and _open_errors(request_id, installation):
                break
            show(progress)
            if progress is not None and (progress.is_closed or progress.is_stuck):
                raise typer.Exit(0 if progress.is_closed else FAILED)
            time.sleep(_PAUSE_S)
    _unrecorded(request_id, installation, output)


class _Shown:
    """A moving picture on a terminal; elsewhere what is new, whenever something is."""

    def __init__(self, request_id: str, output: Output) -> None:
        self._out = console()
        self._as_json = output is Output.JSON
        self._drawing = None
        if not self._as_json and self._out.is_terminal:
            self._drawing = Live(console=self._out, auto_refresh=False)
        self._not_yet = f"Request {request_id} is not recorded yet."
        self._last = ""

    @property
    def live(self) -> AbstractContextManager[object]:
        """The terminal's state is restored at the end of the block."""
        return self._drawing or nullcontext()

    def __call__(self, progress: Progress | None) -> None:
        """Show it if it is new."""
        document = json.dumps(progress.document()) if progress else self._not_yet
        if document == self._last:
            return
        self._last = document
        if self._drawing is not None:
            self._drawing.update(view(progress) if progress else self._not_yet, refresh=True)
        elif progress is None:
            typer.echo(self._not_yet, err=True)
        elif self._as_json:
            typer.echo(document)
        else:
            self._out.print(view(progress))


def _documents(errors: list[ErrorRecord]) -> list[dict[str, object]]:
    return [error.document() for error in errors]
