"""A person's decision: carried out once, whoever repeats it; never taken back."""

from __future__ import annotations

import pytest

from erasure_adjudication.core import DecisionRefused, ErrorStatus, NoSuchError, message_error_id
from erasure_adjudication.use_case import dismiss, record_dead_letter, retry
from erasure_shared.events import ErasureAdjudicated, ErasureCompleted, Event, PurgeRequested
from erasure_shared.locations import Location, StoreKind
from tests.unit.adjudication.world import CANARY, World, a_letter, body_about


def a_failed_location(world: World, kind: StoreKind = StoreKind.S3) -> tuple[Location, str]:
    location = world.a_location(kind=kind)
    record_dead_letter(a_letter(body_about(location)), world.desk())
    return location, world.error_of(location).error_id


def a_parked_message(world: World, body: str = f"not json: {CANARY}") -> str:
    record_dead_letter(a_letter(body), world.desk())
    return message_error_id("m1")


def test_a_retried_location_is_pending_again_and_asked_for(world: World) -> None:
    location, error_id = a_failed_location(world)

    decided = retry(error_id, world.desk())

    assert not decided.repeated
    assert world.status_of(location) == "PENDING"
    expected: list[Event] = [
        PurgeRequested(request_id="r1", location_id=location.location_id),
        ErasureAdjudicated(
            error_id=error_id, request_id="r1", location_id=location.location_id, decision="RETRY"
        ),
    ]
    assert world.bus.published == expected
    assert world.error_of(location).status is ErrorStatus.RETRIED
    assert world.error_of(location).decided_at == "2026-11-01T12:00:00.000Z"


def test_a_retried_search_is_searched_again(world: World) -> None:
    _, error_id = a_failed_location(world, StoreKind.SEARCH)

    retry(error_id, world.desk())

    assert world.published() == ["RelocationRequested", "ErasureAdjudicated"]


def test_a_dismissed_location_is_retained_and_ends_the_request(world: World) -> None:
    location, error_id = a_failed_location(world)

    dismiss(error_id, "  legal hold 12/2026 ", world.desk())

    assert world.status_of(location) == "RETAINED"
    assert world.published() == ["ErasureCompleted", "ErasureAdjudicated"]
    completed = world.bus.published[0]
    assert isinstance(completed, ErasureCompleted)
    assert completed.status == "COMPLETED_WITH_RETENTION"
    error = world.error_of(location)
    assert (error.status, error.decision_reason) == (ErrorStatus.DISMISSED, "legal hold 12/2026")
    assert world.requests.close_if_done("r1") is None


def test_a_dismissal_leaves_the_request_open_while_another_location_is(world: World) -> None:
    _, error_id = a_failed_location(world)
    world.a_location(address="s3://lake/2")

    dismiss(error_id, "legal hold", world.desk())

    assert world.published() == ["ErasureAdjudicated"]


def test_a_retried_message_goes_back_to_its_queue_and_is_kept_no_longer(world: World) -> None:
    error_id = a_parked_message(world)

    retry(error_id, world.desk())

    assert world.queues.sent == [("erasure-local-purge", f"not json: {CANARY}")]
    assert world.published() == ["ErasureAdjudicated"]
    assert world.requests.parked_message(error_id) == ""


def test_a_dismissed_message_is_forgotten(world: World) -> None:
    error_id = a_parked_message(world)

    dismiss(error_id, "sent by mistake", world.desk())

    assert world.queues.sent == []
    assert world.requests.parked_message(error_id) == ""


@pytest.mark.parametrize("of", ["location", "message"])
def test_the_same_decision_again_says_so_and_changes_nothing(world: World, of: str) -> None:
    error_id = a_failed_location(world)[1] if of == "location" else a_parked_message(world)
    first = retry(error_id, world.desk())
    published, sent = world.published(), list(world.queues.sent)

    again = retry(error_id, world.desk())

    assert again.repeated
    assert again.error == first.error
    assert (world.published(), world.queues.sent) == (published, sent)


@pytest.mark.parametrize("of", ["location", "message"])
def test_the_same_dismissal_again_changes_nothing(world: World, of: str) -> None:
    error_id = a_failed_location(world)[1] if of == "location" else a_parked_message(world)
    first = dismiss(error_id, "legal hold", world.desk())
    published = world.published()

    again = dismiss(error_id, "another reason", world.desk())

    assert again.repeated
    assert again.error == first.error
    assert world.published() == published


@pytest.mark.parametrize("of", ["location", "message"])
def test_the_opposite_decision_is_refused(world: World, of: str) -> None:
    error_id = a_failed_location(world)[1] if of == "location" else a_parked_message(world)
    dismiss(error_id, "legal hold", world.desk())
    published = world.published()

    with pytest.raises(DecisionRefused, match="was dismissed at 2026-11-01T12:00"):
        retry(error_id, world.desk())

    assert world.published() == published


def test_a_retried_error_cannot_be_dismissed(world: World) -> None:
    location, error_id = a_failed_location(world)
    retry(error_id, world.desk())

    with pytest.raises(DecisionRefused, match="was retried"):
        dismiss(error_id, "legal hold", world.desk())

    assert world.status_of(location) == "PENDING"


@pytest.mark.parametrize("reason", ["", "  ", "\n"])
def test_a_dismissal_without_a_reason_is_refused(world: World, reason: str) -> None:
    location, error_id = a_failed_location(world)

    with pytest.raises(DecisionRefused, match="needs a reason"):
        dismiss(error_id, reason, world.desk())

    assert world.status_of(location) == "FAILED"
    assert world.bus.published == []


def test_an_unknown_error_is_said_to_be_unknown(world: World) -> None:
    with pytest.raises(NoSuchError, match="error_id=0123"):
        retry("0123", world.desk())


def test_retrying_what_another_worker_purged_meanwhile_asks_for_nothing(world: World) -> None:
    location, error_id = a_failed_location(world)
    world.requests.mark_retried(location)
    world.requests.mark_purged(location, 1, {})

    decided = retry(error_id, world.desk())

    assert decided.location is not None
    assert decided.location.status == "PURGED"
    assert world.published() == ["ErasureAdjudicated"]


def test_a_dismissal_that_broke_off_cannot_be_turned_into_a_retry(world: World) -> None:
    location, error_id = a_failed_location(world)
    world.requests.mark_retained(location)

    with pytest.raises(DecisionRefused, match="repeat the dismissal"):
        retry(error_id, world.desk())

    assert world.status_of(location) == "RETAINED"
    assert world.bus.published == []


def test_a_retry_that_broke_off_cannot_be_dismissed_before_it_was_repeated(world: World) -> None:
    location, error_id = a_failed_location(world)
    world.requests.mark_retried(location)

    with pytest.raises(DecisionRefused, match="repeat the retry"):
        dismiss(error_id, "legal hold", world.desk())

    assert world.status_of(location) == "PENDING"


def test_a_failure_that_arrives_during_the_decision_stays_open(world: World) -> None:
    location, error_id = a_failed_location(world)
    publish = world.bus.publish

    def publish_and_fail_again(*events: Event) -> None:
        publish(*events)
        record_dead_letter(a_letter(body_about(location), "m2"), world.desk())

    world.bus.publish = publish_and_fail_again  # type: ignore[method-assign]

    with pytest.raises(DecisionRefused, match="failed again"):
        retry(error_id, world.desk())

    assert world.error_of(location).status is ErrorStatus.OPEN
    assert world.status_of(location) == "FAILED"
