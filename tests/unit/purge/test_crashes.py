"""A crash at any step, and the message again: the end is the same as without the crash."""

from __future__ import annotations

from typing import Any

import pytest

from erasure_shared.events import ErasureCompleted, LocationPurged, PurgeRequested
from erasure_shared.locations import LocationStatus
from tests.unit.purge.parquet_files import ids_in, profiles
from tests.unit.purge.world import URI, World


class Crash(Exception):
    """The function died."""


class Fuse:
    """Lets so many calls through, then dies: before carrying out the next, or after it."""

    def __init__(self, calls: int, *, after: bool) -> None:
        self.left = calls
        self.after = after
        self.is_blown = False

    def call(self, function: Any, *args: Any, **named: Any) -> Any:
        self.left -= 1
        if self.left >= 0:
            return function(*args, **named)
        self.is_blown = True
        if self.after:
            function(*args, **named)
        raise Crash


class Fused:
    """A port whose every call runs through the fuse."""

    def __init__(self, port: Any, fuse: Fuse) -> None:
        self._port, self._fuse = port, fuse

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._port, name)
        return lambda *args, **named: self._fuse.call(member, *args, **named)


def purge_until_done(world: World, message: PurgeRequested, fuse: Fuse) -> None:
    """Once with the fuse, then as the queue repeats it; a vanished object is searched again."""
    fused = {
        name: Fused(getattr(world, name), fuse) for name in ("requests", "events", "lake", "rows")
    }
    try:
        world.purge(message, **fused)
    except Crash:
        world.locks.held.clear()  # the lease ends
        for _ in range(2):
            if world.purge(message).relocated:
                world.requests.note_searched_again(world.location(message))


STEPS = range(40)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("people", [("ann", "bob", "ann"), ("ann", "ann")], ids=["some", "all"])
def test_a_crash_anywhere_loses_nobody_and_leaves_nothing(
    world: World, people: tuple[str, ...], after: bool
) -> None:
    kept = [name for name in people if name != "ann"]
    for step in STEPS:
        world.lake.put(URI, profiles(*people, "older"))
        world.lake.put(URI, profiles(*people))
        first = world.pending(f"r{step}", "ann")
        other = world.pending(f"s{step}", "ann", "nobody")
        fuse = Fuse(step, after=after)

        purge_until_done(world, first, fuse)
        if world.purge(other).relocated:
            world.requests.note_searched_again(world.location(other))
            world.purge(other)

        content = world.lake.content(URI)
        assert (ids_in(content) if content else []) == kept
        assert len(world.lake.everything()) == bool(kept)
        for message in (first, other):
            assert world.location(message).status is LocationStatus.PURGED
        assert world.locks.held == set()
        requests = {f"r{step}", f"s{step}"}
        assert {e.request_id for e in world.events.of(ErasureCompleted)} >= requests
        if kept:
            rows = {e.location_id: e.rows_erased for e in world.events.of(LocationPurged)}
            assert rows[first.location_id] == rows[other.location_id] == 2
        if not fuse.is_blown:
            return
    pytest.fail("there are more steps than were tried")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_while_rows_go_leaves_none_after_the_next_run(world: World, after: bool) -> None:
    for step in STEPS:
        world.rows.owners = ["ann", "bob", "ann"]
        message = world.pending(f"r{step}", "ann", store="bookings", address="postgresql://b")
        fuse = Fuse(step, after=after)

        purge_until_done(world, message, fuse)

        assert world.rows.owners == ["bob"]
        assert world.location(message).status is LocationStatus.PURGED
        if not fuse.is_blown:
            return
    pytest.fail("there are more steps than were tried")
