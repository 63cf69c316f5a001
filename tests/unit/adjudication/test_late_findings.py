"""Data that is found after its request has closed: nobody erases it, so a person must hear."""

from __future__ import annotations

import pytest

from erasure_adjudication.core import (
    DeadLetter,
    DecisionRefused,
    ErrorStatus,
    late_finding_error_id,
)
from erasure_adjudication.use_case import dismiss, record_dead_letter, retry
from erasure_shared.events import RelocationRequested
from erasure_shared.locations import Location
from tests.unit.adjudication.world import World, a_letter, body_about

LATE = {"reason_code": "REQUEST_CLOSED", "reason": "the request is closed or unknown"}


def a_closed_request(world: World) -> Location:
    location = world.a_location()
    world.requests.mark_purged(location, 1, {})
    assert world.requests.close_if_done("r1") is not None
    world.requests.note_announced("r1")
    return location


def a_late_letter(location: Location, message_id: str = "m1") -> DeadLetter:
    return a_letter(body_about(location, RelocationRequested), message_id, attributes=LATE)


def test_data_found_after_the_close_becomes_an_error_that_says_what_to_do(world: World) -> None:
    location = a_closed_request(world)

    failed = record_dead_letter(a_late_letter(location), world.desk())

    error = world.errors.find(late_finding_error_id("r1", location.location_id))
    assert error is not None
    assert failed == error.failed()
    assert (error.status, error.reason_code) == (ErrorStatus.OPEN, "REQUEST_CLOSED")
    assert "send a new request" in error.reason


def test_a_retry_is_refused_because_nobody_is_named_any_more(world: World) -> None:
    location = a_closed_request(world)
    failed = record_dead_letter(a_late_letter(location), world.desk())
    assert failed is not None

    with pytest.raises(DecisionRefused, match="new request"):
        retry(failed.error_id, world.desk())

    assert len(list(world.errors.with_status(ErrorStatus.OPEN))) == 1
    assert world.published() == []


def test_it_is_dismissed_with_a_reason_and_stays_so(world: World) -> None:
    location = a_closed_request(world)
    failed = record_dead_letter(a_late_letter(location), world.desk())
    assert failed is not None

    decided = dismiss(failed.error_id, "asked for again as r2", world.desk())

    assert decided.error.status is ErrorStatus.DISMISSED
    assert record_dead_letter(a_late_letter(location), world.desk()) is None
    assert world.status_of(location) == "PURGED"


def test_an_earlier_error_of_the_location_keeps_its_decision(world: World) -> None:
    location = world.a_location()
    first = record_dead_letter(a_letter(body_about(location), "m0"), world.desk())
    assert first is not None
    dismiss(first.error_id, "legal hold", world.desk())

    record_dead_letter(a_late_letter(location), world.desk())

    assert world.error_of(location).decision_reason == "legal hold"
    assert len(list(world.errors.with_status(ErrorStatus.OPEN))) == 1


def test_any_other_late_letter_about_a_settled_location_is_dropped(world: World) -> None:
    location = a_closed_request(world)

    failed = record_dead_letter(a_letter(body_about(location)), world.desk())

    assert failed is None
    assert list(world.errors.with_status(ErrorStatus.OPEN)) == []
