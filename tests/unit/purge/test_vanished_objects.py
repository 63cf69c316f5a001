"""An object that is gone: absence alone is no success, and its history goes only for a reason."""

from __future__ import annotations

import pytest

from erasure_purge.core import ObjectUri
from erasure_shared.errors import Rejected, RetryLater
from erasure_shared.events import (
    RelocationRequested,
)
from erasure_shared.locations import LocationStatus, SearchedAgain
from tests.unit.purge.parquet_files import ids_in, profiles
from tests.unit.purge.world import URI, World


def test_a_vanished_object_is_no_success_its_subjects_are_located_again(world: World) -> None:
    message = world.pending("r1", "ann")

    outcome = world.purge(message)

    assert outcome.relocated
    (event,) = world.events.of(RelocationRequested)
    assert event.location_id == message.location_id
    assert world.location(message).status is LocationStatus.PENDING


def test_a_vanished_object_loses_its_history_once_its_rows_are_found_elsewhere(
    world: World,
) -> None:
    world.lake.put(URI, profiles("ann"))
    world.lake.remove(URI)
    message = world.pending("r1", "ann")
    world.requests.note_searched_again(world.location(message), SearchedAgain.ELSEWHERE)

    world.purge(message)

    assert world.lake.versions(URI) == ()
    evidence = world.location(message).evidence
    assert evidence is not None
    assert evidence["vanished"] is True


def test_an_object_that_somebody_deleted_keeps_its_history_until_a_person_decides(
    world: World,
) -> None:
    world.lake.put(URI, profiles("ann", "bob"))
    world.lake.remove(URI)
    message = world.pending("r1", "ann")
    world.requests.note_searched_again(world.location(message), SearchedAgain.NOWHERE)

    with pytest.raises(Rejected) as refusal:
        world.purge(message)

    assert refusal.value.reason_code == "OBJECT_DELETED"
    assert [ids_in(content) for content in world.lake.everything()] == [["ann", "bob"]]


def test_a_vanished_object_without_history_is_purged_when_nobody_is_found_again(
    world: World,
) -> None:
    message = world.pending("r1", "ann")
    world.requests.note_searched_again(world.location(message), SearchedAgain.NOWHERE)

    world.purge(message)

    assert world.location(message).status is LocationStatus.PURGED


def test_a_search_that_names_an_absent_object_is_no_success(world: World) -> None:
    message = world.pending("r1", "ann")
    world.requests.note_searched_again(world.location(message), SearchedAgain.SAME_ADDRESS)

    with pytest.raises(Rejected) as refusal:
        world.purge(message)

    assert refusal.value.reason_code == "ADDRESS_DISAGREES"


def test_an_object_that_was_seen_again_is_located_again_when_it_vanishes_again(
    world: World,
) -> None:
    world.lake.put(URI, profiles("ann", "bob"))
    message = world.pending("r1", "ann")
    world.requests.note_searched_again(world.location(message), SearchedAgain.NOWHERE)
    with pytest.raises(RetryLater):
        world.purge(message, time_left_s=lambda: 1.0)
    world.lake.remove(URI)

    outcome = world.purge(message)

    assert outcome.relocated


def test_an_object_that_comes_back_while_its_rest_is_removed_is_purged(world: World) -> None:
    world.lake.put(URI, profiles("ann"))
    world.lake.remove(URI)
    message = world.pending("r1", "ann")
    world.requests.note_searched_again(world.location(message), SearchedAgain.NOWHERE)

    class ComingBack:
        def __getattr__(self, name: str) -> object:
            return getattr(world.lake, name)

        def find(self, uri: ObjectUri) -> object:
            found = world.lake.find(uri)
            if found is None:
                world.lake.put(uri, profiles("ann", "bob"))
            return found

    world.purge(message, lake=ComingBack())

    assert [ids_in(content) for content in world.lake.everything()] == [["bob"]]


def test_an_object_that_was_emptied_for_another_request_needs_no_person(world: World) -> None:
    world.lake.put(URI, profiles("ann"))
    first = world.pending("r1", "ann")

    class Dying:
        def __getattr__(self, name: str) -> object:
            return getattr(world.lake, name)

        def remove_versions(self, uri: ObjectUri, version_ids: object) -> None:
            raise RetryLater("the function died after the object had been deleted")

    with pytest.raises(RetryLater):
        world.purge(first, lake=Dying())
    second = world.pending("r2", "ann")
    world.requests.note_searched_again(world.location(second), SearchedAgain.NOWHERE)

    world.purge(second)

    assert world.location(second).status is LocationStatus.PURGED
    assert world.lake.versions(URI) == ()
