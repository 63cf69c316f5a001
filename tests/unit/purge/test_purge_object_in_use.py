"""Purging an S3 object that others use, too: nobody's write is lost, nothing is half done."""

from __future__ import annotations

import pytest

from erasure_purge.core import ObjectUri
from erasure_shared.errors import OutOfTime, RetryLater
from erasure_shared.events import ErasureCompleted
from erasure_shared.locations import Identifier, Location, PendingLocation
from tests.unit.purge.parquet_files import ids_in, profiles
from tests.unit.purge.world import URI, World


def test_an_index_that_lags_does_not_hide_the_messages_own_location(world: World) -> None:
    world.lake.put(URI, profiles("ann", "bob"))

    class Lagging:
        def __getattr__(self, name: str) -> object:
            return getattr(world.requests, name)

        def pending_at(self, address: str) -> tuple[PendingLocation, ...]:
            return ()

    outcome = world.purge(world.pending("r1", "ann"), requests=Lagging())

    assert outcome.rows_erased == 1


def test_a_change_between_reading_and_writing_is_planned_anew(world: World) -> None:
    world.lake.put(URI, profiles("ann", "bob"))

    def somebody_writes() -> None:
        world.lake.before_commit = lambda: None
        world.lake.put(URI, profiles("ann", "bob", "new"))

    world.lake.before_commit = somebody_writes
    world.purge(world.pending("r1", "ann"))

    assert ids_in(world.lake.content(URI) or b"") == ["bob", "new"]
    assert len(world.lake.everything()) == 1


def test_an_object_that_keeps_changing_is_left_for_later(world: World) -> None:
    world.lake.put(URI, profiles("ann", "bob"))
    numbers = iter(range(100))

    def somebody_writes() -> None:
        world.lake.put(URI, profiles("ann", "bob", f"new {next(numbers)}"))

    world.lake.before_commit = somebody_writes

    with pytest.raises(RetryLater) as refusal:
        world.purge(world.pending("r1", "ann"))

    assert refusal.value.reason_code == "OBJECT_CHANGED"
    assert world.lake.writes == 0


def test_a_lock_that_is_held_sends_the_message_back(world: World) -> None:
    world.lake.put(URI, profiles("ann"))
    world.locks.held.add(str(URI))

    with pytest.raises(RetryLater):
        world.purge(world.pending("r1", "ann"))

    assert world.lake.writes == 0


def test_a_lock_that_is_lost_commits_nothing(world: World) -> None:
    world.lake.put(URI, profiles("ann", "bob"))
    world.locks.lost = True

    with pytest.raises(RetryLater):
        world.purge(world.pending("r1", "ann"))

    assert world.lake.writes == 0
    assert world.locks.held == set()


def test_no_step_starts_that_cannot_end(world: World) -> None:
    world.lake.put(URI, profiles("ann", "bob"))
    world.time_left_s = 1.0

    with pytest.raises(OutOfTime):
        world.purge(world.pending("r1", "ann"))

    assert world.lake.writes == 0


def test_a_version_that_comes_between_reading_and_listing_leaves_nothing_behind(
    world: World,
) -> None:
    world.lake.put(URI, profiles("ann", "old"))
    message = world.pending("r1", "ann")

    class Busy:
        writes = 0

        def __getattr__(self, name: str) -> object:
            return getattr(world.lake, name)

        def find(self, uri: ObjectUri) -> object:
            found = world.lake.find(uri)
            if self.writes < 1:
                self.writes += 1
                world.lake.put(uri, profiles("ann", "newer"))
                world.lake.put(uri, profiles("ann", "newest"))
            return found

    world.purge(message, lake=Busy())

    assert [ids_in(content) for content in world.lake.everything()] == [["newest"]]


@pytest.mark.parametrize(
    ("store", "address"), [("profiles_lake", str(URI)), ("bookings", "postgresql://b")]
)
def test_a_worker_that_stood_still_while_another_was_done_has_nothing_to_do(
    world: World, store: str, address: str
) -> None:
    """It saw the location pending, and the identifiers went with the end of the request."""
    world.lake.put(URI, profiles("ann", "bob"))
    world.rows.owners = ["ann", "bob"]
    message = world.pending("r1", "ann", store=store, address=address)

    class Slow:
        def __getattr__(self, name: str) -> object:
            return getattr(world.requests, name)

        def pending_at(self, address: str) -> tuple[PendingLocation, ...]:
            return ()

        def identifiers_of(self, location: Location) -> tuple[Identifier, ...]:
            held, world.locks.held = world.locks.held, set()
            world.purge(message)
            world.locks.held = held
            return world.requests.identifiers_of(location)

    outcome = world.purge(message, requests=Slow())

    assert outcome.purged == ()
    assert len(world.events.of(ErasureCompleted)) == 1
