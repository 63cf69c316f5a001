"""The one-month clock of GDPR Art. 12(3).

    received_at ───────────────────────────► due_at
    31 January 09:00                         28 February 09:00 (29 in a leap year)

Regulation (EEC, Euratom) No 1182/71 Art. 3(2)(c): a period in months ends on the day with the same
date, and where the last month has no such day, on its last day. That it ends with the last hour of
that day, and is extended over Sundays and holidays (Art. 3(4)), is slack we do not plan with.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta

from erasure_shared.errors import Rejected

FUTURE_TOLERANCE = timedelta(days=1)


def due_at(received_at: datetime) -> datetime:
    """One calendar month later, at the same time of the day and in the same offset."""
    year, month = received_at.year, received_at.month + 1
    if month > 12:
        year, month = year + 1, 1
    day = min(received_at.day, monthrange(year, month)[1])
    return received_at.replace(year=year, month=month, day=day)


def check_received_at(received_at: datetime, now: datetime) -> None:
    """Refuse a time of receipt that nobody can mean.

    Raises:
        Rejected: it lies more than a day ahead.
    """
    if received_at > now + FUTURE_TOLERANCE:
        raise Rejected(
            "ErasureRequested is not valid: received_at: must not lie more than a day ahead",
            reason_code="INVALID_EVENT",
        )
