"""Closing a request that has nothing open any more."""

from __future__ import annotations

from erasure_adjudication.use_case.ports import Collection


def close_if_done(request_id: str, ports: Collection) -> None:
    """Close it and tell of it; noted after that, so a crash in between tells of it again."""
    completed = ports.requests.close_if_done(request_id)
    if completed is not None:
        ports.bus.publish(completed)
        ports.requests.note_announced(request_id)
