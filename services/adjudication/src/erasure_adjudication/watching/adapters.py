"""The requests that are not closed yet, read from the GDPR table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from erasure_shared.tables import OPEN, RequestItem


def due_dates() -> Iterator[datetime]:
    """When each open request is due, the soonest first; `bind_tables` comes first.

    A request is in the index from its first record to its last, so one whose message was lost is
    among them. What is read grows with the open requests, not with the table.
    """
    for item in RequestItem.open_requests.query(OPEN):
        yield datetime.fromisoformat(item.due_at)
