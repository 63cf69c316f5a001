"""Purge workers as processes of their own, with the real handler, against MiniStack."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from io import StringIO
from logging import StreamHandler
from multiprocessing import get_context
from multiprocessing.pool import Pool
from typing import Any

from pydantic import SecretStr

RECEIVED_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
_ATTEMPTS = 10


@contextmanager
def worker_processes(number: int, environment: Mapping[str, str]) -> Iterator[Pool]:
    """So many workers, which know only this environment."""
    with get_context("spawn").Pool(number, _begin, [dict(environment)]) as pool:
        yield pool


def _begin(environment: dict[str, str]) -> None:
    os.environ.update(environment)


class Context:
    """What Lambda tells about an invocation."""

    aws_request_id = "a-request"

    def __init__(self, seconds: float) -> None:
        self._end_s = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self._end_s - time.monotonic()) * 1_000)


def register(
    request_id: str, found: Sequence[tuple[str, str, tuple[str, ...]]]
) -> list[tuple[str, str]]:
    """Record a request with its locations (store, address, subjects); answers their ids."""
    from erasure_shared import wiring
    from erasure_shared.locations import Found, Identifier

    requests = wiring.requests()
    everybody = sorted({subject for _, _, subjects in found for subject in subjects})
    due = RECEIVED_AT + timedelta(days=30)
    requests.register(request_id, RECEIVED_AT, due, [SecretStr(one) for one in everybody])
    kinds = {store.name: store.kind for store in wiring.data_map().stores}
    ids = []
    for store, address, subjects in found:
        identifiers = tuple(Identifier(SecretStr(one)) for one in subjects)
        finding = Found(store, _kind(kinds[store]), address, identifiers)
        ids.append((request_id, requests.add_location(request_id, finding).location_id))
    requests.finish_locating(request_id)
    return ids


def _kind(name: str) -> Any:
    from erasure_shared.locations import StoreKind

    return StoreKind(name)


def purge(message: tuple[str, str]) -> int:
    """Handle the message as often as the queue would; the number of attempts."""
    for attempt in range(1, _ATTEMPTS + 1):
        if not handle(body_for(*message), attempt)["batchItemFailures"]:
            return attempt
    raise AssertionError("the message was never handled")


def body_for(request_id: str, location_id: str) -> str:
    """The SQS message that EventBridge makes of PurgeRequested."""
    metadata = {"schema_version": "1.0", "correlation_id": request_id}
    data = {"request_id": request_id, "location_id": location_id}
    return json.dumps(
        {"detail-type": "PurgeRequested", "detail": {"metadata": metadata, "data": data}}
    )


def handle(body: str, attempt: int = 1, seconds: float = 60.0) -> dict[str, Any]:
    """Call the handler with one message."""
    from erasure_purge.handler import handler

    record = {
        "messageId": "m1",
        "receiptHandle": "none",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(attempt)},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": os.environ["TEST_QUEUE_ARN"],
        "awsRegion": "eu-west-1",
    }
    context: Any = Context(seconds)
    return handler({"Records": [record]}, context)


def output_of(body: str) -> tuple[dict[str, Any], str]:
    """Call the handler with one message; its answer, and all that it wrote."""
    from erasure_shared.observability import logger

    written = StringIO()
    for one in logger.handlers:
        assert isinstance(one, StreamHandler)
        one.setStream(written)
    with redirect_stdout(written), redirect_stderr(written):
        answer = handle(body)
    return answer, written.getvalue()


def status_of(message: tuple[str, str]) -> tuple[str, int, str, str | None]:
    """Status of the location, its rows, status of its request, and why it failed."""
    from erasure_shared import wiring

    location = wiring.requests().location(*message)
    request = wiring.requests().find(message[0])
    assert location is not None
    assert request is not None
    rows = int((location.evidence or {}).get("rows_erased", 0))
    return str(location.status), rows, str(request.status), location.reason
