"""`erasure plan`: what an erasure would touch, cost and take. It changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from erasure_adjudication.cli.failures import FAILED, complain
from erasure_adjudication.cli.installation import Installation, StageOption
from erasure_adjudication.cli.output import Output, OutputOption, console, print_json
from erasure_adjudication.cli.plan_view import Plan, document, view
from erasure_adjudication.cli.planner import ask
from erasure_adjudication.cli.subjects import people_named
from erasure_shared.cost.prices import list_prices


def plan(
    subjects: Annotated[
        Path | None,
        typer.Option(
            help="A file of identifiers, one a line, plain or as JSON lines; - reads stdin.",
        ),
    ] = None,
    profile_id: Annotated[
        list[str] | None,
        typer.Option(help="A single identifier, repeatable. Shells remember it: prefer a file."),
    ] = None,
    stage: StageOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Look up what erasing people would touch, cost and take; change nothing.

    It searches every store as a request does, which costs what the search costs.
    """
    people = people_named(subjects, profile_id)
    planned = Plan.of(ask(people, Installation(stage)), list_prices())
    if output is Output.JSON:
        print_json(document(planned))
    else:
        console().print(view(planned))
    if planned.unsearchable:
        complain("the plan is incomplete: a store cannot be searched")
        raise typer.Exit(FAILED)
