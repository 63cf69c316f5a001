"""What waits for people, and what has waited too long. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from erasure_adjudication.core import ErrorRecord

LONGEST_WAIT = timedelta(hours=48)
"""A decision may take two days."""

SOON = timedelta(days=7)
"""Of the month that GDPR Art. 12(3) grants; time enough to repair a store and erase again."""


@dataclass(frozen=True)
class Waiting:
    """Counts, nobody's data."""

    open_errors: int
    errors_overdue: int
    open_requests: int
    requests_due_soon: int


def waiting(
    open_errors: Iterable[ErrorRecord], due_dates: Iterable[datetime], now: datetime
) -> Waiting:
    """Count the open errors and requests; what is past its time is counted, too."""
    last_failed = [datetime.fromisoformat(error.last_at) for error in open_errors]
    due = list(due_dates)
    return Waiting(
        open_errors=len(last_failed),
        errors_overdue=sum(now - at > LONGEST_WAIT for at in last_failed),
        open_requests=len(due),
        requests_due_soon=sum(at - now < SOON for at in due),
    )
