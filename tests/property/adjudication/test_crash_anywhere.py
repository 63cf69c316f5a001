"""A crash at any step, and the same again: one error, one outcome, nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from erasure_adjudication.core import ErrorStatus, message_error_id
from erasure_adjudication.use_case import Desk, dismiss, record_dead_letter, retry
from tests.unit.adjudication.world import World, a_letter, body_about
from tests.unit.adjudication.world import world as a_world

MOST_STEPS = 40


class Crash(BaseException):
    """The process is gone."""


class Crashing:
    """Lets a number of calls through, and the process dies before the next.

    That is after the call before: between two calls nothing happens that anybody could see.
    """

    def __init__(self, lives: int) -> None:
        self.lives = lives

    def wrap(self, port: Any) -> Any:
        crash = self

        class Wrapped:
            def __getattr__(self, name: str) -> Any:
                call = getattr(port, name)

                def step(*args: Any, **kwargs: Any) -> Any:
                    if crash.lives == 0:
                        raise Crash
                    crash.lives -= 1
                    return call(*args, **kwargs)

                return step

        return Wrapped()

    def desk(self, world: World) -> Desk:
        sound = world.desk()
        return Desk(
            self.wrap(sound.requests),
            self.wrap(sound.errors),
            sound.now,
            self.wrap(sound.bus),
            self.wrap(sound.queues),
        )


def after_every_crash(
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[World], None],
    act: Callable[[World, Desk], object],
    check: Callable[[World], None],
) -> int:
    """Crash at each step in turn, act once more in peace, check; returns the number of steps.

    Last comes the crash after all steps: the same again, after it was all done.
    """
    for steps in range(MOST_STEPS):
        with a_world(monkeypatch) as world:
            prepare(world)
            crash = Crashing(steps)
            with suppress(Crash):
                act(world, crash.desk(world))
            act(world, world.desk())
            check(world)
            if crash.lives:
                return steps
    raise AssertionError("more steps than expected")


def the_location(world: World) -> Any:
    return world.a_location()


def nothing_before(_world: World) -> None:
    """The dead letter is the first that happens."""


def collect_location(world: World, desk: Desk) -> None:
    """As the handler does: published after it was recorded."""
    failed = record_dead_letter(a_letter(body_about(the_location(world))), desk)
    if failed is not None:
        desk.bus.publish(failed)


def collect_message(_world: World, desk: Desk) -> None:
    failed = record_dead_letter(a_letter("not JSON"), desk)
    if failed is not None:
        desk.bus.publish(failed)


def test_collecting_a_location_survives_a_crash_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(world: World) -> None:
        assert world.status_of(the_location(world)) == "FAILED"
        assert len(list(world.errors.with_status(ErrorStatus.OPEN))) == 1
        assert set(world.published()) == {"ErasureFailed"}

    steps = after_every_crash(monkeypatch, nothing_before, collect_location, check)

    assert steps > 4


def test_collecting_a_message_survives_a_crash_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(world: World) -> None:
        (error,) = world.errors.with_status(ErrorStatus.OPEN)
        assert world.requests.parked_message(error.error_id) == "not JSON"
        assert set(world.published()) == {"ErasureFailed"}

    steps = after_every_crash(monkeypatch, nothing_before, collect_message, check)

    assert steps > 3


def failed_location(world: World) -> None:
    record_dead_letter(a_letter(body_about(the_location(world))), world.desk())


def parked_message(world: World) -> None:
    record_dead_letter(a_letter("not JSON"), world.desk())


def test_retrying_a_location_survives_a_crash_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def act(world: World, desk: Desk) -> None:
        retry(world.error_of(the_location(world)).error_id, desk)

    def check(world: World) -> None:
        location = the_location(world)
        assert world.status_of(location) == "PENDING"
        assert world.error_of(location).status is ErrorStatus.RETRIED
        assert set(world.published()) == {"PurgeRequested", "ErasureAdjudicated"}

    steps = after_every_crash(monkeypatch, failed_location, act, check)

    assert steps > 5


def test_dismissing_a_location_survives_a_crash_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    location_ids: dict[str, str] = {}

    def prepare(world: World) -> None:
        failed_location(world)
        location_ids["error"] = world.error_of(the_location(world)).error_id

    def act(world: World, desk: Desk) -> None:
        dismiss(location_ids["error"], "legal hold", desk)

    def check(world: World) -> None:
        error = world.errors.find(location_ids["error"])
        assert error is not None
        assert error.status is ErrorStatus.DISMISSED
        assert set(world.published()) == {"ErasureCompleted", "ErasureAdjudicated"}
        request = world.requests.find("r1")
        assert request is not None
        assert request.status == "COMPLETED_WITH_RETENTION"
        assert request.retained_locations == 1
        assert world.requests.close_if_done("r1") is None

    steps = after_every_crash(monkeypatch, prepare, act, check)

    assert steps > 7


def located_nowhere(world: World) -> None:
    record_dead_letter(world.a_request_being_located(), world.desk())


def located_in_part(world: World) -> None:
    record_dead_letter(world.a_request_being_located("s3://lake/1"), world.desk())


@pytest.mark.parametrize(
    ("prepare", "event"),
    [(located_nowhere, "ErasureCompleted"), (located_in_part, "PurgeRequested")],
)
def test_dismissing_a_request_survives_a_crash_anywhere(
    monkeypatch: pytest.MonkeyPatch, prepare: Callable[[World], None], event: str
) -> None:
    def act(world: World, desk: Desk) -> None:
        dismiss(message_error_id("m1"), "the lake is gone for good", desk)

    def check(world: World) -> None:
        assert set(world.published()) == {event, "ErasureAdjudicated"}
        for location in world.requests.locations_of("r1"):
            world.requests.mark_purged(location, 1, {})
        world.requests.close_if_done("r1")
        request = world.requests.find("r1")
        assert request is not None
        assert request.status == "COMPLETED_WITH_RETENTION"
        assert request.retained_locations == 1
        assert world.requests.parked_message(message_error_id("m1")) == ""

    steps = after_every_crash(monkeypatch, prepare, act, check)

    assert steps > 7


def settled_by_a_worker_that_died(world: World) -> None:
    world.requests.mark_purged(the_location(world), 1, {})


def test_closing_after_another_worker_survives_a_crash_anywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def act(world: World, desk: Desk) -> None:
        (location,) = world.requests.locations_of("r1")
        record_dead_letter(a_letter(body_about(location)), desk)

    def check(world: World) -> None:
        assert set(world.published()) == {"ErasureCompleted"}
        assert world.requests.close_if_done("r1") is None

    steps = after_every_crash(monkeypatch, settled_by_a_worker_that_died, act, check)

    assert steps > 3


def test_retrying_a_message_survives_a_crash_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def act(world: World, desk: Desk) -> None:
        retry(message_error_id("m1"), desk)

    def check(world: World) -> None:
        assert set(world.queues.sent) == {("erasure-local-purge", "not JSON")}
        assert set(world.published()) == {"ErasureAdjudicated"}
        assert world.requests.parked_message(message_error_id("m1")) == ""

    steps = after_every_crash(monkeypatch, parked_message, act, check)

    assert steps > 5


def test_dismissing_a_message_survives_a_crash_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def act(world: World, desk: Desk) -> None:
        dismiss(message_error_id("m1"), "sent by mistake", desk)

    def check(world: World) -> None:
        assert world.queues.sent == []
        assert set(world.published()) == {"ErasureAdjudicated"}
        assert world.requests.parked_message(message_error_id("m1")) == ""

    steps = after_every_crash(monkeypatch, parked_message, act, check)

    assert steps > 3
