"""Purging an S3 object: every trace of the pending subjects goes, and nothing else."""

from __future__ import annotations

import pytest

from erasure_purge.core import Commit, ObjectUri
from erasure_shared.errors import Corrupted, OutOfTime, Rejected, RetryLater
from erasure_shared.events import (
    ErasureCompleted,
    LocationPurged,
    PurgeRequested,
    RelocationRequested,
)
from erasure_shared.identifiers import delete_parts
from erasure_shared.locations import LocationStatus, PendingLocation, RequestStatus, SearchedAgain
from erasure_shared.tables import request_pk
from tests.unit.purge.parquet_files import ids_in, profiles
from tests.unit.purge.world import URI, World


def test_a_purge_erases_the_subject_and_keeps_everybody_else(world: World) -> None:
    world.lake.put(URI, profiles("ann", "bob", "ann", "eve"))
    message = world.pending("r1", "ann")

    outcome = world.purge(message)

    assert outcome.rows_erased == 2
    assert ids_in(world.lake.content(URI) or b"") == ["bob", "eve"]
    location = world.location(message)
    assert location.status is LocationStatus.PURGED
    assert location.evidence is not None
    assert location.evidence["rows_before"] == 4
    assert location.evidence["rows_erased"] == 2


def test_older_versions_go_and_only_those_of_the_very_key(world: World) -> None:
    neighbour = ObjectUri(URI.bucket, URI.key + "0")
    world.lake.put(neighbour, profiles("ann"))
    world.lake.put(URI, profiles("ann", "old"))
    world.lake.remove(URI)
    world.lake.put(URI, profiles("ann", "bob"))

    outcome = world.purge(world.pending("r1", "ann"))

    assert outcome.versions_removed == 3
    assert len(world.lake.versions(URI)) == 1
    assert len(world.lake.versions(neighbour)) == 1


def test_an_object_that_loses_all_rows_is_deleted_with_its_history(world: World) -> None:
    world.lake.put(URI, profiles("ann", "bob"))
    world.lake.put(URI, profiles("ann", "ann"))

    outcome = world.purge(world.pending("r1", "ann"))

    assert outcome.rows_erased == 2
    assert world.lake.versions(URI) == ()


def test_one_rewrite_serves_every_request_that_waits_for_the_object(world: World) -> None:
    world.lake.put(URI, profiles("ann", "bob", "eve", "ann"))
    first = world.pending("r1", "ann", "bob")
    second = world.pending("r2", "ann")

    world.purge(first)
    completed = {event.request_id for event in world.events.of(ErasureCompleted)}
    again = world.purge(second)

    assert world.lake.writes == 1
    assert again.purged == ()
    rows = {e.request_id: e.rows_erased for e in world.events.of(LocationPurged)}
    assert rows == {"r1": 3, "r2": 2}
    assert completed == {"r1", "r2"}


def test_an_index_that_lags_does_not_hide_the_messages_own_location(world: World) -> None:
    world.lake.put(URI, profiles("ann", "bob"))

    class Lagging:
        def __getattr__(self, name: str) -> object:
            return getattr(world.requests, name)

        def pending_at(self, address: str) -> tuple[PendingLocation, ...]:
            return ()

    outcome = world.purge(world.pending("r1", "ann"), requests=Lagging())

    assert outcome.rows_erased == 1


def test_repeating_a_purge_erases_nothing_and_writes_nothing(world: World) -> None:
    world.lake.put(URI, profiles("ann", "bob"))
    message = world.pending("r1", "ann")
    world.purge(message)

    outcome = world.purge(message)

    assert outcome.rows_erased == 0
    assert world.lake.writes == 1
    assert len(world.events.of(ErasureCompleted)) == 1


def test_a_message_that_comes_late_closes_the_request_that_another_worker_left_open(
    world: World,
) -> None:
    world.lake.put(URI, profiles("ann"))
    late = world.pending("r1", "ann")
    world.requests.mark_purged(world.location(late), 1, {})

    outcome = world.purge(late)

    assert outcome.purged == ()
    (completed,) = world.events.of(ErasureCompleted)
    assert completed.request_id == "r1"
    assert world.requests.close_if_done("r1") is None


def test_a_completed_request_says_what_came_of_it(world: World) -> None:
    world.lake.put(URI, profiles("ann", "bob"))

    world.purge(world.pending("r1", "ann"))

    (completed,) = world.events.of(ErasureCompleted)
    assert (completed.status, completed.rows_erased) == ("COMPLETED", 1)
    record = world.requests.find("r1")
    assert record is not None
    assert record.status is RequestStatus.COMPLETED


def test_an_object_clean_by_now_still_loses_its_older_versions(world: World) -> None:
    world.lake.put(URI, profiles("ann", "bob"))
    world.lake.put(URI, profiles("bob"))

    outcome = world.purge(world.pending("r1", "ann"))

    assert (outcome.rows_erased, outcome.versions_removed) == (0, 1)
    assert world.lake.everything() == [profiles("bob")]


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


def test_identifiers_that_are_gone_are_no_reason_to_call_it_purged(world: World) -> None:
    world.lake.put(URI, profiles("ann", "bob"))
    message = world.pending("r1", "ann")
    delete_parts(request_pk("r1"), message.location_id)

    with pytest.raises(Rejected) as refusal:
        world.purge(message)

    assert refusal.value.reason_code == "IDENTIFIERS_GONE"


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


@pytest.mark.parametrize("hindrance", ["OBJECT_ARCHIVED", "LEGAL_HOLD", "OBJECT_LOCKED"])
def test_an_object_that_must_not_be_touched_waits_for_a_decision(
    world: World, hindrance: str
) -> None:
    world.lake.put(URI, profiles("ann"))
    world.lake.hindrance = hindrance

    with pytest.raises(Rejected) as refusal:
        world.purge(world.pending("r1", "ann"))

    assert refusal.value.reason_code == hindrance
    assert world.lake.writes == 0


def test_other_bytes_read_back_stop_everything_before_history_goes(world: World) -> None:
    world.lake.put(URI, profiles("ann", "bob"))
    real_replace = world.lake.replace

    class Mangling:
        def __getattr__(self, name: str) -> object:
            return getattr(world.lake, name)

        def replace(self, stored: object, replacement: object, nonce: str) -> object:
            real_replace(stored, replacement, nonce)  # type: ignore[arg-type]
            world.lake.put(URI, b"mangled")
            mangled = world.lake.find(URI)
            assert mangled is not None
            return Commit(mangled)

    with pytest.raises(Corrupted):
        world.purge(world.pending("r1", "ann"), lake=Mangling())

    assert profiles("ann", "bob") in world.lake.everything()


def test_an_unknown_location_is_rejected(world: World) -> None:
    with pytest.raises(Rejected) as refusal:
        world.purge(PurgeRequested(request_id="r9", location_id="0" * 32))

    assert refusal.value.reason_code == "UNKNOWN_LOCATION"


@pytest.mark.parametrize("store", ["loyalty", "bookings"])
def test_rows_of_other_stores_go_and_are_counted(world: World, store: str) -> None:
    world.items.owners = ["ann", "bob", "ann"]
    world.rows.owners = ["ann", "bob", "ann"]
    message = world.pending("r1", "ann", store=store, address=f"{store}://table")

    outcome = world.purge(message)

    assert outcome.rows_erased == 2
    assert world.location(message).status is LocationStatus.PURGED


@pytest.mark.parametrize("store", ["loyalty", "bookings"])
def test_rows_whose_subjects_are_gone_are_no_reason_to_call_it_purged(
    world: World, store: str
) -> None:
    message = world.pending("r1", "ann", store=store, address=f"{store}://table")
    delete_parts(request_pk("r1"), message.location_id)

    with pytest.raises(Rejected) as refusal:
        world.purge(message)

    assert refusal.value.reason_code == "IDENTIFIERS_GONE"
    assert world.location(message).status is LocationStatus.PENDING


@pytest.mark.parametrize("store", ["loyalty", "bookings"])
def test_a_run_goes_on_where_the_one_before_ran_out_of_time(world: World, store: str) -> None:
    subjects = [f"subject-{number:04d}" for number in range(1_001)]
    world.items.owners = [*subjects, *subjects, "eve"]
    world.rows.owners = [*subjects, *subjects, "eve"]
    message = world.pending("r1", *subjects, store=store, address=f"{store}://table")
    clock = iter([60.0, 1.0])

    with pytest.raises(OutOfTime):
        world.purge(message, time_left_s=lambda: next(clock))
    owners_left = world.items.owners if store == "loyalty" else world.rows.owners
    outcome = world.purge(message)

    assert 1 < len(owners_left) < 2_003
    assert outcome.rows_erased == 2_002
    assert (world.items.owners if store == "loyalty" else world.rows.owners) == ["eve"]
