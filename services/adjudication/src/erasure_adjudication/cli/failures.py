"""What went wrong, in one line; the exit code says of which kind it is.

1  it failed    2  the command line is wrong    3  there is no such request or error
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import typer
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from rich.console import Console
from typer.core import TyperGroup

from erasure_adjudication.core import NoSuchError
from erasure_shared.errors import ErasureError
from erasure_shared.observability import reason_of

FAILED, WRONG_USAGE, NOT_FOUND = 1, 2, 3
_OURS_TO_PASS_ON = (typer.Exit, typer.Abort, typer.TyperException)


class WrongUsage(ErasureError):
    """The command line is wrong."""


class NotRecorded(ErasureError):
    """No such request is recorded."""


class PlainFailures(TyperGroup):
    """Turns every exception of a command into a line on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except _OURS_TO_PASS_ON:
            raise
        except Exception as error:  # noqa: BLE001 - this is where a program meets a person
            complain(said_plainly(error))
            raise typer.Exit(_exit_code(error)) from None


def complain(sentence: str) -> None:
    """One line on stderr."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print("[bold red]error:[/]", end=" ")
    console.print(sentence, markup=False)


def said_plainly(error: BaseException) -> str:
    """The sentence; messages of other people's exceptions may quote values and are not told."""
    if isinstance(error, ErasureError):
        return error.describe()
    for cause in _causes(error):
        if isinstance(cause, ClientError):
            code = cause.response.get("Error", {}).get("Code", "unknown")
            return f"AWS refused {cause.operation_name}: {code}{_hint(code)}"
        if isinstance(cause, EndpointConnectionError):
            endpoint = os.environ.get("AWS_ENDPOINT_URL")
            return (
                f"nothing answers at {endpoint} (AWS_ENDPOINT_URL); is the local cloud up?"
                if endpoint
                else "AWS does not answer; is there a network?"
            )
        if isinstance(cause, BotoCoreError):
            return f"AWS could not be asked: {_words(type(cause).__name__)}"
    return reason_of(error)


def _exit_code(error: BaseException) -> int:
    if isinstance(error, WrongUsage):
        return WRONG_USAGE
    return NOT_FOUND if isinstance(error, NoSuchError | NotRecorded) else FAILED


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from; PynamoDB keeps that in `cause`."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        cause = getattr(current, "cause", None) or current.__cause__ or current.__context__
        current = cause if isinstance(cause, BaseException) else None


def _hint(code: str) -> str:
    if code in {"ResourceNotFoundException", "ParameterNotFound"}:
        return " - is the stage the right one?"
    if code in {"ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException"}:
        return " - are the credentials still valid?"
    return ""


def _words(name: str) -> str:
    """`NoCredentialsError` → `no credentials`."""
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
    return spaced.strip().removesuffix(" error")
