"""A GDPR table and an error table on moto, and a bus and queues that remember."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from erasure_adjudication.adapters import ErrorTable
from erasure_adjudication.core import DeadLetter, ErrorRecord, location_error_id
from erasure_adjudication.use_case import Desk
from erasure_shared.events import Event, PurgeRequested
from erasure_shared.locations import Digest, Found, Identifier, Location, StoreKind
from erasure_shared.requests import Requests
from tests.aws import moto_account

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SENT_AT = NOW - timedelta(hours=1)
CANARY = "Kanarie-Vogelsang"


class FakeBus:
    """Remembers what was published."""

    def __init__(self) -> None:
        self.published: list[Event] = []

    def publish(self, *events: Event) -> None:
        self.published += events


class FakeQueues:
    """Remembers what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, queue: str, body: str) -> None:
        self.sent.append((queue, body))


@dataclass
class World:
    """One request `r1` of two people, with one pending location unless a test asks for more."""

    requests: Requests
    errors: ErrorTable = field(default_factory=ErrorTable)
    bus: FakeBus = field(default_factory=FakeBus)
    queues: FakeQueues = field(default_factory=FakeQueues)

    def desk(self, now: Callable[[], datetime] = lambda: NOW) -> Desk:
        return Desk(self.requests, self.errors, now, self.bus, self.queues)

    def a_location(
        self, request_id: str = "r1", address: str = "s3://lake/1", kind: StoreKind = StoreKind.S3
    ) -> Location:
        people = (SecretStr(CANARY), SecretStr("ann"))
        self.requests.register(request_id, NOW, NOW + timedelta(days=30), people)
        found = Found("profiles_lake", kind, address, tuple(map(Identifier, people)))
        location = self.requests.add_location(request_id, found)
        self.requests.finish_locating(request_id)
        return location

    def a_request_being_located(self, *addresses: str) -> DeadLetter:
        """The dead letter of request `r1`, which was found at these addresses before it failed."""
        people = (SecretStr(CANARY), SecretStr("ann"))
        self.requests.register("r1", NOW, NOW + timedelta(days=30), people)
        for address in addresses:
            found = Found("profiles_lake", StoreKind.S3, address, (Identifier(people[0]),))
            self.requests.add_location("r1", found)
            self.requests.note_search("r1", "profiles_lake")
        self.requests.note_failure("r1", "ATHENA_DOWN", "Athena does not answer")
        return a_letter(body_asking(), queue="erasure-local-location-dead-letters")

    def a_set_aside_search(self, store: str) -> None:
        people = (Identifier(SecretStr(CANARY)), Identifier(SecretStr("ann")))
        found = Found(store, StoreKind.SEARCH, f"search:{store}", people)
        self.requests.add_location("r1", found)

    def status_of(self, location: Location) -> str:
        found = self.requests.location(location.request_id, location.location_id)
        assert found is not None
        return found.status

    def error_of(self, location: Location) -> ErrorRecord:
        found = self.errors.find(location_error_id(location.request_id, location.location_id))
        assert found is not None
        return found

    def published(self) -> list[str]:
        return [event.detail_type for event in self.bus.published]


@contextmanager
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with moto_account(monkeypatch):
        yield World(Requests(Digest(b"key"), now=lambda: NOW))


def body_about(location: Location, event: type[Event] = PurgeRequested) -> str:
    detail = {
        "metadata": {"schema_version": "1.0"},
        "data": {"request_id": location.request_id, "location_id": location.location_id},
    }
    return json.dumps({"detail-type": event.detail_type, "detail": detail})


def body_asking(request_id: str = "r1", *people: str) -> str:
    """`ErasureRequested` as it is recorded for `r1`, unless it asks for other people."""
    data = {
        "request_id": request_id,
        "received_at": NOW.isoformat(),
        "subjects": [{"profile_id": one} for one in people or (CANARY, "ann")],
    }
    detail = {"metadata": {"schema_version": "1.0"}, "data": data}
    return json.dumps({"detail-type": "ErasureRequested", "detail": detail})


def a_letter(body: str, message_id: str = "m1", **changes: Any) -> DeadLetter:
    values: dict[str, Any] = {
        "message_id": message_id,
        "queue": "erasure-local-purge-dead-letters",
        "sent_at": SENT_AT,
        "received": 1,
        "body": body,
    }
    return DeadLetter(**(values | changes))
