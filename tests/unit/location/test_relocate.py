"""How one store is searched again."""

from __future__ import annotations

import pytest

from erasure_shared.errors import Rejected, RetryLater
from erasure_shared.events import RelocationRequested
from erasure_shared.locations import Location, LocationStatus
from tests.unit.location.worlds import BROKEN, DOWN, PART_1, PART_2, World

NEW = "s3://lake/profiles/compacted.parquet"


@pytest.fixture
def vanished(world: World) -> Location:
    """Part 1 was found, and then a compaction moved its rows."""
    world.locate("ann", "bob")
    world.stores.people["profiles_lake"] = {NEW: {"ann", "bob", "zoe"}}
    [location] = world.locations(PART_1)
    return location


def test_the_subjects_of_a_vanished_object_are_found_where_they_went(
    world: World, vanished: Location
) -> None:
    located = world.relocate(vanished)

    [new] = world.locations(NEW)
    assert world.people_at(new) == {"ann", "bob"}
    assert {event.location_id for event in located.purges} == {
        new.location_id,
        vanished.location_id,
    }


def test_the_vanished_location_says_that_its_subjects_were_searched_again(
    world: World, vanished: Location
) -> None:
    world.relocate(vanished)

    [location] = world.locations(PART_1)

    assert location.searched_again
    assert location.status is LocationStatus.PENDING


def test_only_the_store_of_the_object_is_searched_again(world: World, vanished: Location) -> None:
    world.relocate(vanished)

    assert world.stores.searches == ["profiles_lake", "bookings", "profiles_lake"]


def test_an_object_that_is_back_is_no_new_finding(world: World, vanished: Location) -> None:
    world.stores.people["profiles_lake"] = {PART_1: {"ann", "bob"}}

    located = world.relocate(vanished)

    assert [event.location_id for event in located.purges] == [vanished.location_id]
    assert len(world.locations(PART_1)) == 1


def test_searching_again_twice_adds_nothing(world: World, vanished: Location) -> None:
    first = world.relocate(vanished)

    second = world.relocate(vanished)

    assert set(second.purges) == set(first.purges)
    assert len(world.locations(NEW)) == 1


def test_a_place_that_was_purged_for_the_request_before_is_purged_again(
    world: World, vanished: Location
) -> None:
    world.purge(world.locations(PART_2))
    world.stores.people["profiles_lake"] = {PART_2: {"ann", "bob"}}

    world.relocate(vanished)

    assert [item.status for item in world.locations(PART_2)].count(LocationStatus.PENDING) == 1


def test_a_location_that_is_purged_by_now_is_not_searched_again(
    world: World, vanished: Location
) -> None:
    world.purge([vanished])
    before = list(world.stores.searches)

    located = world.relocate(vanished)

    assert located.purges == ()
    assert world.stores.searches == before


def test_a_store_that_is_down_is_searched_again_later(world: World, vanished: Location) -> None:
    world.stores.failing["profiles_lake"] = DOWN

    with pytest.raises(RetryLater):
        world.relocate(vanished)

    assert not world.locations(PART_1)[0].searched_again


def test_a_location_that_nobody_recorded_is_rejected(world: World) -> None:
    world.locate("ann")
    event = RelocationRequested(request_id="r1", location_id="0" * 32)

    with pytest.raises(Rejected) as refusal:
        world.relocate(Location(**{**vars(world.locations()[0]), "location_id": event.location_id}))

    assert refusal.value.reason_code == "UNKNOWN_LOCATION"


@pytest.fixture
def failed_search(world: World) -> Location:
    """The lake could not be searched when the request came, and has been repaired since."""
    world.stores.failing["profiles_lake"] = BROKEN
    world.locate("ann", "bob")
    del world.stores.failing["profiles_lake"]
    [location] = world.locations("search:profiles_lake")
    return location


def test_a_failed_search_is_repeated_for_all_subjects(
    world: World, failed_search: Location
) -> None:
    located = world.relocate(failed_search)

    [search] = world.locations("search:profiles_lake")
    found = {*world.locations(PART_1), *world.locations(PART_2)}
    assert search.status is LocationStatus.PURGED
    assert search.evidence == {"searched": True}
    assert {event.location_id for event in located.purges} == {item.location_id for item in found}
    assert len(found) == 2


def test_a_repeated_search_that_died_before_publishing_publishes_when_it_comes_again(
    world: World, failed_search: Location
) -> None:
    first = world.relocate(failed_search)

    again = world.relocate(failed_search)

    assert set(again.purges) == set(first.purges)
    assert world.stores.searches.count("profiles_lake") == 2


def test_a_repeated_search_that_finds_nobody_can_complete_the_request(
    world: World, failed_search: Location
) -> None:
    world.stores.people["profiles_lake"] = {}
    world.purge(item for item in world.locations() if item != failed_search)

    located = world.relocate(failed_search)

    assert located.completed is not None
    assert located.completed.status == "COMPLETED"


def test_a_search_that_fails_again_goes_back_to_a_person(
    world: World, failed_search: Location
) -> None:
    world.stores.failing["profiles_lake"] = BROKEN

    with pytest.raises(Rejected) as refusal:
        world.relocate(failed_search)

    assert refusal.value.reason_code == BROKEN.reason_code
    assert world.locations("search:profiles_lake")[0].status is LocationStatus.PENDING
