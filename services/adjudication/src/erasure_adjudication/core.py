"""What a dead letter says, and what may be decided about it. Pure.

erasure error    OPEN ──► RETRIED     (tried again; fails again: OPEN)
                   └────► DISMISSED   (a person's last word)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from erasure_shared.errors import ErasureError, Rejected
from erasure_shared.events import (
    EVENTS,
    ErasureFailed,
    ErasureRequested,
    PurgeRequested,
    RelocationRequested,
)
from erasure_shared.locations import Location, LocationStatus

DEAD_LETTERS = "-dead-letters"
"""What a dead-letter queue's name adds to the name of the queue before it."""

SETTLED = frozenset({LocationStatus.PURGED, LocationStatus.RETAINED})
"""Nothing is left to decide about such a location."""

REQUEST_CLOSED = "REQUEST_CLOSED"
"""The reason code of a message that found data for a request that takes none any more."""

_ERROR_NAMESPACE = UUID("a0c3a1de-5b0d-5c51-9f38-2b4f4f6f0b6e")
_ERROR_ID_LENGTH = 16  # of hexadecimal digits: short enough to read out, 64 bits
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_LOCATION_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,9}", re.ASCII)
_LONGEST_REASON = 1_000
_KNOWN_EVENTS = frozenset(event.detail_type for event in EVENTS)
_ABOUT_A_LOCATION = frozenset({PurgeRequested.detail_type, RelocationRequested.detail_type})


class ErrorStatus(StrEnum):
    """OPEN waits for a person."""

    OPEN = "OPEN"
    RETRIED = "RETRIED"
    DISMISSED = "DISMISSED"


class NoSuchError(ErasureError):
    """No such erasure error is recorded."""

    reason_code = "UNKNOWN_ERROR"


class DecisionRefused(ErasureError):
    """The decision cannot be carried out."""

    reason_code = "DECISION_REFUSED"


@dataclass(frozen=True)
class Reason:
    """Why something failed: a stable code, and words without personal data."""

    code: str
    words: str


FOUND_AFTER_CLOSE = Reason(
    REQUEST_CLOSED,
    "data was found at another place after the request had closed; whose it is was forgotten with "
    "the request: send a new request for the same people, then dismiss this error",
)
ALL_ATTEMPTS_USED = Reason("ATTEMPTS_USED_UP", "all attempts were used up")


@dataclass(frozen=True)
class DeadLetter:
    """A message that a service gave up; the body may be anything, personal data included."""

    message_id: str
    queue: str
    sent_at: datetime
    received: int
    body: str = field(repr=False)
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def source_queue(self) -> str:
        """The name of the queue that it came through first."""
        return self.queue.removesuffix(DEAD_LETTERS)

    @property
    def service(self) -> str:
        """The service that gave it up: queues are called `erasure-<stage>-<service>`."""
        return self.source_queue.rsplit("-", 1)[-1]


@dataclass(frozen=True)
class Concern:
    """What a message is about, as far as it can be read; references only."""

    event: str | None = None
    request_id: str | None = None
    location_id: str | None = None


@dataclass(frozen=True)
class ErrorRecord:
    """An erasure error as it is recorded; times are RFC 3339 in UTC."""

    error_id: str
    status: ErrorStatus
    service: str
    event: str | None
    request_id: str | None
    location_id: str | None
    queue: str
    message_id: str
    reason_code: str
    reason: str
    attempts: int
    first_at: str
    last_at: str
    decided_at: str | None = None
    decision_reason: str | None = None
    parked_parts: int = 0

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    def failed(self) -> ErasureFailed:
        """The event that tells of it."""
        return ErasureFailed(
            error_id=self.error_id,
            request_id=self.request_id,
            location_id=self.location_id,
            service=self.service,
            reason_code=self.reason_code,
        )


def location_error_id(request_id: str, location_id: str) -> str:
    """The one error of a location, however often it fails."""
    return _error_id(f"location/{request_id}/{location_id}")


def late_finding_error_id(request_id: str, location_id: str) -> str:
    """The error of data that a search for this location found when its request had closed."""
    return _error_id(f"late/{request_id}/{location_id}")


def message_error_id(message_id: str) -> str:
    """The error of a message that is about no known location."""
    return _error_id(f"message/{message_id}")


def _error_id(name: str) -> str:
    return uuid5(_ERROR_NAMESPACE, name).hex[:_ERROR_ID_LENGTH]


def concern_of(body: str) -> Concern:
    """What the message is about; whatever does not have a reference's shape is left out."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return Concern()
    detail_type = _member(event, "detail-type")
    data = _member(_member(event, "detail"), "data")
    name = detail_type if isinstance(detail_type, str) and detail_type in _KNOWN_EVENTS else None
    request_id = _reference(_REQUEST_ID, _member(data, "request_id"))
    if name not in _ABOUT_A_LOCATION or request_id is None:
        return Concern(name, request_id)
    return Concern(name, request_id, _reference(_LOCATION_ID, _member(data, "location_id")))


def request_in(body: str) -> ErasureRequested | None:
    """The erasure request that the message is, if it is one and in order."""
    if concern_of(body).event != ErasureRequested.detail_type:
        return None
    try:
        return ErasureRequested.read(json.loads(body).get("detail"))
    except Rejected:
        return None


def is_late_finding(letter: DeadLetter) -> bool:
    """Whether the message found data for which its request was closed already."""
    return letter.attributes.get("reason_code") == REQUEST_CLOSED


def reason_for(letter: DeadLetter, *recorded: Reason | None) -> Reason:
    """Why the letter was given up: its own word, else the first recorded one, else a plain fact."""
    stated = _stated_reason(letter.attributes)
    return next((reason for reason in (stated, *recorded) if reason), ALL_ATTEMPTS_USED)


def recorded_reason(code: str | None, words: str | None) -> Reason | None:
    """The last reason that a request or a location remembers, if any."""
    return Reason(code, words or code) if code else None


def attempts_of(letter: DeadLetter, location: Location | None = None) -> int:
    """How often it was tried, as far as anybody counted; at least once."""
    counted = [letter.attributes.get("attempts", ""), letter.attributes.get("RETRY_ATTEMPTS", "")]
    numbers = [int(text) for text in counted if _COUNT.fullmatch(text)]
    if location is not None:
        numbers.append(location.attempts)
    elif not numbers:
        numbers.append(letter.received)
    return max(1, *numbers)


def is_echo(known: ErrorRecord | None, letter: DeadLetter) -> bool:
    """Whether SQS delivers once more a letter about which a person has decided already."""
    return (
        known is not None
        and known.status is not ErrorStatus.OPEN
        and known.message_id == letter.message_id
    )


def stamp(instant: datetime) -> str:
    """RFC 3339 in UTC, in milliseconds, so that texts sort like times."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant_of(epoch_ms: str | None) -> datetime:
    """SQS's notation of time."""
    return datetime.fromtimestamp(int(epoch_ms or 0) / 1000, UTC)


def _stated_reason(attributes: Mapping[str, str]) -> Reason | None:
    """The words of `messages.Queue.park`, or those of an EventBridge target's dead letter."""
    if code := attributes.get("reason_code"):
        return Reason(_code(code), (attributes.get("reason") or code)[:_LONGEST_REASON])
    if code := attributes.get("ERROR_CODE"):
        words = (attributes.get("ERROR_MESSAGE") or code)[:_LONGEST_REASON]
        return Reason(_code(code), f"EventBridge could not deliver the event: {words}")
    return None


def _code(text: str) -> str:
    return text if _CODE.fullmatch(text) else "UNREADABLE_CODE"


def _member(document: object, name: str) -> object:
    return document.get(name) if isinstance(document, Mapping) else None


def _reference(shape: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and shape.fullmatch(value) else None
