"""`erasure request`: publishes ErasureRequested."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from erasure_adjudication.cli.failures import WrongUsage
from erasure_adjudication.cli.installation import Installation, StageOption
from erasure_adjudication.cli.output import Output, OutputOption, console, counted, print_json
from erasure_adjudication.cli.subjects import people_named
from erasure_adjudication.core import stamp
from erasure_shared.errors import Rejected
from erasure_shared.events import MAX_INLINE_SUBJECTS, ErasureRequested, Subject
from erasure_shared.wiring import now

LARGEST_ENTRY_BYTES = 200_000
"""EventBridge takes 256 KB, of the whole entry."""

SUBJECT_LISTS = "requests/"
"""In the bucket of Athena's results: no versions, everything in it expires after a day."""


def request(
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
    request_id: Annotated[
        str | None,
        typer.Option(help="Your reference to the request. Default: a new one.", show_default=False),
    ] = None,
    received_at: Annotated[
        str | None,
        typer.Option(
            help="When the people asked, RFC 3339; the one-month clock starts there. Default: now.",
            show_default=False,
        ),
    ] = None,
    stage: StageOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask for people's data to be erased, everywhere.

    To repeat a request, give the same --request-id and the same --received-at.
    """
    people = people_named(subjects, profile_id)
    installation = Installation(stage)
    published = _publish(
        installation,
        people,
        request_id or f"{now():%Y-%m-%d}-{uuid4().hex[:8]}",
        received_at or stamp(now()),
    )
    _show(published, len(people), output)


def _publish(
    installation: Installation, people: list[Subject], request_id: str, received_at: str
) -> ErasureRequested:
    bus = installation.bus("erasure.cli")
    common = {"request_id": request_id, "received_at": received_at}
    _event(common | {"subjects_uri": "s3://bucket/key"})  # what is wrong is said before uploading
    if len(people) <= MAX_INLINE_SUBJECTS:
        event = _event(common | {"subjects": _documents(people)})
        if len(json.dumps(event.data())) <= LARGEST_ENTRY_BYTES:
            bus.publish(event)
            return event
    bucket, key = installation.setting("athena_bucket"), f"{SUBJECT_LISTS}{uuid4().hex}.jsonl"
    event = _event(common | {"subjects_uri": f"s3://{bucket}/{key}"})
    s3 = installation.s3()
    lines = "".join(json.dumps(document) + "\n" for document in _documents(people))
    s3.put_object(Bucket=bucket, Key=key, Body=lines.encode(), ContentType="application/jsonl")
    try:
        bus.publish(event)
    except Exception:
        s3.delete_object(Bucket=bucket, Key=key)  # nobody will read it
        raise
    return event


def _event(data: dict[str, Any]) -> ErasureRequested:
    try:
        return ErasureRequested.read({"metadata": {"schema_version": "1.0"}, "data": data})
    except Rejected as error:
        raise WrongUsage(error.reason) from None


def _documents(people: list[Subject]) -> list[dict[str, str]]:
    return [{"profile_id": subject.profile_id.get_secret_value()} for subject in people]


def _show(event: ErasureRequested, people: int, output: Output) -> None:
    received_at = event.data()["received_at"]
    if output is Output.JSON:
        print_json({"request_id": event.request_id, "received_at": received_at, "subjects": people})
        return
    out = console()
    out.print(f"Request [bold]{event.request_id}[/] published: {counted(people, 'subject')}.")
    if event.received_at > datetime.now(UTC):
        out.print("[yellow]It says that it was received in the future.[/]")
    out.print(f"[dim]received_at {received_at}[/]")
    out.print(f"\nFollow it:  erasure status {event.request_id} --watch", soft_wrap=True)
