"""A canary: a distinctive name and id go the whole way, and surface nowhere but where they may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.demo.road import Road, wait_until
from infra.local.cloud import LocalCloud
from infra.local.observation import EventRecorder

CANARY_ID = "canary-7f3b-Quetzalcoatlus"
CANARY_NAME = "Quetzalina Canarybird"
SIGNS = ("Quetzal", "Canarybird")


@pytest.fixture(scope="module")
def events(cloud: LocalCloud, road: Road) -> list[dict[str, Any]]:
    """Every event while the canary was fed, searched, purged, and stood in every bad input."""
    recorder: EventRecorder = cloud.record_events()
    _feed_the_canary(road)
    road.request("canary", [CANARY_ID])
    for detail in _bad_details():
        road.publish_detail(detail)
    wait_until(lambda: road.is_closed("canary"), what="the canary is erased", at_most_s=120)
    road.wait_for_idle_queues()
    wait_until(lambda: len(road.open_errors()) >= 3, what="the errors are recorded", at_most_s=60)
    return recorder.take()


def _feed_the_canary(road: Road) -> None:
    good = {
        "profile_id": CANARY_ID,
        "record_type": "profile",
        "first_name": CANARY_NAME,
        "updated_at": "2026-11-01T10:00:00Z",
    }
    had = road.stores.lake_row_count()
    road.stores.stream([good], lambda _: None)
    road.stores.stream([good | {"visits": CANARY_NAME}], lambda _: None)
    wait_until(
        lambda: road.stores.lake_row_count() > had, what="the canary is in the lake", at_most_s=60
    )


def _bad_details() -> Iterator[object]:
    data = {
        "request_id": "bad-canary",
        "received_at": "2026-11-01T10:00:00Z",
        "subjects": [{"profile_id": CANARY_ID}],
    }
    good = {"schema_version": "1.0"}
    yield {"metadata": good, "data": data | {CANARY_NAME: CANARY_ID}}
    yield {"metadata": {"schema_version": "9.0"}, "data": data}
    yield {"metadata": good, "data": data | {"subjects": [{"profile_id": CANARY_ID * 20}]}}
    yield {"metadata": good, "data": data | {"received_at": CANARY_NAME}}


def _holds_the_canary(text: str) -> bool:
    return any(sign in text for sign in SIGNS)


def test_no_log_line_and_no_metric_holds_the_canary(
    cloud: LocalCloud, events: list[dict[str, Any]]
) -> None:
    lines = list(cloud.function_log_lines())

    assert events
    assert {line.function for line in lines} >= {
        "erasure-local-ingestion-transform",
        "erasure-local-location",
        "erasure-local-purge",
        "erasure-local-adjudication",
    }
    assert [line.text for line in lines if _holds_the_canary(line.text)] == []


def test_no_event_but_the_first_holds_the_canary(events: list[dict[str, Any]]) -> None:
    told = [event for event in events if event["detail-type"] != "ErasureRequested"]

    assert {event["detail-type"] for event in told} >= {
        "PurgeRequested",
        "LocationPurged",
        "ErasureCompleted",
        "ErasureFailed",
    }
    assert [event for event in told if _holds_the_canary(json.dumps(event))] == []


def test_no_error_text_holds_the_canary(road: Road, events: list[dict[str, Any]]) -> None:
    assert events
    errors = road.open_errors()

    assert errors
    assert not _holds_the_canary(json.dumps(errors))
    assert not _holds_the_canary(road.erasure("errors", "list"))


def test_the_canary_is_erased(road: Road, events: list[dict[str, Any]]) -> None:
    assert events
    left = [row for row in road.stores.lake_rows() if row["profile_id"] == CANARY_ID]

    assert left == []
    assert road.found("canary").rows_erased == 1
