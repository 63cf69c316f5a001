"""Purging an S3 object: every trace of the pending subjects goes, and nothing else."""

from __future__ import annotations

import pytest

from erasure_purge.core import Commit, ObjectUri
from erasure_shared.errors import Corrupted, Rejected
from erasure_shared.events import (
    ErasureCompleted,
    LocationPurged,
    PurgeRequested,
)
from erasure_shared.identifiers import delete_parts
from erasure_shared.locations import LocationStatus, RequestStatus
from erasure_shared.tables import request_pk
from tests.unit.purge.parquet_files import ids_in, profiles, stale_profiles
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


def test_identifiers_that_are_gone_are_no_reason_to_call_it_purged(world: World) -> None:
    world.lake.put(URI, profiles("ann", "bob"))
    message = world.pending("r1", "ann")
    delete_parts(request_pk("r1"), message.location_id)

    with pytest.raises(Rejected) as refusal:
        world.purge(message)

    assert refusal.value.reason_code == "IDENTIFIERS_GONE"


@pytest.mark.parametrize("people", [("ann", "bob"), ("bob",)], ids=["a row", "no row"])
def test_an_object_that_names_a_subject_beside_its_content_is_left_to_a_person(
    world: World, people: tuple[str, ...]
) -> None:
    world.lake.put(URI, profiles(*people))
    world.lake.named_beside = {"ann"}

    with pytest.raises(Rejected) as refusal:
        world.purge(world.pending("r1", "ann"))

    assert refusal.value.reason_code == "ERASED_VALUE_IN_METADATA"
    assert world.lake.writes == 0


def test_an_object_that_goes_may_name_its_subjects(world: World) -> None:
    world.lake.put(URI, profiles("ann"))
    world.lake.named_beside = {"ann"}

    world.purge(world.pending("r1", "ann"))

    assert world.lake.everything() == []


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


def test_the_evidence_says_how_little_was_touched(world: World) -> None:
    world.lake.put(URI, profiles("ann", "bob", "eve", row_group_size=1))
    world.lake.forgotten[URI] = 2
    message = world.pending("r1", "ann")

    world.purge(message)

    evidence = world.location(message).evidence
    assert evidence is not None
    assert (evidence["row_groups"], evidence["row_groups_touched"]) == (3, 1)
    assert (evidence["unit"], evidence["unit_reason"]) == ("removed", "EVERY_ROW_ERASED")
    assert evidence["bytes_uploaded"] == evidence["bytes_after"] > 0
    assert evidence["bytes_read"] > evidence["bytes_before"]
    assert (evidence["proof"], evidence["uploads_aborted"]) == ("thorough", 2)


def test_an_object_that_holds_nobody_is_not_written_and_its_uploads_go(world: World) -> None:
    world.lake.put(URI, profiles("bob"))
    world.lake.forgotten[URI] = 1
    message = world.pending("r1", "ann")

    world.purge(message)

    evidence = world.location(message).evidence
    assert evidence is not None
    assert (evidence["unit"], evidence["unit_reason"]) == ("none", "NOBODY_FOUND")
    assert (evidence["bytes_uploaded"], evidence["uploads_aborted"]) == (0, 1)
    assert world.lake.writes == 0


def test_a_name_that_only_a_dictionary_still_holds_goes_too(world: World) -> None:
    world.lake.put(URI, stale_profiles(kept="bob", gone="ann-of-long-ago"))
    message = world.pending("r1", "ann-of-long-ago")

    outcome = world.purge(message)

    assert outcome.rows_erased == 0
    assert b"ann-of-long-ago" not in (world.lake.content(URI) or b"")
    assert ids_in(world.lake.content(URI) or b"") == ["bob"]


def test_a_restored_object_is_written_unarchived_and_the_evidence_says_so(world: World) -> None:
    world.lake.put(URI, profiles("ann", "bob"))
    world.lake.restored_from = "GLACIER"
    message = world.pending("r1", "ann")

    world.purge(message)

    evidence = world.location(message).evidence
    assert evidence is not None
    assert (evidence["restored_from"], evidence["storage_class"]) == ("GLACIER", "STANDARD")
