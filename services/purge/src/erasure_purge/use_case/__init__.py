"""Makes one location hold nothing of its subjects, proves it, and closes what is done with that.

    PurgeRequested ─► location pending? ─► S3: objects   DynamoDB, PostgreSQL: rows
                            │ no              │
                            └─────────────────┴─► close the requests that have nothing open

LocationPurged is published before the location is marked, and ErasureCompleted before that is
noted: a crash in between publishes them again, with the same event ids, and never forgets one.
"""

from __future__ import annotations

from collections.abc import Iterable

from erasure_purge.use_case.objects import purge_object
from erasure_purge.use_case.ports import Outcome, Ports
from erasure_purge.use_case.rows import purge_items, purge_rows
from erasure_shared.data_map import DynamoDBStore, S3Store, kind_of
from erasure_shared.errors import Rejected
from erasure_shared.events import PurgeRequested
from erasure_shared.locations import LocationStatus, StoreKind

__all__ = ["Outcome", "Ports", "purge_location"]


def purge_location(request: PurgeRequested, ports: Ports) -> Outcome:
    """Purge the location, and with an object everything that is pending there.

    Repeating it is safe: a second run finds the location purged and writes nothing.

    Raises:
        RetryLater: not now: the lock, the object or the time is not to be had.
        Rejected: never; the reason says why.
    """
    outcome = _purge(request, ports)
    touched = dict.fromkeys([*(event.request_id for event in outcome.purged), request.request_id])
    _close(touched, ports)
    return outcome


def _purge(request: PurgeRequested, ports: Ports) -> Outcome:
    location = ports.requests.location(request.request_id, request.location_id)
    if location is None:
        raise Rejected(
            "no such location is recorded",
            request_id=request.request_id,
            location_id=request.location_id,
            reason_code="UNKNOWN_LOCATION",
        )
    if location.status is not LocationStatus.PENDING:
        return Outcome()
    if location.kind is StoreKind.SEARCH:
        raise Rejected("a search is repeated, not purged", reason_code="NOT_PURGEABLE")
    store = ports.store(location.store)
    if kind_of(store) is not location.kind:
        raise Rejected(
            "the data map declares the store as another kind",
            store=location.store,
            reason_code="STORE_KIND_CHANGED",
        )
    if isinstance(store, S3Store):
        return purge_object(location, store, ports)
    if isinstance(store, DynamoDBStore):
        return purge_items(location, store, ports)
    return purge_rows(location, store, ports)


def _close(request_ids: Iterable[str], ports: Ports) -> None:
    for request_id in request_ids:
        completed = ports.requests.close_if_done(request_id)
        if completed is not None:
            ports.events.publish(completed)
            ports.requests.note_announced(request_id)
