"""Messages that can never be handled: parked with their reason, and nobody is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.location.deployment import (
    CANARY,
    DEAD_LETTERS,
    Deployment,
    a_request,
    deployed,
    message,
    store,
)


@pytest.fixture(scope="module")
def function() -> Iterator[Deployment]:
    """One for all bad messages: none of them changes anything."""
    with deployed() as function:
        store("ann")
        yield function


BAD_MESSAGES = [
    ("this is not JSON " + CANARY, "INVALID_MESSAGE"),
    ({"some": CANARY}, "INVALID_MESSAGE"),
    (message("Canary-7f3a", request_id="r1"), "INVALID_MESSAGE"),
    ({"detail-type": "ErasureRequested", "detail": CANARY}, "INVALID_EVENT"),
    (a_request(CANARY, version="2.0"), "INVALID_EVENT"),
    (a_request(), "INVALID_EVENT"),
    (a_request(CANARY, CANARY), "INVALID_EVENT"),
    (a_request(CANARY * 200), "INVALID_EVENT"),
    (a_request(CANARY + "\x00"), "INVALID_EVENT"),
    (a_request(CANARY, received_at=CANARY), "INVALID_EVENT"),
    (a_request(CANARY, received_at="2150-11-01T12:00:00Z"), "INVALID_EVENT"),
    (a_request(CANARY, request_id=CANARY), "INVALID_EVENT"),
    (a_request(CANARY, **{CANARY: 1}), "INVALID_EVENT"),
    (a_request(CANARY, subjects_uri=f"s3://b/{CANARY}"), "INVALID_EVENT"),
    (a_request(subjects=None, subjects_uri=f"s3://missing-b/{CANARY}"), "SUBJECT_LIST_ABSENT"),
    (message("RelocationRequested", request_id="r1", location_id=CANARY), "INVALID_EVENT"),
    (message("RelocationRequested", request_id="r1", location_id="0" * 32), "UNKNOWN_LOCATION"),
]


@pytest.mark.parametrize(("body", "code"), BAD_MESSAGES)
def test_a_bad_message_is_parked_at_once_with_its_reason_and_spoils_no_other(
    function: Deployment, capsys: pytest.CaptureFixture[str], body: Any, code: str
) -> None:
    again = function.handle(body, a_request("ann", request_id="good"))

    [parked] = function.messages(DEAD_LETTERS)
    reason = parked["MessageAttributes"]["reason"]["StringValue"]
    assert again == []
    assert parked["MessageAttributes"]["reason_code"]["StringValue"] == code
    assert json.loads(parked["Body"]) == body if isinstance(body, dict) else parked["Body"] == body
    assert [data["request_id"] for _, data in function.events()] == ["good"]
    assert "anary" not in function.logs.getvalue() + capsys.readouterr().out + reason
