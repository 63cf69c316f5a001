"""`erasure errors`: what failed, and the decision about it, from a terminal."""

from __future__ import annotations

import json

import pytest

from erasure_adjudication.core import message_error_id
from erasure_adjudication.use_case import record_dead_letter
from erasure_shared.locations import Location
from tests.unit.adjudication.installed import bodies_in, erasure, heard
from tests.unit.adjudication.world import CANARY, World, a_letter, body_about


@pytest.fixture
def location(installed: World) -> Location:
    failed = installed.a_location()
    attributes = {"reason_code": "NOT_PARQUET", "reason": "the object has no footer"}
    record_dead_letter(a_letter(body_about(failed), attributes=attributes), installed.desk())
    return failed


@pytest.fixture
def error_id(installed: World, location: Location) -> str:
    return installed.error_of(location).error_id


@pytest.fixture
def message_id(installed: World) -> str:
    record_dead_letter(a_letter(f"not json: {CANARY}", "m2"), installed.desk())
    return message_error_id("m2")


def test_without_errors_it_says_so(installed: World) -> None:
    assert erasure("errors", "list").output == "No such errors.\n"
    assert json.loads(erasure("errors", "list", "--output", "json").output) == []


def test_open_errors_are_listed_with_their_reason(error_id: str, message_id: str) -> None:
    result = erasure("errors", "list")

    assert f"{error_id}  open  purge  request r1" in result.output
    assert "    the object has no footer" in result.output
    assert f"{message_id}  open  purge  request unknown" in result.output
    assert CANARY not in result.output


def test_errors_are_listed_by_request_and_status(error_id: str, message_id: str) -> None:
    def listed(*arguments: str) -> list[str]:
        result = erasure("errors", "list", "--output", "json", *arguments)
        return [error["error_id"] for error in json.loads(result.output)]

    assert listed("--request-id", "r1") == [error_id]
    assert listed("--status", "retried") == []
    assert set(listed("--status", "all")) == {error_id, message_id}


def test_an_error_shows_what_where_and_why(error_id: str) -> None:
    result = erasure("errors", "show", error_id)
    document = json.loads(erasure("errors", "show", error_id, "--output", "json").output)

    for fact in ("the purge of a location", "the object has no footer", "s3://lake/1", "r1"):
        assert fact in result.output
    assert f"erasure errors retry {error_id}" in result.output
    assert (document["reason_code"], document["store"]) == ("NOT_PARQUET", "profiles_lake")
    assert CANARY not in result.output


def test_a_parked_message_is_never_shown(message_id: str) -> None:
    result = erasure("errors", "show", message_id)

    assert "it may hold personal data" in result.output
    assert CANARY not in result.output
    assert CANARY not in erasure("errors", "show", message_id, "--output", "json").output


def test_a_retry_asks_for_the_purge_as_adjudication(
    installed: World, location: Location, error_id: str
) -> None:
    result = erasure("errors", "retry", error_id)

    assert result.exit_code == 0
    assert result.output == f"{error_id} retried: the location is to be purged again.\n"
    events = {event["detail-type"]: event for event in heard()}
    assert set(events) == {"PurgeRequested", "ErasureAdjudicated"}
    assert {event["source"] for event in events.values()} == {"erasure.adjudication"}
    assert installed.status_of(location) == "PENDING"


def test_a_retried_message_is_in_its_queue_again(message_id: str) -> None:
    result = erasure("errors", "retry", message_id)

    assert "the message is in its queue again" in result.output
    assert bodies_in("erasure-local-purge") == [f"not json: {CANARY}"]
    assert CANARY not in result.output


def test_a_dismissal_closes_the_request_without_its_identifiers(
    installed: World, location: Location, error_id: str
) -> None:
    result = erasure("errors", "dismiss", error_id, "--reason", "legal hold 12/2026")

    assert result.exit_code == 0
    assert "the data at the location stays" in result.output
    assert installed.status_of(location) == "RETAINED"
    assert installed.requests.subjects_of("r1") == ()
    assert {event["detail-type"] for event in heard()} == {"ErasureCompleted", "ErasureAdjudicated"}
    shown = erasure("errors", "show", error_id)
    assert "legal hold 12/2026" in shown.output


def test_dismissing_a_request_that_could_not_be_located_says_before_and_after_that_it_ends(
    installed: World,
) -> None:
    record_dead_letter(installed.a_request_being_located(), installed.desk())
    error_id = message_error_id("m1")

    shown = erasure("errors", "show", error_id)
    dismissed = erasure("errors", "dismiss", error_id, "--reason", "the lake is gone for good")
    status = erasure("status", "r1")

    assert "ends the request, if it is recorded, with retention" in shown.output
    assert dismissed.exit_code == 0
    assert "the request ends: what was found is purged, what was not searched stays" in (
        dismissed.output
    )
    assert "Request r1 completed with retention" in status.output
    assert "not searched" in status.output
    assert CANARY not in shown.output + dismissed.output + status.output


def test_a_dismissal_asks_for_its_reason_and_warns_of_personal_data(
    installed: World, error_id: str
) -> None:
    result = erasure("errors", "dismiss", error_id, stdin="legal hold\n")

    assert "no personal data, please" in result.output
    assert result.exit_code == 0


def test_a_dismissal_without_a_reason_is_refused(
    installed: World, location: Location, error_id: str
) -> None:
    result = erasure("errors", "dismiss", error_id, "--reason", " ")

    assert result.exit_code == 1
    assert "a dismissal needs a reason" in result.stderr
    assert installed.status_of(location) == "FAILED"


def test_the_same_decision_again_says_so(error_id: str) -> None:
    erasure("errors", "retry", error_id)

    result = erasure("errors", "retry", error_id)

    assert result.exit_code == 0
    assert "was retried before" in result.output
    assert len(heard()) == 2


def test_the_opposite_decision_is_refused_in_one_line(error_id: str) -> None:
    erasure("errors", "retry", error_id)

    result = erasure("errors", "dismiss", error_id, "--reason", "legal hold")

    assert result.exit_code == 1
    assert result.stderr.startswith("error: it was retried at ")
    assert result.stderr.count("\n") == 1


def test_several_errors_are_decided_at_once_and_one_refusal_stops_no_other(
    error_id: str, message_id: str
) -> None:
    result = erasure("errors", "retry", error_id, "0123", message_id, "--output", "json")

    assert result.exit_code == 3
    assert "no such erasure error is recorded" in result.stderr.lower()
    decided = json.loads(result.stdout)
    assert [error["error_id"] for error in decided] == [error_id, message_id]
    assert {error["status"] for error in decided} == {"RETRIED"}


@pytest.mark.parametrize("command", ["show", "retry"])
def test_an_unknown_error_is_not_found(installed: World, command: str) -> None:
    result = erasure("errors", command, "0123")

    assert result.exit_code == 3
    assert result.stderr == "error: No such erasure error is recorded (error_id=0123)\n"
