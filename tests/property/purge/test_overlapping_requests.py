"""Overlapping requests on the same objects, at least four workers at once, in any order.

Hypothesis chooses the objects, the requests, whose turn it is at each call of AWS, which messages
come twice, which workers die, stand still or lose an answer, and what the lake's own writer does.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from erasure_shared import wiring
from erasure_shared.locations import LocationStatus, RequestStatus
from tests.property.purge.in_memory import in_memory
from tests.property.purge.overlap import World
from tests.property.purge.plot import Incident, LateWrite, Overwrite, Plot, person
from tests.property.purge.stage import Trouble

PEOPLE = 4
OTHERS = 3

_rows = st.lists(st.integers(0, PEOPLE + OTHERS - 1), min_size=2, max_size=12)
_cuts = st.lists(st.integers(1, 12), max_size=2)
_versions = st.builds(lambda rows, cuts: [*(rows[:cut] for cut in cuts), rows], _rows, _cuts)
_subjects = st.frozensets(st.integers(0, PEOPLE - 1), min_size=1, max_size=3)
_seconds = st.integers(0, 30).map(lambda tenths: tenths / 10)
_requests = st.tuples(_subjects, _seconds, st.integers(0, 2))
_troubles = st.sampled_from([*Trouble, Trouble.DIES_BEFORE])
_incidents = st.builds(Incident, st.integers(0, 4), st.integers(1, 45), _troubles)
_overwrites = st.builds(Overwrite, st.integers(0, 250), st.integers(0, 2), st.booleans())
_late_writes = st.builds(
    LateWrite, st.integers(0, 250), st.integers(0, 2), st.integers(0, 12), st.booleans()
)

plots = st.builds(
    Plot,
    objects=st.lists(_versions, min_size=1, max_size=3),
    row_group_rows=st.integers(2, 6),
    requests=st.lists(_requests, min_size=2, max_size=4),
    workers=st.integers(4, 5),
    script=st.lists(st.tuples(st.integers(0, 5), st.integers(1, 30)), max_size=40),
    picks=st.lists(st.integers(0, 7), min_size=1, max_size=12),
    delivered_twice=st.frozensets(st.integers(0, 14), max_size=4),
    incidents=st.lists(_incidents, max_size=8),
    overwrites=st.lists(_overwrites, max_size=3),
    late_writes=st.lists(_late_writes, max_size=3),
    index_lag=st.sampled_from([0, 3, 30]),
)


@pytest.fixture(scope="module")
def worlds() -> Iterator[list[World]]:
    with pytest.MonkeyPatch.context() as monkeypatch, in_memory(monkeypatch) as worlds:
        yield worlds


def played(plot: Plot, worlds: list[World]) -> World:
    world = World(plot)
    worlds[:] = [world]
    world.play()
    return world


@given(plot=plots)
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink],
)
def test_overlapping_requests_erase_their_people_and_nobody_else(
    worlds: list[World], plot: Plot
) -> None:
    world = played(plot, worlds)

    assert world.dead_letters == []
    world.check_lake()
    world.check_all_gone()
    check_requests(world)
    check_counts(world)
    check_locks(world)


def test_a_request_in_the_wake_of_a_dead_worker_waits_for_the_versions_that_it_left(
    worlds: list[World],
) -> None:
    """Wherever the worker dies: what it rewrote shows nobody any more, older versions still do."""
    for call in range(15, 50):
        ann, bob = 0, PEOPLE
        world = played(
            Plot(
                objects=[[[ann, bob], [ann, bob, bob]]],
                row_group_rows=2,
                requests=[(frozenset({ann}), 0.0, 0), (frozenset({ann}), 0.0, 1)],
                script=[(0, 60)],
                incidents=[Incident(worker, call, Trouble.DIES_BEFORE) for worker in range(4)],
            ),
            worlds,
        )

        world.check_all_gone()
        check_requests(world)


@pytest.mark.parametrize("puts_the_same", [True, False], ids=["a retry", "a row more"])
@pytest.mark.parametrize("bobs", [0, 2], ids=["all", "some"])
def test_what_a_foreign_writer_puts_over_a_commit_by_the_last_look_is_purged_too(
    worlds: list[World], bobs: int, puts_the_same: bool
) -> None:
    """At whichever call after the commit: what it read before, as it was or with a row more."""
    landings = set()
    for lingers in range(1, 13):
        ann, bob = 0, PEOPLE
        world = played(
            Plot(
                objects=[[[ann, *[bob] * bobs]]],
                row_group_rows=2,
                requests=[(frozenset({ann}), 0.0, 0), (frozenset({1}), 0.0, 0)],
                script=[(0, 200)],
                late_writes=[LateWrite(0, 0, lingers, puts_the_same)],
            ),
            worlds,
        )

        assert world.dead_letters == []
        world.check_lake()
        world.check_all_gone()
        check_requests(world)
        check_counts(world)
        landings.add(world.commits)
    assert landings == {1, 2}


def check_requests(world: World) -> None:
    """Every request is closed and said to be, and every location is purged."""
    for number in range(len(world.plot.requests)):
        request = wiring.requests().find(f"r{number}")
        assert request is not None
        assert (request.status, request.open_locations) == (RequestStatus.COMPLETED, 0)
        locations = list(wiring.requests().locations_of(f"r{number}"))
        assert {one.status for one in locations} <= {LocationStatus.PURGED}
        assert len(locations) == request.purged_locations
        assert request.request_id in world.completed


def check_counts(world: World) -> None:
    """Every row that went is counted by a request that wanted it gone, none is invented.

    Where a worker dies between its commit and its marks, and another writer overwrites the object
    before the next run, nothing is left that tells of the commit: those rows may be counted by
    nobody.
    """
    told: dict[str, int] = {}
    for number, (who, *_) in enumerate(world.plot.requests):
        people = set(map(person, who))
        for location in wiring.requests().locations_of(f"r{number}"):
            key = location.address.removeprefix("s3://lake/")
            rows = int((location.evidence or {}).get("rows_erased", 0))
            there = sum(row[0] in people for row in world.at_first[key])
            assert 0 <= rows <= there
            told[key] = told.get(key, 0) + rows
    if world.plot.overwrites or world.plot.late_writes:
        return
    for key, rows_at_first in world.at_first.items():
        assert told.get(key, 0) >= sum(row[0] in world.sought for row in rows_at_first)


def check_locks(world: World) -> None:
    """Only who died may have left a lock that still counts; its lease ends by itself."""
    left = {
        item["client_name"]["S"]
        for item in world.dynamodb.items("mutex")
        if float(item["lease_started"]["N"]) + float(item["lease_duration"]["N"]) > world.wall_s
    }
    assert left <= world.dead_workers
