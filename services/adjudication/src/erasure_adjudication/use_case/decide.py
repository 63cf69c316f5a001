"""A person's decision about an erasure error, carried out.

First its effect, then its events, last the error's status: wherever this breaks off, the error is
still open and the same decision can be repeated. The status is written only if the error is the
one that was read, so a failure that arrived meanwhile is not covered up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from erasure_adjudication.core import (
    DecisionRefused,
    ErrorRecord,
    ErrorStatus,
    NoSuchError,
    late_finding_error_id,
    request_in,
    stamp,
)
from erasure_adjudication.use_case.closing import close_if_done
from erasure_adjudication.use_case.ports import Collection, Desk
from erasure_shared.events import ErasureAdjudicated, Event, PurgeRequested, RelocationRequested
from erasure_shared.locations import Location, LocationStatus, StoreKind

_DISMISSAL_BEGUN = "its dismissal was begun; repeat the dismissal"


@dataclass(frozen=True)
class Decided:
    """What came of a decision. `repeated`: it had been made before, and changed nothing.

    `ends_request`: with the message the request ends that it had asked for.
    """

    error: ErrorRecord
    repeated: bool = False
    location: Location | None = None
    ends_request: bool = False


def retry(error_id: str, ports: Desk) -> Decided:
    """Try again what failed: a location is purged or searched again, a message handled again.

    Raises:
        NoSuchError, DecisionRefused: with what to do instead.
    """
    error = _existing(error_id, ports)
    if error.status is not ErrorStatus.OPEN:
        return _repeated(error, ErrorStatus.RETRIED, ports)
    if error.location_id is None:
        return _resend(error, ports)
    if error.error_id == late_finding_error_id(error.request_id or "", error.location_id):
        raise DecisionRefused(
            "whose data was found is not recorded any more: send a new request for the same "
            "people, then dismiss this error",
            error_id=error_id,
        )
    ports.requests.mark_retried(_location_of(error, ports))
    location = _location_of(error, ports)
    if location.status is LocationStatus.RETAINED:
        raise DecisionRefused(_DISMISSAL_BEGUN, error_id=error_id)
    events: list[Event] = [_adjudicated(error, "RETRY")]
    if location.status is LocationStatus.PENDING:
        events.insert(0, _try_again(location))
    ports.bus.publish(*events)
    return Decided(_close(error, ErrorStatus.RETRIED, None, ports), location=location)


def dismiss(error_id: str, reason: str, ports: Desk) -> Decided:
    """Leave what failed as it is: a location is retained, a message forgotten.

    With its message a recorded request ends: what was found is purged, and the stores that were
    not searched are retained. A message that only names the id of a recorded request is another.

    Raises:
        NoSuchError, DecisionRefused: with what to do instead.
    """
    error = _existing(error_id, ports)
    if error.status is not ErrorStatus.OPEN:
        return _repeated(error, ErrorStatus.DISMISSED, ports)
    if not reason.strip():
        raise DecisionRefused("a dismissal needs a reason", error_id=error_id)
    location = _retain(error, ports) if error.location_id else None
    ends_request = location is None and _stop(error, ports)
    ports.bus.publish(_adjudicated(error, "DISMISS"))
    decided = _close(error, ErrorStatus.DISMISSED, reason.strip(), ports)
    ports.requests.drop_message(error_id)
    return Decided(decided, location=location, ends_request=ends_request)


def _existing(error_id: str, ports: Collection) -> ErrorRecord:
    error = ports.errors.find(error_id)
    if error is None:
        raise NoSuchError(error_id=error_id)
    return error


def _repeated(error: ErrorRecord, wanted: ErrorStatus, ports: Desk) -> Decided:
    if error.status is not wanted:
        raise DecisionRefused(
            f"it was {error.status.lower()} at {error.decided_at}; a decision is not taken back",
            error_id=error.error_id,
        )
    ports.requests.drop_message(error.error_id)  # unless the first time broke off before this
    return Decided(error, repeated=True)


def _location_of(error: ErrorRecord, ports: Desk) -> Location:
    assert error.request_id is not None
    assert error.location_id is not None
    location = ports.requests.location(error.request_id, error.location_id)
    if location is None:
        raise DecisionRefused("its location is no longer recorded", error_id=error.error_id)
    return location


def _try_again(location: Location) -> Event:
    event = RelocationRequested if location.kind is StoreKind.SEARCH else PurgeRequested
    return event(request_id=location.request_id, location_id=location.location_id)


def _resend(error: ErrorRecord, ports: Desk) -> Decided:
    body = ports.requests.parked_message(error.error_id)
    if not body:
        raise DecisionRefused("its message is no longer kept", error_id=error.error_id)
    if error.request_id and ports.requests.stopped_by(error.request_id) == error.error_id:
        raise DecisionRefused(_DISMISSAL_BEGUN, error_id=error.error_id)
    ports.queues.send(error.queue, body)
    ports.bus.publish(_adjudicated(error, "RETRY"))
    decided = _close(error, ErrorStatus.RETRIED, None, ports)
    ports.requests.drop_message(error.error_id)
    return Decided(decided)


def _retain(error: ErrorRecord, ports: Desk) -> Location:
    """End the location as it is, and the request with it if nothing else is open."""
    ports.requests.mark_retained(_location_of(error, ports))
    location = _location_of(error, ports)
    if location.status is LocationStatus.PENDING:
        raise DecisionRefused(
            "a retry of it was begun; repeat the retry, or wait for its outcome",
            error_id=error.error_id,
        )
    close_if_done(location.request_id, ports)
    return location


def _stop(error: ErrorRecord, ports: Desk) -> bool:
    """End the request that the parked message asked for, if that is recorded.

    What was found so far may have been asked for by nobody yet.
    """
    event = request_in(ports.requests.parked_message(error.error_id))
    if event is None or not ports.requests.is_recorded(event):
        return False
    ports.requests.stop_locating(event.request_id, error.error_id, error.reason_code, error.reason)
    locations = ports.requests.locations_of(event.request_id)
    pending = [one for one in locations if one.status is LocationStatus.PENDING]
    ports.bus.publish(*map(_try_again, pending))
    close_if_done(event.request_id, ports)
    return True


def _close(
    error: ErrorRecord, status: ErrorStatus, decision_reason: str | None, ports: Desk
) -> ErrorRecord:
    decided = replace(
        error, status=status, decided_at=stamp(ports.now()), decision_reason=decision_reason
    )
    if ports.errors.write(decided, instead_of=error):
        return decided
    now_stored = _existing(error.error_id, ports)
    if now_stored.status is not status:
        raise DecisionRefused(
            "it changed meanwhile (failed again, or somebody else decided); look at it again",
            error_id=error.error_id,
        )
    return now_stored


def _adjudicated(error: ErrorRecord, decision: Literal["RETRY", "DISMISS"]) -> ErasureAdjudicated:
    return ErasureAdjudicated(
        error_id=error.error_id,
        request_id=error.request_id,
        location_id=error.location_id,
        decision=decision,
    )
