"""A crash at any step, and the message again: the end is the same as without the crash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from erasure_shared.events import ErasureCompleted, LocationPurged, PurgeRequested
from erasure_shared.locations import LocationStatus, SearchedAgain
from tests.aws import moto_account
from tests.unit.purge.parquet_files import ids_in, profiles
from tests.unit.purge.world import URI, World

MOST_STEPS = 40


class Crash(Exception):
    """The function died."""


class Fuse:
    """Lets so many calls through, then dies before the next: that is after the one before."""

    def __init__(self, calls: int) -> None:
        self.left = calls
        self.is_blown = False

    def call(self, function: Any, *args: Any, **named: Any) -> Any:
        self.left -= 1
        if self.left >= 0:
            return function(*args, **named)
        self.is_blown = True
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
            world.requests.note_searched_again(world.location(message), SearchedAgain.NOWHERE)


def at_every_step(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[World, Fuse]]:
    """A new world for each step, with a fuse that blows there; until none is left to blow at."""
    for step in range(MOST_STEPS):
        fuse = Fuse(step)
        with moto_account(monkeypatch):
            yield World(), fuse
        if not fuse.is_blown:
            return
    pytest.fail("there are more steps than were tried")


@pytest.mark.parametrize("people", [("ann", "bob", "ann"), ("ann", "ann")], ids=["some", "all"])
def test_a_crash_anywhere_loses_nobody_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, people: tuple[str, ...]
) -> None:
    kept = [name for name in people if name != "ann"]

    for world, fuse in at_every_step(monkeypatch):
        world.lake.put(URI, profiles(*people, "older"))
        world.lake.put(URI, profiles(*people))
        first = world.pending("r1", "ann")
        other = world.pending("r2", "ann", "nobody")

        purge_until_done(world, first, fuse)
        if world.purge(other).relocated:
            world.requests.note_searched_again(world.location(other), SearchedAgain.NOWHERE)
            world.purge(other)

        content = world.lake.content(URI)
        assert (ids_in(content) if content else []) == kept
        assert len(world.lake.everything()) == bool(kept)
        for message in (first, other):
            assert world.location(message).status is LocationStatus.PURGED
        assert world.locks.held == set()
        assert {e.request_id for e in world.events.of(ErasureCompleted)} == {"r1", "r2"}
        rows = {e.location_id: e.rows_erased for e in world.events.of(LocationPurged)}
        assert rows[first.location_id] == rows[other.location_id] == 2


def test_a_crash_while_rows_go_leaves_none_after_the_next_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for world, fuse in at_every_step(monkeypatch):
        world.rows.owners = ["ann", "bob", "ann"]
        message = world.pending("r1", "ann", store="bookings", address="postgresql://b")

        purge_until_done(world, message, fuse)

        assert world.rows.owners == ["bob"]
        assert world.location(message).status is LocationStatus.PURGED
