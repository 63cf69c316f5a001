"""Tables for people, JSON for programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console


class Output(StrEnum):
    """How results are written."""

    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="For people, or programs.")]


def console() -> Console:
    """Standard output; colours and width follow the terminal."""
    return Console(highlight=False)


def print_json(document: Any) -> None:
    """One document, indented."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def moment(rfc_3339: str | None) -> str:
    """A recorded time as people read it: `2026-11-23 20:15:09Z`."""
    if not rfc_3339:
        return ""
    return f"{datetime.fromisoformat(rfc_3339).astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def time_of_day(rfc_3339: str) -> str:
    """`20:15:09Z`."""
    return moment(rfc_3339).rsplit(" ", 1)[-1]


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """`1 location`, `2 locations`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
