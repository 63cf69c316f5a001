"""The one-month clock of GDPR Art. 12(3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from erasure_location.core.clock import check_received_at, due_at
from erasure_location.core.deadline import Deadline
from erasure_shared.errors import OutOfTime, Rejected

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-11-01T12:00:00+00:00", "2026-12-01T12:00:00+00:00"),
        ("2026-12-31T23:59:59+00:00", "2027-01-31T23:59:59+00:00"),
        ("2026-01-31T09:00:00+01:00", "2026-02-28T09:00:00+01:00"),
        ("2028-01-31T09:00:00+01:00", "2028-02-29T09:00:00+01:00"),
        ("2026-03-31T00:00:00-05:00", "2026-04-30T00:00:00-05:00"),
        ("2026-02-28T00:00:00+00:00", "2026-03-28T00:00:00+00:00"),
    ],
)
def test_a_request_is_due_on_the_same_day_of_the_next_month_or_on_its_last(
    received: str, due: str
) -> None:
    assert due_at(datetime.fromisoformat(received)) == datetime.fromisoformat(due)


def test_a_receipt_within_a_day_ahead_is_a_clock_that_runs_fast() -> None:
    check_received_at(NOW + timedelta(days=1), NOW)


def test_a_receipt_more_than_a_day_ahead_is_rejected() -> None:
    with pytest.raises(Rejected) as refusal:
        check_received_at(NOW + timedelta(days=1, microseconds=1), NOW)

    assert "received_at" in str(refusal.value)


def test_nothing_is_started_within_the_reserve() -> None:
    with pytest.raises(OutOfTime):
        Deadline(lambda: 15.0, reserve_s=15.0).check()


def test_a_short_invocation_keeps_a_quarter_of_its_time() -> None:
    assert Deadline.of(lambda: 20.0).left_s() == 15.0
