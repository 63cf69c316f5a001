"""The function: messages in, events, metrics and logs out."""

from __future__ import annotations

import json
from collections.abc import Iterator

import boto3
import pytest

from erasure_shared import wiring
from tests.unit.location.deployment import (
    ATHENA_BUCKET,
    BOOKINGS,
    CANARY,
    DEAD_LETTERS,
    HEARD,
    LOYALTY,
    Deployment,
    a_request,
    deployed,
    message,
    store,
)


@pytest.fixture
def function() -> Iterator[Deployment]:
    with deployed() as function:
        yield function


def parked_codes(function: Deployment) -> list[str]:
    return [
        message["MessageAttributes"]["reason_code"]["StringValue"]
        for message in function.messages(DEAD_LETTERS)
    ]


def test_a_request_becomes_one_purge_for_each_place_where_somebody_was_found(
    function: Deployment,
) -> None:
    store(CANARY)

    again = function.handle(a_request(CANARY, "nobody"))

    [(detail_type, data)] = function.events()
    [location] = wiring.requests().locations_of("r1")
    assert again == []
    assert detail_type == "PurgeRequested"
    assert data == {"request_id": "r1", "location_id": location.location_id}


def test_a_request_for_nobody_we_know_is_announced_as_completed_once(function: Deployment) -> None:
    function.handle(a_request("nobody"))
    function.handle(a_request("nobody"))

    [(detail_type, data)] = function.events()
    assert detail_type == "ErasureCompleted"
    assert (data["subjects"], data["subjects_not_found"]) == (1, 1)


def test_the_search_is_counted_once(
    function: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    store(CANARY)
    function.handle(a_request(CANARY, "nobody"))
    function.handle(a_request(CANARY, "nobody"))

    [metrics] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert metrics["SubjectsRequested"] == [2.0]
    assert metrics["LocationsFound"] == [1.0]
    assert metrics["SubjectsNotFound"] == [1.0]


def test_a_claim_check_is_located(function: Deployment) -> None:
    store(CANARY)
    body = json.dumps({"profile_id": CANARY}).encode()
    boto3.client("s3").put_object(Bucket=ATHENA_BUCKET, Key="requests/r1.jsonl", Body=body)

    function.handle(
        message(
            request_id="r1",
            received_at="2026-11-01T12:00:00Z",
            subjects_uri=f"s3://{ATHENA_BUCKET}/requests/r1.jsonl",
        )
    )

    assert [detail_type for detail_type, _ in function.events()] == ["PurgeRequested"]


def test_a_location_is_searched_again_when_it_is_asked_for(function: Deployment) -> None:
    store("ann")
    function.handle(a_request("ann"))
    [location] = wiring.requests().locations_of("r1")
    function.messages(HEARD)

    function.handle(
        message("RelocationRequested", request_id="r1", location_id=location.location_id)
    )

    again = wiring.requests().location("r1", location.location_id)
    assert again is not None
    assert again.searched_again


def test_a_request_under_a_taken_id_is_parked_and_the_first_stays_as_it_is(
    function: Deployment,
) -> None:
    store("ann")
    function.handle(a_request("ann"))

    function.handle(a_request("zoe"))

    request = wiring.requests().find("r1")
    assert parked_codes(function) == ["REQUEST_ID_REUSED"]
    assert request is not None
    assert request.reason_code is None


def test_a_database_that_is_down_sends_the_message_back_with_its_reason(
    function: Deployment,
) -> None:
    store("ann")
    function.declare(LOYALTY, BOOKINGS)

    again = function.handle(a_request("ann"))

    request = wiring.requests().find("r1")
    assert again == ["0"]
    assert request is not None
    assert request.reason_code == "POSTGRESQL_DOWN"
    assert request.stores_searched == {"loyalty_accounts"}
    assert function.events() == []


def test_an_invocation_that_is_nearly_over_starts_no_search(function: Deployment) -> None:
    times = iter([120.0])

    again = function.handle(a_request("ann"), remaining_s=lambda: next(times, 1.0))

    request = wiring.requests().find("r1")
    assert again == ["0"]
    assert request is not None
    assert request.reason_code == "OUT_OF_TIME"


def test_a_store_that_does_not_exist_is_parked_as_a_search_to_be_repeated(
    function: Deployment,
) -> None:
    store("ann")
    function.declare(LOYALTY, LOYALTY | {"name": "old_accounts", "table": "old_accounts"})

    again = function.handle(a_request("ann"))

    [parked] = function.messages(DEAD_LETTERS)
    body = json.loads(parked["Body"])
    [search] = [
        location
        for location in wiring.requests().locations_of("r1")
        if location.address == "search:old_accounts"
    ]
    assert again == []
    assert body["detail-type"] == "RelocationRequested"
    assert body["detail"]["data"] == {"request_id": "r1", "location_id": search.location_id}
    assert [detail_type for detail_type, _ in function.events()] == ["PurgeRequested"]


def test_nobody_is_named_in_logs_metrics_events_or_reasons(
    function: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    store(CANARY)
    function.declare(
        LOYALTY, BOOKINGS, LOYALTY | {"name": "missing", "table": f"missing_{'x' * 9}"}
    )
    function.handle(a_request(CANARY))
    function.declare(LOYALTY, LOYALTY | {"name": "missing", "table": "missing_table"})
    function.handle(a_request(CANARY))

    attributes = [parked["MessageAttributes"] for parked in function.messages(DEAD_LETTERS)]
    said = [
        function.logs.getvalue(),
        capsys.readouterr().out,
        str(function.events()),
        str(attributes),
    ]
    assert "subjects located" in said[0]
    assert "anary" not in "".join(said)
    assert "O'Hara" not in "".join(said)
