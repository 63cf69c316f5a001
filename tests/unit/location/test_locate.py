"""How a request's subjects are located."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from erasure_location.core.deadline import Deadline
from erasure_location.use_case import Located, locate
from erasure_shared.errors import OutOfTime, Rejected, RetryLater
from erasure_shared.locations import LocationStatus, RequestStatus, StoreKind
from tests.unit.location.worlds import (
    BOOKINGS,
    BROKEN,
    DOWN,
    NOW,
    PART_1,
    PART_2,
    Crash,
    World,
    a_request,
)

LIST = "s3://lists/r1.jsonl"


def purged_ids(located: Located) -> set[str]:
    return {event.location_id for event in located.purges}


def test_every_store_is_searched_once_for_all_subjects(world: World) -> None:
    located = world.locate("ann", "bob", "nobody")

    found = {location.address: world.people_at(location) for location in world.locations()}
    assert found == {PART_1: {"ann", "bob"}, PART_2: {"bob"}, BOOKINGS: {"ann"}}
    assert world.stores.searches == ["profiles_lake", "bookings"]
    assert purged_ids(located) == {location.location_id for location in world.locations()}
    assert (located.subjects, located.subjects_not_found, located.locations) == (3, 1, 3)
    assert located.completed is None


def test_the_deadline_of_the_request_is_a_month_after_its_receipt(world: World) -> None:
    world.locate("ann")

    request = world.requests.find("r1")

    assert request is not None
    assert request.due_at == "2026-12-01T12:00:00.000Z"
    assert request.status is RequestStatus.PURGING


def test_a_request_whose_subjects_are_nowhere_completes_at_once(world: World) -> None:
    located = world.locate("nobody")

    assert located.purges == ()
    assert located.completed is not None
    assert located.completed.status == "COMPLETED"
    assert located.completed.subjects_not_found == 1


def test_the_same_request_again_is_not_searched_again(world: World) -> None:
    first = world.locate("ann", "bob")

    again = world.locate("bob", "ann")

    assert world.stores.searches == ["profiles_lake", "bookings"]
    assert purged_ids(again) == purged_ids(first)
    assert first.searched
    assert not again.searched


def test_what_is_purged_already_is_not_asked_for_again(world: World) -> None:
    world.locate("ann", "bob")
    world.purge(world.locations(PART_1))

    again = world.locate("ann", "bob")

    assert len(again.purges) == 2
    assert world.locations(PART_1)[0].location_id not in purged_ids(again)


def test_a_request_purged_before_the_news_went_out_is_announced_by_its_repetition(
    world: World,
) -> None:
    world.locate("ann")
    world.purge(world.locations())

    again = world.locate("ann")
    world.requests.note_announced("r1")
    once_more = world.locate("ann")

    assert again.completed is not None
    assert once_more.completed is None


def test_other_subjects_under_a_known_id_are_rejected(world: World) -> None:
    world.locate("ann")

    with pytest.raises(Rejected, match="request_id"):
        world.locate("zoe")

    assert world.stores.searches == ["profiles_lake", "bookings"]


def test_a_receipt_in_the_future_is_rejected_before_anything_is_recorded(world: World) -> None:
    event = a_request("ann", received_at=NOW + timedelta(days=1, seconds=1))

    with pytest.raises(Rejected, match="received_at"):
        locate(event, world.ports(), now=NOW, deadline=Deadline(lambda: 60.0))

    assert world.requests.find("r1") is None


def test_subjects_of_a_claim_check_are_located_like_inline_ones(world: World) -> None:
    located = world.locate_list(LIST, "ann", "zoe")

    assert located.subjects == 2
    assert {item.address for item in world.locations()} == {PART_1, PART_2, BOOKINGS}


def test_a_request_being_purged_needs_its_list_no_more(world: World) -> None:
    first = world.locate_list(LIST, "ann", "zoe")

    again = world.locate_list(LIST)

    assert purged_ids(again) == purged_ids(first)
    assert not again.searched


def test_a_closed_request_needs_its_list_no_more(world: World) -> None:
    world.locate_list(LIST, "nobody")

    again = world.locate_list(LIST)

    assert again.completed is not None


def test_a_search_that_was_broken_off_goes_on_with_the_recorded_subjects(world: World) -> None:
    world.stores.failing["bookings"] = DOWN
    with pytest.raises(RetryLater):
        world.locate_list(LIST, "ann", "zoe")
    del world.stores.failing["bookings"]

    located = world.locate_list(LIST)

    [bookings] = world.locations(BOOKINGS)
    assert world.people_at(bookings) == {"ann", "zoe"}
    assert len(located.purges) == 3


@pytest.mark.parametrize(
    ("uri", "received_at"), [("s3://lists/other", NOW), (LIST, NOW - timedelta(hours=1))]
)
def test_a_list_that_is_gone_proves_nothing_about_another_request(
    world: World, uri: str, received_at: datetime
) -> None:
    world.locate_list(LIST, "ann")

    with pytest.raises(Rejected) as refusal:
        world.locate_list(uri, received_at=received_at)

    assert refusal.value.reason_code == "SUBJECT_LIST_ABSENT"


def test_a_list_that_names_others_now_is_rejected(world: World) -> None:
    world.locate_list(LIST, "ann")

    with pytest.raises(Rejected) as refusal:
        world.locate_list(LIST, "zoe")

    assert refusal.value.reason_code == "REQUEST_ID_REUSED"


def test_a_list_that_never_was_there_is_rejected_and_nothing_recorded(world: World) -> None:
    with pytest.raises(Rejected, match="no such object"):
        world.locate_list(LIST)

    assert world.requests.find("r1") is None


def test_a_store_that_is_down_loses_nothing_and_is_searched_next_time(world: World) -> None:
    world.stores.failing["bookings"] = DOWN

    with pytest.raises(RetryLater):
        world.locate("ann")
    del world.stores.failing["bookings"]
    located = world.locate("ann")

    assert world.stores.searches == ["profiles_lake", "bookings", "bookings"]
    assert {item.address for item in world.locations()} == {PART_1, BOOKINGS}
    assert len(located.purges) == 2


def test_no_purge_is_asked_for_before_every_store_was_searched(world: World) -> None:
    world.stores.failing["bookings"] = DOWN

    with pytest.raises(RetryLater):
        world.locate("ann")

    request = world.requests.find("r1")
    assert request is not None
    assert request.status is RequestStatus.LOCATING


def test_a_store_that_cannot_be_searched_waits_for_a_person_while_others_go_on(
    world: World,
) -> None:
    world.stores.failing["profiles_lake"] = BROKEN

    located = world.locate("ann", "bob")

    [search] = world.locations("search:profiles_lake")
    [bookings] = world.locations(BOOKINGS)
    [(event, failure)] = world.dead_letters.parked
    assert search.kind is StoreKind.SEARCH
    assert world.people_at(search) == {"ann", "bob"}
    assert event.location_id == search.location_id
    assert failure == BROKEN
    assert purged_ids(located) == {bookings.location_id}


def test_a_failed_search_keeps_the_request_open(world: World) -> None:
    world.stores.failing["profiles_lake"] = BROKEN

    located = world.locate("nobody")

    assert located.completed is None
    assert located.purges == ()


def test_a_search_set_aside_before_a_crash_ends_when_the_next_attempt_succeeds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.stores.failing["profiles_lake"] = BROKEN

    class CrashingDeadLetters:
        def park(self, *_: object) -> None:
            raise Crash

    parked, world.dead_letters = world.dead_letters, CrashingDeadLetters()  # type: ignore[assignment]
    with pytest.raises(Crash):
        world.locate("ann")
    world.dead_letters = parked
    del world.stores.failing["profiles_lake"]
    world.locate("ann")

    [search] = world.locations("search:profiles_lake")
    assert search.status is LocationStatus.PURGED
    assert len(world.locations()) == 3


def test_time_that_runs_out_between_locations_is_made_up_for_next_time(world: World) -> None:
    times = iter([60.0, 60.0])

    with pytest.raises(OutOfTime):
        world.locate("ann", "bob", left_s=lambda: next(times, 0.0))
    located = world.locate("ann", "bob")

    assert len(located.purges) == 3
    assert len(world.locations()) == 3


def test_a_crowd_with_short_ids_completes_although_their_digests_are_longer(world: World) -> None:
    located = world.locate_list(LIST, *(f"p{n}" for n in range(14_000)))

    assert located.completed is not None
    assert located.completed.subjects_not_found == 14_000


STEPS = ("register", "add_location", "note_search", "finish_locating", "close_if_done")


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(
    ("people", "step"),
    [
        *((("ann", "bob"), step) for step in STEPS),
        *((("nobody",), step) for step in STEPS if step != "add_location"),
    ],
)
def test_a_crash_at_any_step_is_answered_by_running_the_whole_again(
    world: World, people: tuple[str, ...], step: str, before: bool
) -> None:
    crashing = CrashOnce(world.requests, step, before=before)
    whole, world.requests = world.requests, crashing  # type: ignore[assignment]

    with pytest.raises(Crash):
        world.locate(*people)
    world.requests = whole
    located = world.locate(*people)

    assert len(located.purges) == len(world.locations())
    assert (located.completed is not None) == (people == ("nobody",))


class CrashOnce:
    """Requests that die before or after one of their steps."""

    def __init__(self, requests: object, step: str, *, before: bool) -> None:
        self._requests = requests
        self._step = step
        self._before = before

    def __getattr__(self, name: str) -> object:
        attribute = getattr(self._requests, name)
        if name != self._step:
            return attribute

        def dying(*args: object, **kwargs: object) -> object:
            if not self._before:
                attribute(*args, **kwargs)
            raise Crash

        return dying
