"""People are erased from every store through the deployed services, and nobody else is."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from infra.demo.proof import claims_about_stores
from infra.demo.road import Road, wait_until
from infra.demo.stores import Holding
from tests import synthetic

PEOPLE = 200
RECORDS = 2_000
OVERLAPPING = ("overlap-1", "overlap-2", "overlap-3")


@dataclass(frozen=True)
class Aftermath:
    """What the stores held before and after three overlapping requests."""

    erased: list[str]
    before: dict[str, Holding]
    after: dict[str, Holding]


@pytest.fixture(scope="module")
def aftermath(road: Road) -> Aftermath:
    everyone = synthetic.people(PEOPLE, seed=3, awkward=True)
    road.stores.seed(everyone)
    had = road.stores.lake_row_count()
    road.stores.stream(synthetic.records(everyone, RECORDS, seed=3), lambda _: None)
    wait_until(
        lambda: road.stores.lake_row_count() >= had + RECORDS,
        what="the records arrive in the lake",
        at_most_s=90,
    )
    ids = [person.profile_id for person in everyone]
    batches = (ids[:30], ids[15:45], ids[:10] + ids[40:50])
    erased = sorted({each for batch in batches for each in batch})
    before = road.stores.holdings(erased)
    for request_id, batch in zip(OVERLAPPING, batches, strict=True):
        road.request(request_id, batch)
    wait_until(
        lambda: all(map(road.is_closed, OVERLAPPING)), what="the requests close", at_most_s=150
    )
    return Aftermath(erased, before, road.stores.holdings(erased))


def test_overlapping_requests_erase_their_people_and_nobody_else(aftermath: Aftermath) -> None:
    broken = [
        claim for claim in claims_about_stores(aftermath.before, aftermath.after) if not claim.holds
    ]

    assert broken == []


def test_every_request_is_completed_without_retention(road: Road, aftermath: Aftermath) -> None:
    assert aftermath.erased
    assert [road.status(request_id) for request_id in OVERLAPPING] == ["COMPLETED"] * 3


def test_no_older_version_of_a_purged_object_is_left(road: Road, aftermath: Aftermath) -> None:
    assert aftermath.erased
    assert road.stores.older_versions() == 0


def test_our_own_records_keep_no_identifier(road: Road, aftermath: Aftermath) -> None:
    left = road.identifiers_left_behind(aftermath.erased)

    assert left == dict.fromkeys(left, 0)


def test_people_who_are_stored_nowhere_are_a_fact_and_no_error(road: Road) -> None:
    road.request("nobody", ["known-to-no-store-1", "known-to-no-store-2"])

    wait_until(lambda: road.is_closed("nobody"), what="the request closes", at_most_s=60)

    found = road.found("nobody")
    assert (found.status, found.subjects_not_found) == ("COMPLETED", 2)


def test_publishing_a_request_again_starts_no_second_run(road: Road) -> None:
    event = road.request("again", ["known-to-no-store-3"])
    wait_until(lambda: road.is_closed("again"), what="the request closes", at_most_s=60)
    first = road.found("again")

    road.publish(event)
    road.wait_for_idle_queues()

    assert road.found("again") == first
