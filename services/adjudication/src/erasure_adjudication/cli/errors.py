"""`erasure errors`: what could not be erased, and a person's decision about it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from erasure_adjudication.cli.errors_view import decided_view, error_view, errors_view
from erasure_adjudication.cli.failures import FAILED, NOT_FOUND, complain
from erasure_adjudication.cli.installation import Installation, StageOption
from erasure_adjudication.cli.output import Output, OutputOption, console, print_json
from erasure_adjudication.core import ErrorStatus, NoSuchError
from erasure_adjudication.use_case import Decided, dismiss, retry
from erasure_shared.errors import ErasureError

errors = typer.Typer(
    help="What could not be erased, and what a person decides about it.",
    no_args_is_help=True,
)
ErrorIds = Annotated[list[str], typer.Argument(help="One or more errors.", show_default=False)]


class Shown(StrEnum):
    """Which errors to list."""

    OPEN = "open"
    RETRIED = "retried"
    DISMISSED = "dismissed"
    ALL = "all"


@errors.command("list")
def list_errors(
    status: Annotated[Shown, typer.Option(help="Open ones wait for a decision.")] = Shown.OPEN,
    request_id: Annotated[
        str | None, typer.Option(help="Of one request only.", show_default=False)
    ] = None,
    stage: StageOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List erasure errors, oldest first."""
    table = Installation(stage).errors
    wanted = list(ErrorStatus) if status is Shown.ALL else [ErrorStatus(status.upper())]
    found = [error for one in wanted for error in table.with_status(one, request_id)]
    if output is Output.JSON:
        print_json([error.document() for error in found])
    else:
        console().print(errors_view(found))


@errors.command("show")
def show_error(
    error_id: Annotated[str, typer.Argument(help="The error.", show_default=False)],
    stage: StageOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what failed, where and why."""
    installation = Installation(stage)
    error = installation.errors.find(error_id)
    if error is None:
        raise NoSuchError(error_id=error_id)
    location = None
    if error.request_id and error.location_id:
        location = installation.requests.location(error.request_id, error.location_id)
    if output is Output.JSON:
        place = {"store": location.store, "address": location.address} if location else {}
        print_json(error.document() | place)
    else:
        console().print(error_view(error, location))


@errors.command("retry")
def retry_errors(
    error_ids: ErrorIds, stage: StageOption = None, output: OutputOption = Output.TABLE
) -> None:
    """Try again: once what was broken is repaired."""
    desk = Installation(stage).desk
    _decide(error_ids, lambda error_id: retry(error_id, desk), output)


@errors.command("dismiss")
def dismiss_errors(
    error_ids: ErrorIds,
    reason: Annotated[
        str,
        typer.Option(
            prompt="Why (it is kept: no personal data, please)",
            help="Why the data stays. It is kept as evidence: write no personal data.",
        ),
    ],
    stage: StageOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Leave it as it is: the data at the location stays, a parked message is forgotten."""
    desk = Installation(stage).desk
    _decide(error_ids, lambda error_id: dismiss(error_id, reason, desk), output)


def _decide(error_ids: list[str], decide: Callable[[str], Decided], output: Output) -> None:
    """Decide one after the other; what is refused for one error holds up no other."""
    decided: list[Decided] = []
    exit_code = 0
    for error_id in error_ids:
        try:
            one = decide(error_id)
        except ErasureError as error:
            complain(error.describe())
            exit_code = NOT_FOUND if isinstance(error, NoSuchError) else FAILED
            continue
        decided.append(one)
        if output is Output.TABLE:
            console().print(decided_view(one), soft_wrap=True)
    if output is Output.JSON:
        print_json([one.error.document() | {"repeated": one.repeated} for one in decided])
    if exit_code:
        raise typer.Exit(exit_code)
