"""What the items of the GDPR table mean, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from erasure_shared.events import ErasureCompleted
from erasure_shared.locations import (
    CLOSED,
    Location,
    LocationStatus,
    RequestStatus,
    SearchedAgain,
    StoreKind,
)
from erasure_shared.tables import LocationItem, RequestItem


@dataclass(frozen=True)
class ErasureRequest:
    """An erasure request as it is recorded; times are RFC 3339 in UTC."""

    request_id: str
    status: RequestStatus
    received_at: str
    due_at: str
    subjects: int
    subjects_not_found: int | None
    stores_searched: frozenset[str]
    open_locations: int
    purged_locations: int
    retained_locations: int
    rows_erased: int
    completed_at: str | None
    reason_code: str | None
    reason: str | None


def request_of(item: RequestItem) -> ErasureRequest:
    """The request in an item."""
    return ErasureRequest(
        request_id=item.request_id,
        status=RequestStatus(item.status),
        received_at=item.received_at,
        due_at=item.due_at,
        subjects=int(item.subjects),
        subjects_not_found=_count(item.subjects_not_found),
        stores_searched=frozenset(item.stores_searched or ()),
        open_locations=int(item.open_locations),
        purged_locations=int(item.purged_locations),
        retained_locations=int(item.retained_locations),
        rows_erased=int(item.rows_erased),
        completed_at=item.completed_at,
        reason_code=item.reason_code,
        reason=item.reason,
    )


def location_of(item: LocationItem) -> Location:
    """The location in an item."""
    return Location(
        request_id=item.request_id,
        location_id=item.location_id,
        store=item.store,
        kind=StoreKind(item.kind),
        address=item.address,
        status=LocationStatus(item.status),
        parts=int(item.parts),
        subjects=int(item.subjects),
        attempts=int(item.attempts),
        searched_again=SearchedAgain(item.searched_again) if item.searched_again else None,
        reason_code=item.reason_code,
        reason=item.reason,
        evidence=item.evidence,
        updated_at=item.updated_at,
    )


def _count(number: float | None) -> int | None:
    return None if number is None else int(number)


def unannounced(item: RequestItem) -> ErasureCompleted | None:
    """The event that a closed request still owes, if any."""
    return _completed(item) if item.status in CLOSED and not item.announced_at else None


def _completed(item: RequestItem) -> ErasureCompleted:
    return ErasureCompleted(
        request_id=item.request_id,
        status="COMPLETED_WITH_RETENTION" if item.retained_locations else "COMPLETED",
        locations_purged=int(item.purged_locations),
        locations_retained=int(item.retained_locations),
        rows_erased=int(item.rows_erased),
        subjects=int(item.subjects),
        subjects_not_found=int(item.subjects_not_found or 0),
    )


def instant(moment: datetime) -> str:
    """The same text for the same moment, whatever offset it was written with."""
    return moment.astimezone(UTC).isoformat()


def rfc_3339(moment: datetime) -> str:
    """RFC 3339 in UTC, in milliseconds, so that texts sort like times."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
