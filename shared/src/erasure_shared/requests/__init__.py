"""Erasure requests and their locations in the GDPR table: every transition, and nothing else.

    request    LOCATING ──► PURGING ──► COMPLETED | COMPLETED_WITH_RETENTION
    location   PENDING ──► PURGED
                  │▲
                  ▼│ retry
               FAILED ──► RETAINED

Every transition is one conditional write, together with the request's counts in one transaction,
so a repeated or late message changes nothing.
"""

from __future__ import annotations

from erasure_shared.requests.elsewhere import Elsewhere
from erasure_shared.requests.found import FoundLocations
from erasure_shared.requests.intake import Intake
from erasure_shared.requests.lifecycle import Lifecycle
from erasure_shared.requests.parked import ParkedMessages
from erasure_shared.requests.records import ErasureRequest

__all__ = ["ErasureRequest", "Requests"]


class Requests(Intake, Lifecycle, FoundLocations, Elsewhere, ParkedMessages):
    """The GDPR table's requests; `bind_tables` comes first. One instance per thread is not needed.

    Raises (every method): RetryLater when other writers keep the request's counts busy;
    PynamoDB's own errors when the table cannot be reached.
    """
