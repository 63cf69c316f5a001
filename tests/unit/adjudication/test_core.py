"""What can be read from a dead letter, whatever it holds."""

from __future__ import annotations

import json

import pytest

from erasure_adjudication.core import (
    Concern,
    attempts_of,
    concern_of,
    location_error_id,
    message_error_id,
    reason_for,
    recorded_reason,
    stamp,
)
from erasure_shared.locations import Location, LocationStatus, StoreKind
from tests.unit.adjudication.world import SENT_AT, a_letter

ID = "0123456789abcdef" * 2


def event(detail_type: str, **data: object) -> str:
    return json.dumps({"detail-type": detail_type, "detail": {"data": data}})


@pytest.mark.parametrize(
    ("body", "concern"),
    [
        (
            event("PurgeRequested", request_id="r1", location_id=ID),
            Concern("PurgeRequested", "r1", ID),
        ),
        (
            event("RelocationRequested", request_id="r1", location_id=ID),
            Concern("RelocationRequested", "r1", ID),
        ),
        (
            event("PurgeRequested", request_id="r1", location_id="x"),
            Concern("PurgeRequested", "r1"),
        ),
        (event("PurgeRequested", location_id=ID), Concern("PurgeRequested")),
        (
            event("ErasureRequested", request_id="r1", location_id=ID),
            Concern("ErasureRequested", "r1"),
        ),
        (event("ErasureRequested", request_id="ann@example.org"), Concern("ErasureRequested")),
        (event("ErasureRequested", request_id="r1\n"), Concern("ErasureRequested")),
        (event("Ann Exempel", request_id="r1"), Concern(None, "r1")),
        ("not JSON", Concern()),
        ("null", Concern()),
        ('{"detail-type": {"a": 1}, "detail": [1]}', Concern()),
        ("[" * 100_000, Concern()),
    ],
)
def test_only_references_are_read_from_a_message(body: str, concern: Concern) -> None:
    assert concern_of(body) == concern


def test_service_and_source_queue_follow_from_the_queues_name() -> None:
    letter = a_letter("x", queue="erasure-prod-location-dead-letters")

    assert (letter.service, letter.source_queue) == ("location", "erasure-prod-location")


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"reason_code": "NOT_PARQUET", "reason": "no footer"}, ("NOT_PARQUET", "no footer")),
        ({"reason_code": "NOT_PARQUET"}, ("NOT_PARQUET", "NOT_PARQUET")),
        ({"reason_code": "Ann Exempel"}, ("UNREADABLE_CODE", "Ann Exempel")),
        (
            {"ERROR_CODE": "NO_RESOURCE", "ERROR_MESSAGE": "gone"},
            ("NO_RESOURCE", "EventBridge could not deliver the event: gone"),
        ),
        ({}, ("LAST", "the last recorded reason")),
    ],
)
def test_the_letters_own_reason_comes_before_the_recorded_one(
    attributes: dict[str, str], expected: tuple[str, str]
) -> None:
    letter = a_letter("x", attributes=attributes)

    reason = reason_for(letter, None, recorded_reason("LAST", "the last recorded reason"))

    assert (reason.code, reason.words) == expected


def test_without_any_reason_the_plain_fact_is_told() -> None:
    reason = reason_for(a_letter("x"), recorded_reason(None, None))

    assert reason.words == "all attempts were used up"


def a_location(attempts: int) -> Location:
    return Location(
        "r1",
        ID,
        "s",
        StoreKind.S3,
        "a",
        LocationStatus.PENDING,
        1,
        1,
        attempts,
        searched_again=None,
    )


@pytest.mark.parametrize(
    ("attributes", "location", "attempts"),
    [
        ({}, None, 4),
        ({"attempts": "3"}, None, 3),
        ({"RETRY_ATTEMPTS": "185"}, None, 185),
        ({"attempts": "²"}, None, 4),
        ({"attempts": "9" * 5_000}, None, 4),
        ({"attempts": "3"}, a_location(5), 5),
        ({}, a_location(0), 1),
    ],
)
def test_attempts_are_those_that_were_counted(
    attributes: dict[str, str], location: Location | None, attempts: int
) -> None:
    assert attempts_of(a_letter("x", attributes=attributes, received=4), location) == attempts


def test_error_ids_are_stable_short_and_distinct() -> None:
    ids = [
        location_error_id("r1", ID),
        location_error_id("r1", "0" * 32),
        location_error_id("r2", ID),
        message_error_id("r1"),
        message_error_id("r2"),
    ]

    assert ids[0] == location_error_id("r1", ID)
    assert len(set(ids)) == len(ids)
    assert {len(error_id) for error_id in ids} == {16}


def test_stamps_sort_like_times() -> None:
    assert stamp(SENT_AT) == "2026-11-01T11:00:00.000Z"


def test_a_letters_repr_keeps_its_body_and_attributes_to_itself() -> None:
    assert "Ann" not in repr(a_letter("Ann", attributes={"reason": "Ann"}))
