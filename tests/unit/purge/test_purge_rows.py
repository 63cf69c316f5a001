"""Purging tables: what was found goes, is counted, and goes on where time ran out."""

from __future__ import annotations

import pytest

from erasure_shared.errors import OutOfTime, Rejected
from erasure_shared.identifiers import delete_parts
from erasure_shared.locations import LocationStatus
from erasure_shared.tables import request_pk
from tests.unit.purge.world import World


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
