"""Purging a DynamoDB table or a PostgreSQL table of one location's subjects.

No lock is needed: the stores delete atomically, and deleting again deletes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from erasure_purge.core import Note, ids_of
from erasure_purge.use_case.ports import Outcome, Ports
from erasure_shared.data_map import DynamoDBStore, PostgreSQLStore
from erasure_shared.events import LocationPurged
from erasure_shared.locations import Location, PendingLocation

_STEP_S = 15.0
"""A batch, repeated by the client after a timeout."""


def purge_items(location: Location, store: DynamoDBStore, ports: Ports) -> Outcome:
    """Delete the subjects' items and read back that none is left."""
    identifiers = ports.requests.identifiers_of(location)
    before_each_step = _time_check(location, ports)
    deleted = ports.items.erase(store, identifiers, before_each_step)
    return _settle(location, deleted, ports)


def purge_rows(location: Location, store: PostgreSQLStore, ports: Ports) -> Outcome:
    """Delete the subjects' rows and read back that none is left."""
    ids = ids_of([PendingLocation(location, ports.requests.identifiers_of(location))])
    before_each_step = _time_check(location, ports)
    deleted = ports.rows.erase(store, ids, before_each_step)
    return _settle(location, deleted, ports)


def _time_check(location: Location, ports: Ports) -> Callable[[int], None]:
    """Stops before a step that cannot end, and leaves word of what is done already."""
    done = Note.read(location.evidence).rows_done

    def check(deleted: int) -> None:
        if deleted and ports.time_left_s() < _STEP_S:
            ports.requests.note_plan(location, Note(rows_done=done + deleted).evidence())
        ports.require_time(_STEP_S)

    return check


def _settle(location: Location, deleted: int, ports: Ports) -> Outcome:
    rows = Note.read(location.evidence).rows_done + deleted
    evidence: dict[str, Any] = {"rows_erased": rows, "rows_left": 0}
    event = LocationPurged(
        request_id=location.request_id,
        location_id=location.location_id,
        store=location.store,
        rows_erased=rows,
    )
    ports.events.publish(event)
    ports.requests.mark_purged(location, rows, evidence)
    return Outcome(purged=(event,))
