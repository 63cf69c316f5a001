"""How far a request is: a value computed from what is recorded. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from erasure_adjudication.core import ErrorRecord, stamp
from erasure_shared.locations import CLOSED, Location, LocationStatus, RequestStatus, StoreKind
from erasure_shared.mutex import LockInfo
from erasure_shared.requests import ErasureRequest


@dataclass(frozen=True)
class StoreProgress:
    """The locations of one store by status; none at all: nobody was found there."""

    store: str
    pending: int = 0
    purged: int = 0
    failed: int = 0
    retained: int = 0

    @property
    def total(self) -> int:
        """All locations of the store."""
        return self.pending + self.purged + self.failed + self.retained


@dataclass(frozen=True)
class LockWait:
    """A pending location whose address is locked for another request."""

    location_id: str
    store: str
    held_by_request: str | None
    since: str
    lease_ends: str


@dataclass(frozen=True)
class Trouble:
    """Pending locations of a store that failed for one reason so far, and are tried again."""

    store: str
    reason_code: str
    reason: str
    locations: int
    attempts: int


@dataclass(frozen=True)
class Progress:
    """All that `erasure status` tells. Days are those of the calendar, in UTC."""

    request: ErasureRequest
    days_left: int
    overdue: bool
    stores: tuple[StoreProgress, ...]
    at_work: int
    waiting_for_locks: tuple[LockWait, ...]
    tried_again: tuple[Trouble, ...]
    decisions: tuple[ErrorRecord, ...]

    @property
    def is_closed(self) -> bool:
        """Whether nothing will happen any more."""
        return self.request.status in CLOSED

    @property
    def is_stuck(self) -> bool:
        """Whether nothing will happen before a person decides."""
        pending = sum(store.pending for store in self.stores)
        if self.is_closed or not self.decisions:
            return False
        return pending == 0 and self.request.status is not RequestStatus.LOCATING

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        request = asdict(self.request)
        request["stores_searched"] = sorted(self.request.stores_searched)
        return {
            **request,
            "days_left": self.days_left,
            "overdue": self.overdue,
            "stores": [asdict(store) for store in self.stores],
            "at_work": self.at_work,
            "waiting_for_locks": [asdict(wait) for wait in self.waiting_for_locks],
            "tried_again": [asdict(trouble) for trouble in self.tried_again],
            "decisions": [error.document() for error in self.decisions],
        }


def progress_of(
    request: ErasureRequest,
    locations: Iterable[Location],
    locks: Iterable[tuple[Location, LockInfo]],
    decisions: Iterable[ErrorRecord],
    now: datetime,
) -> Progress:
    """How far the request is; `locks` are those found on its pending locations."""
    counted = [location for location in locations if not _is_finished_search(location)]
    live = [(location, lock) for location, lock in locks if lock.expires_at > now]
    others = [(location, lock) for location, lock in live if _holder(lock) != request.request_id]
    due_at = datetime.fromisoformat(request.due_at).astimezone(UTC)
    return Progress(
        request=request,
        days_left=(due_at.date() - now.astimezone(UTC).date()).days,
        overdue=now > due_at,
        stores=_stores(request, counted),
        at_work=len(live) - len(others),
        waiting_for_locks=tuple(_wait(location, lock) for location, lock in others),
        tried_again=_troubles(counted),
        decisions=tuple(decisions),
    )


def _is_finished_search(location: Location) -> bool:
    """A search that was repeated with success left its findings; itself it is no place."""
    return location.kind is StoreKind.SEARCH and location.status is LocationStatus.PURGED


def _stores(request: ErasureRequest, locations: list[Location]) -> tuple[StoreProgress, ...]:
    counts = Counter((location.store, location.status) for location in locations)
    names = sorted(request.stores_searched | {location.store for location in locations})
    return tuple(
        StoreProgress(
            name,
            pending=counts[name, LocationStatus.PENDING],
            purged=counts[name, LocationStatus.PURGED],
            failed=counts[name, LocationStatus.FAILED],
            retained=counts[name, LocationStatus.RETAINED],
        )
        for name in names
    )


def _troubles(locations: list[Location]) -> tuple[Trouble, ...]:
    groups: dict[tuple[str, str], list[Location]] = {}
    for location in locations:
        if location.status is LocationStatus.PENDING and location.attempts and location.reason_code:
            groups.setdefault((location.store, location.reason_code), []).append(location)
    return tuple(
        Trouble(
            store,
            code,
            group[0].reason or code,
            len(group),
            max(location.attempts for location in group),
        )
        for (store, code), group in sorted(groups.items())
    )


def _holder(lock: LockInfo) -> str | None:
    request_id = lock.attributes.get("request_id")
    return str(request_id) if request_id else None


def _wait(location: Location, lock: LockInfo) -> LockWait:
    return LockWait(
        location_id=location.location_id,
        store=location.store,
        held_by_request=_holder(lock),
        since=stamp(lock.started_at),
        lease_ends=stamp(lock.expires_at),
    )
