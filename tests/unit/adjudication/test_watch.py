"""The watch function: what waits too long is counted; nobody is named."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from pydantic import SecretStr

from erasure_adjudication import watch
from erasure_adjudication.core import ErrorStatus
from erasure_adjudication.use_case import record_dead_letter
from erasure_adjudication.watching.adapters import due_dates
from erasure_adjudication.watching.core import Waiting, waiting
from tests.aws import ERROR_TABLE, GDPR_TABLE
from tests.unit.adjudication.test_handler import Context
from tests.unit.adjudication.world import CANARY, NOW, World, a_letter, body_about

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def an_error(world: World) -> None:
    location = world.a_location()
    record_dead_letter(a_letter(body_about(location)), world.desk())


def count(world: World, *, after: timedelta) -> Waiting:
    return waiting(world.errors.with_status(ErrorStatus.OPEN), due_dates(), NOW + after)


def test_an_error_is_overdue_when_nobody_decided_for_two_days(world: World) -> None:
    an_error(world)

    assert count(world, after=48 * HOUR).errors_overdue == 0
    assert count(world, after=48 * HOUR + timedelta(seconds=1)).errors_overdue == 1


def test_a_request_is_due_soon_in_the_last_week_of_its_month_and_after_it(world: World) -> None:
    world.a_location()

    assert count(world, after=23 * DAY).requests_due_soon == 0
    assert count(world, after=23 * DAY + HOUR).requests_due_soon == 1
    assert count(world, after=40 * DAY).requests_due_soon == 1


def test_a_request_whose_message_was_lost_is_counted_though_nothing_else_tells_of_it(
    world: World,
) -> None:
    world.requests.register("lost", NOW, NOW + 30 * DAY, [SecretStr("ann")])

    assert count(world, after=HOUR).open_requests == 1


def test_what_is_closed_does_not_wait(world: World) -> None:
    location = world.a_location()
    world.requests.mark_purged(location, 1, {})
    world.requests.close_if_done(location.request_id)

    assert count(world, after=40 * DAY) == Waiting(0, 0, 0, 0)


def test_the_counts_are_metrics_even_when_they_are_zero_and_name_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ERASURE_GDPR_TABLE", GDPR_TABLE)
    monkeypatch.setenv("ERASURE_ERROR_TABLE", ERROR_TABLE)
    world.a_location()

    watch.handler({}, Context())  # type: ignore[arg-type]

    printed = capsys.readouterr().out
    said = next(json.loads(line) for line in printed.splitlines() if "_aws" in line)
    assert said["OpenRequests"] == [1.0]
    assert said["OpenErrors"] == said["ErrorsOverdue"] == [0.0]
    assert CANARY not in printed
