"""Objects that another request has rewritten, but whose older versions may hold a person still."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from erasure_shared.locations import Found, Identifier, Location, StoreKind
from tests.unit.location.worlds import BROKEN, DATA_MAP, LATER, NOW, PART_1, World


def of_another_request(
    world: World, *people: str, request_id: str = "r0", kind: StoreKind = StoreKind.S3
) -> Location:
    """Found by a request that came before."""
    identifiers = tuple(Identifier(SecretStr(person)) for person in people)
    subjects = [identifier.profile_id for identifier in identifiers]
    world.requests.register(request_id, NOW, NOW + LATER, subjects)
    store = DATA_MAP.stores[0 if kind is StoreKind.S3 else 1].name
    location = world.requests.add_location(request_id, Found(store, kind, PART_1, identifiers))
    world.requests.finish_locating(request_id)
    return location


def no_longer_seen(world: World) -> None:
    """The present version of the object is clean; its older ones are not searched."""
    world.stores.people["profiles_lake"] = {}


@pytest.mark.parametrize("state", ["pending", "failed", "retained", "retained and closed"])
def test_a_person_in_an_unfinished_object_of_another_request_keeps_this_one_open(
    world: World, state: str
) -> None:
    other = of_another_request(world, "bob", "eve")
    no_longer_seen(world)
    if state != "pending":
        world.requests.mark_failed(other, "VERSION_LOCKED", "an older version is locked")
    if state.startswith("retained"):
        world.requests.mark_retained(other)
    if state.endswith("closed"):
        assert world.requests.close_if_done("r0") is not None

    located = world.locate("bob", "nobody")

    (location,) = world.locations()
    assert (location.address, world.people_at(location)) == (PART_1, {"bob"})
    assert [event.location_id for event in located.purges] == [location.location_id]
    assert located.completed is None
    assert located.subjects_not_found == 1


def test_what_another_request_has_purged_is_not_taken_over(world: World) -> None:
    other = of_another_request(world, "bob")
    no_longer_seen(world)
    world.requests.mark_purged(other, 1, {})

    located = world.locate("bob")

    assert world.locations() == []
    assert located.completed is not None


def test_other_people_s_objects_and_other_stores_are_not_taken_over(world: World) -> None:
    of_another_request(world, "eve")
    of_another_request(world, "bob", request_id="r9", kind=StoreKind.POSTGRESQL)
    no_longer_seen(world)

    world.locate("bob")

    assert world.locations() == []


def test_what_the_search_finds_itself_is_recorded_once(world: World) -> None:
    of_another_request(world, "bob", "ann")

    world.locate("ann", "bob")
    world.locate("ann", "bob")

    assert len(world.locations(PART_1)) == 1


def test_a_search_that_is_repeated_takes_over_as_well(world: World) -> None:
    world.stores.failing["profiles_lake"] = BROKEN
    world.locate("bob")
    (search,) = world.locations()
    of_another_request(world, "bob")
    world.stores.failing.clear()
    no_longer_seen(world)

    world.relocate(search)

    assert [world.people_at(one) for one in world.locations(PART_1)] == [{"bob"}]


def test_people_of_a_vanished_object_are_taken_over_where_others_have_them(world: World) -> None:
    world.stores.people["profiles_lake"] = {"s3://lake/old": {"bob"}}
    world.locate("bob")
    (vanished,) = world.locations("s3://lake/old")
    of_another_request(world, "bob")
    no_longer_seen(world)

    located = world.relocate(vanished)

    (taken,) = world.locations(PART_1)
    assert taken.location_id in {event.location_id for event in located.purges}
