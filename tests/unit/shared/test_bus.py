"""Publishing: all of it or an error, never some of it in silence."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erasure_shared.bus import EventBus
from erasure_shared.errors import RetryLater
from erasure_shared.events import Event, PurgeRequested

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


class FakeEvents:
    """PutEvents that refuses the entries of the given numbers, counted over all calls."""

    def __init__(self, refused: frozenset[int] = frozenset()) -> None:
        self.refused = refused
        self.offered = 0
        self.calls: list[int] = []
        self.taken: list[dict[str, Any]] = []

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.calls.append(len(Entries))
        results = []
        for entry in Entries:
            if self.offered in self.refused:
                results.append({"ErrorCode": "ThrottlingException"})
            else:
                self.taken.append(entry)
                results.append({"EventId": "1"})
            self.offered += 1
        failed = sum("ErrorCode" in result for result in results)
        return {"FailedEntryCount": failed, "Entries": results}


def bus(client: FakeEvents, source: str | None = None) -> EventBus:
    return EventBus(client, "the-bus", lambda: NOW, source)  # type: ignore[arg-type]


def events(count: int) -> list[Event]:
    return [
        PurgeRequested(request_id="r1", location_id=f"{number:032x}") for number in range(count)
    ]


def published(client: FakeEvents) -> set[str]:
    return {json.loads(entry["Detail"])["data"]["location_id"] for entry in client.taken}


def test_events_travel_ten_at_a_time() -> None:
    client = FakeEvents()

    bus(client).publish(*events(23))

    assert client.calls == [10, 10, 3]
    assert len(published(client)) == 23


def test_publishing_nothing_asks_for_nothing() -> None:
    client = FakeEvents()

    bus(client).publish()

    assert client.calls == []


def test_only_the_refused_entries_are_offered_again() -> None:
    client = FakeEvents(refused=frozenset({1}))

    bus(client).publish(*events(3))

    assert client.calls == [3, 1]
    assert len(client.taken) == 3


def test_entries_that_stay_refused_are_an_error() -> None:
    client = FakeEvents(refused=frozenset(range(100)))

    with pytest.raises(RetryLater, match="did not take every event"):
        bus(client).publish(*events(2))

    assert client.calls == [2, 2, 2]


@given(count=st.integers(min_value=0, max_value=25), refused=st.frozensets(st.integers(0, 40)))
def test_either_everything_is_published_or_an_error_is_raised(
    count: int, refused: frozenset[int]
) -> None:
    client = FakeEvents(refused)

    try:
        bus(client).publish(*events(count))
    except RetryLater:
        return

    assert len(published(client)) == count


@pytest.mark.parametrize(
    ("source", "expected"), [(None, "erasure.location"), ("erasure.adjudication",) * 2]
)
def test_the_publisher_names_itself_or_the_event_does(source: str | None, expected: str) -> None:
    client = FakeEvents()

    bus(client, source).publish(*events(1))

    (entry,) = client.taken
    assert (entry["Source"], entry["EventBusName"]) == (expected, "the-bus")
