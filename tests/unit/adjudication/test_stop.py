"""Dismissing a request that could not be located: it ends, and what was found is purged."""

from __future__ import annotations

import boto3
import pytest

from erasure_adjudication.core import DecisionRefused, ErrorStatus, message_error_id
from erasure_adjudication.use_case import dismiss, record_dead_letter, retry
from erasure_shared.events import ErasureCompleted, PurgeRequested
from erasure_shared.locations import StoreKind
from tests.aws import GDPR_TABLE
from tests.unit.adjudication.world import CANARY, World, a_letter, body_asking

ERROR_ID = message_error_id("m1")


def status_of(world: World) -> str:
    request = world.requests.find("r1")
    assert request is not None
    return request.status


def test_a_request_that_was_never_located_is_completed_with_retention(world: World) -> None:
    record_dead_letter(world.a_request_being_located(), world.desk())

    decided = dismiss(ERROR_ID, "the lake is gone for good", world.desk())

    assert decided.ends_request
    assert status_of(world) == "COMPLETED_WITH_RETENTION"
    completed, adjudicated = world.bus.published
    assert isinstance(completed, ErasureCompleted)
    assert (completed.locations_retained, completed.locations_purged) == (1, 0)
    assert adjudicated.detail_type == "ErasureAdjudicated"
    assert CANARY not in str(boto3.client("dynamodb").scan(TableName=GDPR_TABLE)["Items"])


def test_what_was_found_before_is_asked_to_be_purged_and_then_the_request_ends(
    world: World,
) -> None:
    letter = world.a_request_being_located("s3://lake/1", "s3://lake/2")
    record_dead_letter(letter, world.desk())

    dismiss(ERROR_ID, "the lake is gone for good", world.desk())

    found = [one for one in world.requests.locations_of("r1") if one.kind is StoreKind.S3]
    asked = [event for event in world.bus.published if isinstance(event, PurgeRequested)]
    assert {event.location_id for event in asked} == {one.location_id for one in found}
    assert len(asked) == 2
    assert status_of(world) == "PURGING"
    for location in found:
        assert len(world.requests.identifiers_of(location)) == 1
        world.requests.mark_purged(location, 1, {})
    completed = world.requests.close_if_done("r1")
    assert completed is not None
    assert (completed.status, completed.rows_erased) == ("COMPLETED_WITH_RETENTION", 2)


def test_a_store_that_was_set_aside_is_searched_again(world: World) -> None:
    letter = world.a_request_being_located()
    world.a_set_aside_search("customers")
    record_dead_letter(letter, world.desk())

    dismiss(ERROR_ID, "the lake is gone for good", world.desk())

    assert world.published() == ["RelocationRequested", "ErasureAdjudicated"]


def test_the_same_dismissal_again_changes_nothing(world: World) -> None:
    record_dead_letter(world.a_request_being_located("s3://lake/1"), world.desk())
    dismiss(ERROR_ID, "the lake is gone for good", world.desk())
    published = world.published()

    assert dismiss(ERROR_ID, "the lake is gone for good", world.desk()).repeated

    assert world.published() == published


def test_a_request_that_was_located_meanwhile_is_purged_without_retention(world: World) -> None:
    record_dead_letter(world.a_request_being_located("s3://lake/1"), world.desk())
    world.requests.finish_locating("r1")

    dismiss(ERROR_ID, "located by another copy of the message", world.desk())

    assert world.published() == ["PurgeRequested", "ErasureAdjudicated"]
    request = world.requests.find("r1")
    assert request is not None
    assert request.retained_locations == 0


@pytest.mark.parametrize(
    "body",
    [
        body_asking("r1", "eve"),
        body_asking().replace("1.0", "7.0"),
        body_asking().replace("received_at", "received"),
        "not JSON: r1",
    ],
    ids=["other people", "unknown version", "without a time", "not JSON"],
)
def test_a_message_that_is_not_the_recorded_one_ends_nothing(world: World, body: str) -> None:
    world.a_request_being_located()
    record_dead_letter(a_letter(body), world.desk())

    decided = dismiss(ERROR_ID, "sent by mistake", world.desk())

    assert not decided.ends_request
    assert status_of(world) == "LOCATING"
    assert world.published() == ["ErasureAdjudicated"]


def test_a_request_that_was_refused_at_intake_is_forgotten(world: World) -> None:
    record_dead_letter(a_letter(body_asking()), world.desk())

    decided = dismiss(ERROR_ID, "sent by mistake", world.desk())

    assert not decided.ends_request
    assert world.requests.find("r1") is None
    assert world.requests.parked_message(ERROR_ID) == ""


def test_a_dismissal_that_broke_off_cannot_be_turned_into_a_retry(world: World) -> None:
    record_dead_letter(world.a_request_being_located(), world.desk())
    world.requests.stop_locating("r1", ERROR_ID, "ATHENA_DOWN", "Athena does not answer")

    with pytest.raises(DecisionRefused, match="repeat the dismissal"):
        retry(ERROR_ID, world.desk())

    error = world.errors.find(ERROR_ID)
    assert error is not None
    assert error.status is ErrorStatus.OPEN
    assert world.queues.sent == []


def test_another_copy_of_the_message_can_still_be_retried(world: World) -> None:
    letter = world.a_request_being_located()
    record_dead_letter(letter, world.desk())
    record_dead_letter(a_letter(letter.body, "m2"), world.desk())
    dismiss(ERROR_ID, "the lake is gone for good", world.desk())

    retry(message_error_id("m2"), world.desk())

    assert world.queues.sent == [("erasure-local-purge", letter.body)]
