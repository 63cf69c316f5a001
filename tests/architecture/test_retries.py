"""A healthy message outlasts what passes by itself: a held lock, a database failing over."""

from __future__ import annotations

import pytest

from erasure_shared.messages import LEAST_SHARE, longest_delay_s
from tests.architecture.templates import default

LEASE_BEYOND_THE_TIMEOUT_S = 5
FAILOVER_S = 120


@pytest.mark.parametrize(
    ("service", "outlasted_s"),
    [
        ("purge", default("purge", "TimeoutSeconds") + LEASE_BEYOND_THE_TIMEOUT_S),
        ("location", FAILOVER_S),
    ],
)
def test_the_attempts_of_a_message_last_longer_than_what_passes(
    service: str, outlasted_s: int
) -> None:
    attempts = default(service, "MaxReceiveCount")

    shortest_s = sum(LEAST_SHARE * longest_delay_s(attempt) for attempt in range(1, attempts))

    assert shortest_s > outlasted_s
