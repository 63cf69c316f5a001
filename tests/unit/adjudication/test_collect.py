"""A dead letter becomes one erasure error, and nothing is lost."""

from __future__ import annotations

import json

import pytest

from erasure_adjudication.core import ErrorStatus, message_error_id
from erasure_adjudication.use_case import record_dead_letter, retry
from erasure_shared.events import ErasureRequested, Event, PurgeRequested, RelocationRequested
from tests.unit.adjudication.world import CANARY, World, a_letter, body_about


def test_a_location_that_could_not_be_purged_fails_and_becomes_an_error(world: World) -> None:
    location = world.a_location()
    world.requests.note_attempt(location, "NOT_PARQUET", "the object has no footer")

    failed = record_dead_letter(a_letter(body_about(location)), world.desk())

    error = world.error_of(location)
    assert failed == error.failed()
    assert world.status_of(location) == "FAILED"
    assert error.status is ErrorStatus.OPEN
    assert (error.service, error.event, error.queue) == (
        "purge",
        "PurgeRequested",
        "erasure-local-purge",
    )
    assert (error.reason_code, error.reason) == ("NOT_PARQUET", "the object has no footer")
    assert (error.attempts, error.first_at, error.last_at) == (
        1,
        "2026-11-01T11:00:00.000Z",
        "2026-11-01T12:00:00.000Z",
    )


def test_a_relocation_that_failed_is_an_error_of_its_location(world: World) -> None:
    location = world.a_location()

    record_dead_letter(a_letter(body_about(location, RelocationRequested)), world.desk())

    assert world.error_of(location).event == "RelocationRequested"
    assert world.status_of(location) == "FAILED"


def test_two_dead_letters_of_one_location_are_one_error(world: World) -> None:
    location = world.a_location()

    first = record_dead_letter(a_letter(body_about(location), "m1"), world.desk())
    second = record_dead_letter(a_letter(body_about(location), "m2"), world.desk())

    assert first == second
    assert list(world.errors.with_status(ErrorStatus.OPEN)) == [world.error_of(location)]


def test_a_retried_location_that_fails_again_opens_its_error_again(world: World) -> None:
    location = world.a_location()
    record_dead_letter(a_letter(body_about(location), "m1"), world.desk())
    retry(world.error_of(location).error_id, world.desk())

    record_dead_letter(a_letter(body_about(location), "m2"), world.desk())

    error = world.error_of(location)
    assert (error.status, error.decided_at) == (ErrorStatus.OPEN, None)
    assert world.status_of(location) == "FAILED"


def test_a_letter_that_comes_again_after_the_retry_changes_nothing(world: World) -> None:
    location = world.a_location()
    letter = a_letter(body_about(location))
    record_dead_letter(letter, world.desk())
    retry(world.error_of(location).error_id, world.desk())

    assert record_dead_letter(letter, world.desk()) is None

    assert world.error_of(location).status is ErrorStatus.RETRIED
    assert world.status_of(location) == "PENDING"


def test_a_location_that_is_purged_already_leaves_nothing_to_decide(world: World) -> None:
    location = world.a_location()
    world.requests.mark_purged(location, 1, {})

    assert record_dead_letter(a_letter(body_about(location)), world.desk()) is None

    assert list(world.errors.with_status(ErrorStatus.OPEN)) == []


@pytest.mark.parametrize("event", [PurgeRequested, RelocationRequested])
def test_a_letter_about_the_last_location_closes_a_request_that_its_worker_left_open(
    world: World, event: type[Event]
) -> None:
    location = world.a_location()
    world.requests.mark_purged(location, 1, {})

    for _ in range(2):
        assert record_dead_letter(a_letter(body_about(location, event)), world.desk()) is None

    assert world.published() == ["ErasureCompleted"]
    request = world.requests.find("r1")
    assert request is not None
    assert request.status == "COMPLETED"


def test_a_letter_about_a_retained_location_closes_its_request_too(world: World) -> None:
    location = world.a_location()
    world.requests.mark_failed(location, "NOT_PARQUET", "no footer")
    world.requests.mark_retained(location)

    assert record_dead_letter(a_letter(body_about(location)), world.desk()) is None

    assert world.published() == ["ErasureCompleted"]


def test_a_letter_about_a_settled_location_leaves_a_request_open_that_has_others(
    world: World,
) -> None:
    location = world.a_location()
    world.a_location(address="s3://lake/2")
    world.requests.mark_purged(location, 1, {})

    assert record_dead_letter(a_letter(body_about(location)), world.desk()) is None

    assert world.published() == []


def test_a_message_about_no_known_location_is_kept_word_for_word(world: World) -> None:
    body = f"not json, but {CANARY} 😀 \x01" + "x" * 400_000

    failed = record_dead_letter(a_letter(body), world.desk())

    assert failed is not None
    assert (failed.request_id, failed.location_id) == (None, None)
    error = world.errors.find(failed.error_id)
    assert error is not None
    assert error.parked_parts > 0
    assert CANARY not in repr(error)
    assert world.requests.parked_message(failed.error_id) == body


def test_a_rejected_request_names_itself_and_why(world: World) -> None:
    data = {"request_id": "r9", "subjects": [{"profile_id": CANARY}]}
    body = json.dumps({"detail-type": "ErasureRequested", "detail": {"data": data}})
    attributes = {"reason_code": "INVALID_EVENT", "reason": "received_at: Field required"}

    failed = record_dead_letter(
        a_letter(body, queue="erasure-local-location-dead-letters", attributes=attributes),
        world.desk(),
    )

    error = world.errors.find(message_error_id("m1"))
    assert failed is not None
    assert error is not None
    assert (error.event, error.request_id, error.service) == (
        ErasureRequested.detail_type,
        "r9",
        "location",
    )
    assert error.reason == "received_at: Field required"


def test_a_request_that_could_not_be_located_tells_the_last_recorded_reason(world: World) -> None:
    location = world.a_location("r1")
    world.requests.note_failure("r1", "ATHENA_DOWN", "Athena does not answer")
    body = json.dumps({"detail-type": "ErasureRequested", "detail": {"data": {"request_id": "r1"}}})

    failed = record_dead_letter(a_letter(body), world.desk())

    assert failed is not None
    assert failed.reason_code == "ATHENA_DOWN"
    assert world.status_of(location) == "PENDING"


def test_a_parked_message_that_comes_again_after_the_decision_is_not_kept(world: World) -> None:
    letter = a_letter("not json")
    record_dead_letter(letter, world.desk())
    error_id = message_error_id("m1")
    retry(error_id, world.desk())
    world.requests.park_message(error_id, "not json")

    assert record_dead_letter(letter, world.desk()) is None

    assert world.requests.parked_message(error_id) == ""
