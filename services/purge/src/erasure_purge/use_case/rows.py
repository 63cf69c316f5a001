"""Purging a DynamoDB table or a PostgreSQL table of one location's subjects, batch by batch.

No lock is needed: the stores delete atomically, and deleting again deletes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from erasure_purge.core import Note, by_subject
from erasure_purge.use_case.ports import Outcome, Ports, is_pending
from erasure_shared.data_map import DynamoDBStore, PostgreSQLStore
from erasure_shared.errors import OutOfTime, Rejected
from erasure_shared.events import LocationPurged
from erasure_shared.locations import Identifier, Location

_ITEMS_BATCH = 200
_ROWS_BATCH = 1_000
_BATCH_S = 15.0
"""Of one batch, repeated by the client after a timeout."""


def purge_items(location: Location, store: DynamoDBStore, ports: Ports) -> Outcome:
    """Delete the subjects' items and read back that none is left."""
    return _purge(location, lambda batch: ports.items.erase(store, batch), _ITEMS_BATCH, ports)


def purge_rows(location: Location, store: PostgreSQLStore, ports: Ports) -> Outcome:
    """Delete the subjects' rows and read back that none is left."""
    return _purge(location, lambda batch: ports.rows.erase(store, batch), _ROWS_BATCH, ports)


def _purge(
    location: Location,
    erase: Callable[[Sequence[Identifier]], int],
    batch_size: int,
    ports: Ports,
) -> Outcome:
    """Batch by batch, from where an earlier run ran out of time.

    Raises:
        OutOfTime: the next batch could not end; the next run goes on with it.
        Rejected: who is to be erased is not known any more.
    """
    done = Note.read(location.evidence)
    subjects = by_subject(ports.requests.identifiers_of(location))
    if len(subjects) < location.subjects:
        if not is_pending(location, ports):
            return Outcome()
        raise Rejected(
            "the identifiers of the location are gone",
            location_id=location.location_id,
            reason_code="IDENTIFIERS_GONE",
        )
    while batch := subjects[done.subjects_done : done.subjects_done + batch_size]:
        if ports.time_left_s() < _BATCH_S:
            ports.requests.note_plan(location, done.evidence())
            raise OutOfTime(subjects_left=len(subjects) - done.subjects_done)
        rows = erase([identifier for subject in batch for identifier in subject])
        done = Note(rows_done=done.rows_done + rows, subjects_done=done.subjects_done + len(batch))
    return _settle(location, done.rows_done, ports)


def _settle(location: Location, rows: int, ports: Ports) -> Outcome:
    event = LocationPurged(
        request_id=location.request_id,
        location_id=location.location_id,
        store=location.store,
        rows_erased=rows,
    )
    ports.events.publish(event)
    ports.requests.mark_purged(location, rows, {"rows_erased": rows, "rows_left": 0})
    return Outcome(purged=(event,))
