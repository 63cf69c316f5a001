"""Locate the subjects of a request in every store, and again where an object is gone.

    ErasureRequested ─► registered ─► each store searched ─► PURGING ─► PurgeRequested, one each
    RelocationRequested ─► one store searched again ─► PurgeRequested

Every step may be repeated, so a crash anywhere is answered by running the whole again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr

from erasure_location.core.clock import check_received_at, due_at
from erasure_location.core.deadline import Deadline
from erasure_location.use_case.ports import Ports, Store, Unreadable, Unsearchable
from erasure_shared.errors import Rejected
from erasure_shared.events import (
    ErasureCompleted,
    ErasureRequested,
    PurgeRequested,
    RelocationRequested,
)
from erasure_shared.locations import (
    Found,
    Identifier,
    Location,
    LocationStatus,
    RequestStatus,
    SearchedAgain,
    StoreKind,
)
from erasure_shared.requests import ErasureRequest


@dataclass(frozen=True)
class Located:
    """What is to be published, and what may be said about it in logs and metrics.

    `searched` is False where an earlier attempt had already finished the search.
    """

    request_id: str
    searched: bool
    subjects: int
    subjects_not_found: int
    locations: int
    purges: tuple[PurgeRequested, ...]
    completed: ErasureCompleted | None


def locate(event: ErasureRequested, ports: Ports, *, now: datetime, deadline: Deadline) -> Located:
    """Find the request's subjects in every store and record where they are.

    A request that is past the search is not searched again: what has not been purged yet is
    asked for once more, in case a crash came before the first asking.

    Raises:
        Rejected: the request is not one that could ever be located.
        RetryLater: a store cannot answer now; those searched already are remembered.
    """
    check_received_at(event.received_at, now)
    request, subjects = _registered(event, ports)
    searched = request.status is RequestStatus.LOCATING
    if searched:
        _search_every_store(request, subjects, ports, deadline)
        _take_over(request.request_id, subjects, ports, deadline)
        ports.requests.finish_locating(request.request_id)
    pending = _pending(ports.requests.locations_of(request.request_id))
    return _located(request.request_id, pending, ports, searched=searched)


def relocate(event: RelocationRequested, ports: Ports, *, deadline: Deadline) -> Located:
    """Search one store again: its object was gone, or the search itself had failed.

    Raises:
        Rejected: there is no such location, or its store still cannot be searched.
        RetryLater: the store cannot answer now.
    """
    location = ports.requests.location(event.request_id, event.location_id)
    if location is None:
        raise Rejected(
            "no such location is recorded",
            request_id=event.request_id,
            location_id=event.location_id,
            reason_code="UNKNOWN_LOCATION",
        )
    if location.kind is StoreKind.SEARCH:
        return _repeat_search(location, ports, deadline)
    return _search_again(location, ports, deadline)


def _registered(
    event: ErasureRequested, ports: Ports
) -> tuple[ErasureRequest, tuple[SecretStr, ...]]:
    """The request as it is recorded, and its subjects."""
    if event.subjects_uri is None:
        subjects = tuple(subject.profile_id for subject in event.subjects or ())
    else:
        match ports.subject_lists.read(event.subjects_uri):
            case Unreadable() as failure:
                return _recorded_before(event, event.subjects_uri, failure, ports)
            case subjects:
                pass
    due = due_at(event.received_at)
    request = ports.requests.register(
        event.request_id, event.received_at, due, subjects, event.subjects_uri
    )
    return request, subjects


def _recorded_before(
    event: ErasureRequested, subjects_uri: str, failure: Unreadable, ports: Ports
) -> tuple[ErasureRequest, tuple[SecretStr, ...]]:
    """What was recorded while the list could be read; senders delete it once it was taken.

    Whether another list would name the same people nobody can say any more: that is rejected.
    """
    request = ports.requests.registered_from(event.request_id, event.received_at, subjects_uri)
    if request is None:
        raise Rejected(f"subjects_uri: {failure.reason}", reason_code=failure.reason_code)
    return request, ports.requests.subjects_of(event.request_id)


def _search_every_store(
    request: ErasureRequest, subjects: Sequence[SecretStr], ports: Ports, deadline: Deadline
) -> None:
    recorded = ports.requests.locations_of(request.request_id)
    failed_before = {item.store: item for item in recorded if item.kind is StoreKind.SEARCH}
    for store in ports.stores.declared().stores:
        if store.name in request.stores_searched:
            continue
        deadline.check()
        match ports.stores.search(store, subjects, deadline):
            case Unsearchable() as failure:
                _set_aside(request.request_id, store, subjects, failure, ports)
            case findings:
                _record(request.request_id, findings, ports, deadline)
                if store.name in failed_before:
                    _mark_searched(failed_before[store.name], ports)
        ports.requests.note_search(request.request_id, store.name)


def _take_over(
    request_id: str, subjects: Sequence[SecretStr], ports: Ports, deadline: Deadline
) -> list[Location]:
    """Record objects that other requests have rewritten without these subjects, or are about to.

    An older version may hold them still, and no search sees older versions: until it is removed,
    or a person decides that it stays, this request must not count as completed either.
    """
    unfinished = ports.requests.unfinished_elsewhere(request_id, subjects)
    return _record(request_id, unfinished, ports, deadline)


def _set_aside(
    request_id: str,
    store: Store,
    subjects: Sequence[SecretStr],
    failure: Unsearchable,
    ports: Ports,
) -> None:
    """Let a person repair one store while all others are searched and purged."""
    identifiers = tuple(map(Identifier, subjects))
    search = Found(store.name, StoreKind.SEARCH, f"search:{store.name}", identifiers)
    location = ports.requests.add_location(request_id, search)
    event = RelocationRequested(request_id=request_id, location_id=location.location_id)
    ports.dead_letters.park(event, failure)


def _repeat_search(location: Location, ports: Ports, deadline: Deadline) -> Located:
    if location.status is LocationStatus.PENDING:
        subjects = ports.requests.subjects_of(location.request_id)
        findings = _findings(location, subjects, ports, deadline)
        _record(location.request_id, findings, ports, deadline, origin=location.location_id)
        _take_over(location.request_id, subjects, ports, deadline)
        _mark_searched(location, ports)
    recorded = ports.requests.locations_of(location.request_id)
    of_store = (item for item in recorded if item.store == location.store)
    return _located(location.request_id, _pending(of_store), ports, searched=False)


def _search_again(location: Location, ports: Ports, deadline: Deadline) -> Located:
    if location.status is not LocationStatus.PENDING:
        return _located(location.request_id, (), ports, searched=False)
    people = tuple({item.profile_id: None for item in ports.requests.identifiers_of(location)})
    findings = _findings(location, people, ports, deadline)
    elsewhere = [found for found in findings if found.address != location.address]
    origin = location.location_id
    added = _record(location.request_id, elsewhere, ports, deadline, origin=origin)
    added += _take_over(location.request_id, people, ports, deadline)
    ports.requests.note_searched_again(location, _where(findings, elsewhere))
    return _located(location.request_id, _pending([*added, location]), ports, searched=False)


def _where(findings: Sequence[Found], elsewhere: Sequence[Found]) -> SearchedAgain:
    if len(elsewhere) < len(findings):
        return SearchedAgain.SAME_ADDRESS
    return SearchedAgain.ELSEWHERE if elsewhere else SearchedAgain.NOWHERE


def _findings(
    location: Location, subjects: Sequence[SecretStr], ports: Ports, deadline: Deadline
) -> tuple[Found, ...]:
    store = ports.stores.declared().store(location.store)
    findings = ports.stores.search(store, subjects, deadline)
    if isinstance(findings, Unsearchable):
        raise Rejected(
            findings.reason,
            request_id=location.request_id,
            location_id=location.location_id,
            reason_code=findings.reason_code,
        )
    return findings


def _record(
    request_id: str,
    findings: Iterable[Found],
    ports: Ports,
    deadline: Deadline,
    *,
    origin: str = "",
) -> list[Location]:
    locations = []
    for found in findings:
        deadline.check()
        locations.append(ports.requests.add_location(request_id, found, origin=origin))
    return locations


def _mark_searched(location: Location, ports: Ports) -> None:
    ports.requests.mark_purged(location, 0, {"searched": True})


def _pending(locations: Iterable[Location]) -> tuple[Location, ...]:
    return tuple(
        location
        for location in locations
        if location.status is LocationStatus.PENDING and location.kind is not StoreKind.SEARCH
    )


def _located(
    request_id: str, pending: Sequence[Location], ports: Ports, *, searched: bool
) -> Located:
    purges = [
        PurgeRequested(request_id=request_id, location_id=location.location_id)
        for location in pending
    ]
    completed = ports.requests.close_if_done(request_id)
    request = ports.requests.find(request_id)
    return Located(
        request_id=request_id,
        searched=searched,
        subjects=request.subjects if request else 0,
        subjects_not_found=(request.subjects_not_found or 0) if request else 0,
        locations=len(pending),
        purges=tuple(purges),
        completed=completed,
    )
