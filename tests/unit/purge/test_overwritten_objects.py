"""An object that somebody overwrites after the commit: what readers see at last is purged, too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from erasure_shared.errors import RetryLater
from erasure_shared.events import ErasureCompleted, RelocationRequested
from erasure_shared.locations import LocationStatus, SearchedAgain
from tests.unit.purge.parquet_files import ids_in, profiles
from tests.unit.purge.world import URI, World

LISTINGS = [1, 2]
"""After the commit: before and after the older versions go."""


def at_listing(world: World, number: int, act: Callable[[], object]) -> None:
    """Somebody acts right before the history is listed for the n-th time."""
    listings = iter(range(1, 100))

    def somebody_acts() -> None:
        if next(listings) == number:
            act()

    world.lake.before_listing = somebody_acts


def left_in(world: World) -> list[list[str]]:
    return [ids_in(content) for content in world.lake.everything()]


@pytest.mark.parametrize("listing", LISTINGS)
@pytest.mark.parametrize("people", [("ann", "bob"), ("ann",)], ids=["some", "all"])
def test_content_that_is_put_again_after_the_commit_is_purged_again(
    world: World, people: tuple[str, ...], listing: int
) -> None:
    old = profiles(*people)
    world.lake.put(URI, old)
    at_listing(world, listing, lambda: world.lake.put(URI, old))
    message = world.pending("r1", "ann")

    outcome = world.purge(message)

    assert left_in(world) == [["bob"]] * (len(people) - 1)
    assert (outcome.rows_erased, world.lake.writes) == (1, 2)
    assert world.location(message).status is LocationStatus.PURGED


@pytest.mark.parametrize("listing", LISTINGS)
def test_a_write_that_was_begun_before_the_commit_keeps_its_rows_and_nobody_erased(
    world: World, listing: int
) -> None:
    world.lake.put(URI, profiles("ann", "ann", "bob"))
    late = profiles("ann", "ann", "bob", "new")
    at_listing(world, listing, lambda: world.lake.put(URI, late))
    first, second = world.pending("r1", "ann"), world.pending("r2", "ann", "eve")

    world.purge(first)

    assert left_in(world) == [["bob", "new"]]
    rows = [event.rows_erased for event in world.events.of(ErasureCompleted)]
    assert rows == [2, 2]
    assert world.purge(second).purged == ()


@pytest.mark.parametrize("listing", LISTINGS)
@pytest.mark.parametrize("people", [("ann", "bob"), ("ann",)], ids=["some", "all"])
def test_rows_count_though_somebody_overwrote_the_object_that_they_went_from(
    world: World, people: tuple[str, ...], listing: int
) -> None:
    world.lake.put(URI, profiles(*people))
    at_listing(world, listing, lambda: world.lake.put(URI, profiles("bob", "new")))
    message = world.pending("r1", "ann")

    outcome = world.purge(message)

    assert left_in(world) == [["bob", "new"]]
    assert (outcome.rows_erased, world.lake.writes) == (1, 1)


def test_an_object_without_the_subject_is_searched_again_if_it_changes_meanwhile(
    world: World,
) -> None:
    world.lake.put(URI, profiles("bob"))
    at_listing(world, 1, lambda: world.lake.put(URI, profiles("bob", "ann")))

    outcome = world.purge(world.pending("r1", "ann"))

    assert left_in(world) == [["bob"]]
    assert outcome.rows_erased == 1


def test_what_came_and_went_between_reading_and_commit_goes_with_the_history(
    world: World,
) -> None:
    old = profiles("ann", "bob")
    world.lake.put(URI, old)

    def somebody_writes_and_takes_it_back() -> None:
        world.lake.put(URI, profiles("ann", "passing"))
        world.lake.put(URI, old)

    world.lake.before_commit = somebody_writes_and_takes_it_back
    world.purge(world.pending("r1", "ann"))

    assert left_in(world) == [["bob"]]


def test_an_object_that_is_overwritten_again_and_again_goes_back_to_the_queue(
    world: World,
) -> None:
    world.lake.put(URI, profiles("ann", "bob"))
    numbers = iter(range(100))
    message = world.pending("r1", "ann")

    def somebody_writes() -> None:
        world.lake.put(URI, profiles("b", f"{next(numbers)}"))

    world.lake.before_listing = somebody_writes

    with pytest.raises(RetryLater) as refusal:
        world.purge(message)

    assert refusal.value.reason_code == "OBJECT_CHANGED"
    assert world.location(message).status is LocationStatus.PENDING
    assert world.events.published == []

    world.lake.before_listing = lambda: None

    assert world.purge(message).rows_erased == 1
    assert left_in(world) == [["b", "2"]]


def test_a_lock_that_is_lost_leaves_what_lies_over_the_commit_to_its_new_holder(
    world: World,
) -> None:
    world.lake.put(URI, profiles("ann", "bob"))
    message = world.pending("r1", "ann")

    def somebody_takes_over() -> None:
        world.locks.lost = True
        world.lake.put(URI, profiles("bob", "new"))

    at_listing(world, 1, somebody_takes_over)

    with pytest.raises(RetryLater):
        world.purge(message)

    assert world.lake.writes == 1
    assert world.location(message).status is LocationStatus.PENDING


@pytest.mark.parametrize("listing", LISTINGS)
@pytest.mark.parametrize("people", [("ann", "bob"), ("ann",)], ids=["some", "all"])
def test_an_object_that_somebody_deletes_after_the_commit_is_no_success_either(
    world: World, people: tuple[str, ...], listing: int
) -> None:
    """A compaction that read it before the commit takes the erased rows elsewhere."""
    world.lake.put(URI, profiles(*people))
    at_listing(world, listing, lambda: world.lake.remove(URI))
    message = world.pending("r1", "ann")

    outcome = world.purge(message)

    assert outcome.relocated
    assert len(world.events.of(RelocationRequested)) == 1
    assert world.location(message).status is LocationStatus.PENDING
    world.requests.note_searched_again(world.location(message), SearchedAgain.ELSEWHERE)
    assert world.purge(message).rows_erased == 1
    assert world.lake.versions(URI) == ()


def test_an_object_that_comes_back_and_goes_again_is_located_anew(world: World) -> None:
    """What was searched before it was seen again says nothing about where its rows went."""
    world.lake.put(URI, profiles("ann", "bob"))
    message = world.pending("r1", "ann")
    world.requests.note_searched_again(world.location(message), SearchedAgain.ELSEWHERE)
    at_listing(world, 1, lambda: world.lake.remove(URI))

    outcome = world.purge(message)

    assert outcome.relocated
    assert world.location(message).status is LocationStatus.PENDING


@pytest.mark.parametrize("people", [("ann", "bob"), ("ann",)], ids=["some", "all"])
@pytest.mark.parametrize("late", [("ann", "bob"), ("ann", "new"), ("ann",)])
def test_a_bucket_without_versions_hides_no_write_after_the_commit(
    world: World, people: tuple[str, ...], late: tuple[str, ...]
) -> None:
    world.lake.has_versions = False
    world.lake.put(URI, profiles(*people))
    at_listing(world, 1, lambda: world.lake.put(URI, profiles(*late)))
    message = world.pending("r1", "ann")

    outcome = world.purge(message)

    assert left_in(world) == [list(late[1:])] * (len(late) - 1)
    assert outcome.rows_erased == 1
    assert world.location(message).status is LocationStatus.PURGED


@pytest.mark.parametrize("people", [("ann", "bob"), ("ann",), ("bob",)])
def test_a_bucket_without_versions_is_purged_at_once(world: World, people: tuple[str, ...]) -> None:
    world.lake.has_versions = False
    world.lake.put(URI, profiles(*people))

    world.purge(world.pending("r1", "ann"))

    assert left_in(world) == [["bob"]] * ("bob" in people)
    assert world.lake.writes == ("ann" in people)


def test_where_versions_are_suspended_no_write_is_removed_as_the_marker_it_replaced(
    world: World,
) -> None:
    world.lake.put(URI, profiles("ann"))
    world.lake.is_suspended = True
    removals = iter(range(1, 100))

    def somebody_writes() -> None:
        if next(removals) == 3:  # after both steps of the older versions: the marker's turn
            world.lake.put(URI, profiles("new"))

    world.lake.before_removal = somebody_writes
    message = world.pending("r1", "ann")

    world.purge(message)

    assert left_in(world) == [["new"]]
    assert world.location(message).status is LocationStatus.PURGED
