"""The requests that are not closed yet, read from the GDPR table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from erasure_shared.locations import CLOSED
from erasure_shared.tables import REQUEST_SK, RequestItem


def due_dates() -> Iterator[datetime]:
    """When each open request is due; `bind_tables` comes first.

    Reads the whole table, a page at a time: an open request whose message was lost has no other
    trace. Of each item only the date leaves DynamoDB.
    """
    is_open = RequestItem.sk == REQUEST_SK
    for status in CLOSED:
        is_open &= RequestItem.status != status
    for item in RequestItem.scan(is_open, attributes_to_get=["pk", "sk", "due_at"]):
        yield datetime.fromisoformat(item.due_at)
