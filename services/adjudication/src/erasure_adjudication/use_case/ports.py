"""What collecting and deciding need from the world."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from erasure_adjudication.core import ErrorRecord
from erasure_shared.events import ErasureCompleted, ErasureRequested, Event
from erasure_shared.locations import Location
from erasure_shared.requests import ErasureRequest


class Requests(Protocol):
    """The requests in the GDPR table; `erasure_shared.requests.Requests` is one."""

    def find(self, request_id: str) -> ErasureRequest | None: ...
    def is_recorded(self, event: ErasureRequested) -> bool: ...
    def stop_locating(
        self, request_id: str, error_id: str, reason_code: str, reason: str
    ) -> None: ...
    def stopped_by(self, request_id: str) -> str | None: ...
    def locations_of(self, request_id: str) -> Iterator[Location]: ...
    def location(self, request_id: str, location_id: str) -> Location | None: ...
    def mark_failed(self, location: Location, reason_code: str, reason: str) -> bool: ...
    def mark_retried(self, location: Location) -> bool: ...
    def mark_retained(self, location: Location) -> bool: ...
    def close_if_done(self, request_id: str) -> ErasureCompleted | None: ...
    def note_announced(self, request_id: str) -> None: ...
    def park_message(self, error_id: str, body: str) -> int: ...
    def parked_message(self, error_id: str) -> str: ...
    def drop_message(self, error_id: str) -> None: ...


class Errors(Protocol):
    """The error table."""

    def find(self, error_id: str) -> ErrorRecord | None: ...

    def write(self, record: ErrorRecord, *, instead_of: ErrorRecord | None) -> bool:
        """Whether the record now stands where `instead_of` (None: nothing) stood."""


class Bus(Protocol):
    """The event bus."""

    def publish(self, *events: Event) -> None: ...


class Queues(Protocol):
    """The queues that feed the services."""

    def send(self, queue: str, body: str) -> None: ...


@dataclass(frozen=True)
class Collection:
    """What collecting dead letters needs."""

    requests: Requests
    errors: Errors
    now: Callable[[], datetime]
    bus: Bus


@dataclass(frozen=True)
class Desk(Collection):
    """What carrying out decisions needs."""

    queues: Queues
