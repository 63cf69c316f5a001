"""How a request and its locations move through the GDPR table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import boto3
import pytest
from pydantic import SecretStr

from erasure_shared.errors import Rejected
from erasure_shared.events import ErasureRequested, Subject
from erasure_shared.locations import (
    Digest,
    Found,
    Identifier,
    Location,
    LocationStatus,
    RequestStatus,
    StoreKind,
)
from erasure_shared.requests import Requests
from tests.aws import GDPR_TABLE, moto_account

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DUE = NOW + timedelta(days=30)
URI = "s3://lake/profiles/part-1.parquet"


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Iterator[Requests]:
    with moto_account(monkeypatch):
        yield Requests(Digest(b"key"), now=lambda: NOW)


def secrets(*names: str) -> tuple[SecretStr, ...]:
    return tuple(SecretStr(name) for name in names)


def found(*names: str, address: str = URI) -> Found:
    identifiers = tuple(Identifier(secret) for secret in secrets(*names))
    return Found("profiles_lake", StoreKind.S3, address, identifiers)


def a_pending_location(requests: Requests, request_id: str = "r1", *names: str) -> Location:
    names = names or ("ann",)
    requests.register(request_id, NOW, DUE, secrets(*names))
    location = requests.add_location(request_id, found(*names))
    requests.finish_locating(request_id)
    return location


def everything_stored() -> str:
    return str(boto3.client("dynamodb").scan(TableName=GDPR_TABLE)["Items"])


def test_registering_the_same_request_again_changes_nothing(requests: Requests) -> None:
    first = requests.register("r1", NOW, DUE, secrets("ann", "bob"))

    again = requests.register("r1", NOW, DUE, secrets("bob", "ann"))

    assert first == again
    assert again.status == RequestStatus.LOCATING
    assert set(requests.subjects_of("r1")) == set(secrets("ann", "bob"))


def test_the_same_moment_written_with_another_offset_is_the_same_request(
    requests: Requests,
) -> None:
    first = requests.register("r1", NOW, DUE, secrets("ann"))

    again = requests.register(
        "r1", NOW.astimezone(timezone(timedelta(hours=5))), DUE, secrets("ann")
    )

    assert first == again


def test_other_subjects_under_a_known_id_are_rejected_and_leave_no_trace(
    requests: Requests,
) -> None:
    requests.register("r1", NOW, DUE, secrets("ann"))

    with pytest.raises(Rejected, match="request_id") as refusal:
        requests.register("r1", NOW, DUE, secrets("mallory"))

    assert refusal.value.reason_code == "REQUEST_ID_REUSED"
    assert requests.subjects_of("r1") == secrets("ann")
    assert "mallory" not in everything_stored()


def test_a_request_is_known_by_the_list_that_it_was_recorded_from(requests: Requests) -> None:
    recorded = requests.register("r1", NOW, DUE, secrets("ann"), "s3://lists/r1")

    assert requests.registered_from("r1", NOW, "s3://lists/r1") == recorded
    assert "s3://lists" not in everything_stored()


@pytest.mark.parametrize(
    ("request_id", "received_at", "uri"),
    [
        ("r2", NOW, "s3://lists/r1"),
        ("r1", NOW + timedelta(seconds=1), "s3://lists/r1"),
        ("r1", NOW, "s3://lists/r2"),
    ],
)
def test_another_id_time_or_list_is_another_request(
    requests: Requests, request_id: str, received_at: datetime, uri: str
) -> None:
    requests.register("r1", NOW, DUE, secrets("ann"), "s3://lists/r1")

    assert requests.registered_from(request_id, received_at, uri) is None


def test_a_request_recorded_from_no_list_is_known_by_none(requests: Requests) -> None:
    requests.register("r1", NOW, DUE, secrets("ann"))

    assert requests.registered_from("r1", NOW, "s3://lists/r1") is None


def test_many_long_identifiers_are_split_over_several_items(requests: Requests) -> None:
    names = [f"{number:05d}" + "é" * 251 for number in range(700)]

    requests.register("r1", NOW, DUE, secrets(*names))
    location = requests.add_location("r1", found(*names))

    assert location.parts > 2
    assert {identifier.profile_id for identifier in requests.identifiers_of(location)} == set(
        secrets(*names)
    )


def test_a_location_is_recorded_once(requests: Requests) -> None:
    requests.register("r1", NOW, DUE, secrets("ann"))

    first = requests.add_location("r1", found("ann"))
    again = requests.add_location("r1", found("ann"))

    assert first == again
    record = requests.find("r1")
    assert record is not None
    assert record.open_locations == 1


def test_an_address_shows_the_pending_locations_of_every_request(requests: Requests) -> None:
    a_pending_location(requests, "r1", "ann")
    b = a_pending_location(requests, "r2", "bob")

    assert len(requests.pending_at(URI)) == 2
    requests.mark_purged(b, 1, {})

    (pending,) = requests.pending_at(URI)
    assert pending.location.request_id == "r1"
    assert pending.identifiers == (Identifier(SecretStr("ann")),)


def test_purging_twice_counts_once(requests: Requests) -> None:
    location = a_pending_location(requests)

    assert requests.mark_purged(location, 3, {"rows": 3})
    assert not requests.mark_purged(location, 3, {"rows": 3})

    record = requests.find("r1")
    assert record is not None
    assert (record.open_locations, record.purged_locations, record.rows_erased) == (0, 1, 3)


def test_a_request_is_not_closed_while_it_is_still_being_located(requests: Requests) -> None:
    requests.register("r1", NOW, DUE, secrets("ann"))
    location = requests.add_location("r1", found("ann"))
    requests.mark_purged(location, 1, {})

    assert requests.close_if_done("r1") is None

    requests.finish_locating("r1")
    closed = requests.close_if_done("r1")
    assert closed is not None
    assert closed.status == "COMPLETED"


def test_a_closed_request_keeps_digests_and_no_identifier(requests: Requests) -> None:
    location = a_pending_location(requests, "r1", "ann-the-subject")
    requests.mark_purged(location, 2, {})

    assert requests.close_if_done("r1") is not None

    assert "ann-the-subject" not in everything_stored()
    assert Digest(b"key")("profile_id", "ann-the-subject") in everything_stored()
    assert requests.subjects_of("r1") == ()


def test_completion_is_announced_until_it_was_published(requests: Requests) -> None:
    requests.mark_purged(a_pending_location(requests), 1, {})

    first, again = requests.close_if_done("r1"), requests.close_if_done("r1")
    requests.note_announced("r1")

    assert first == again
    assert first is not None
    assert requests.close_if_done("r1") is None


def test_who_is_found_nowhere_is_counted(requests: Requests) -> None:
    requests.register("r1", NOW, DUE, secrets("ann", "nobody"))
    requests.mark_purged(requests.add_location("r1", found("ann")), 1, {})
    requests.finish_locating("r1")

    closed = requests.close_if_done("r1")

    assert closed is not None
    assert closed.subjects_not_found == 1


def test_a_failed_location_waits_for_a_person_and_keeps_the_request_open(
    requests: Requests,
) -> None:
    location = a_pending_location(requests)

    assert requests.mark_failed(location, "UNREADABLE", "not a Parquet file")

    assert requests.pending_at(URI) == ()
    assert requests.close_if_done("r1") is None
    assert not requests.mark_purged(location, 1, {})


def test_a_retried_location_is_pending_again_and_can_be_purged(requests: Requests) -> None:
    location = a_pending_location(requests)
    requests.mark_failed(location, "UNREADABLE", "not a Parquet file")

    assert requests.mark_retried(location)
    assert not requests.mark_retried(location)

    assert len(requests.pending_at(URI)) == 1
    assert requests.mark_purged(location, 1, {})


def test_a_dismissed_location_completes_the_request_with_retention(requests: Requests) -> None:
    location = a_pending_location(requests)
    requests.mark_failed(location, "UNREADABLE", "not a Parquet file")

    assert requests.mark_retained(location)
    assert not requests.mark_retained(location)

    closed = requests.close_if_done("r1")
    assert closed is not None
    assert closed.status == "COMPLETED_WITH_RETENTION"
    assert closed.locations_retained == 1


def test_a_closed_request_takes_no_further_location(requests: Requests) -> None:
    requests.mark_purged(a_pending_location(requests), 1, {})
    requests.close_if_done("r1")

    with pytest.raises(Rejected) as refusal:
        requests.add_location("r1", found("ann", address="s3://lake/other"))

    assert refusal.value.reason_code == "REQUEST_CLOSED"


def test_a_location_that_a_closed_request_refuses_leaves_no_identifier(requests: Requests) -> None:
    requests.mark_purged(a_pending_location(requests), 1, {})
    requests.close_if_done("r1")

    with pytest.raises(Rejected):
        requests.add_location("r1", found("ann-the-subject", address="s3://lake/other"))

    assert "ann-the-subject" not in everything_stored()


def test_a_request_takes_no_location_while_its_identifiers_are_being_replaced() -> None:
    """Otherwise a location could be pending of which nobody knows any more whose it is."""
    with pytest.MonkeyPatch.context() as monkeypatch, moto_account(monkeypatch):
        late: list[str] = []

        class SlowDigest(Digest):
            def __call__(self, *values: str) -> str:
                if values[0] == "profile_id" and not late:
                    with pytest.raises(Rejected) as refusal:
                        recorded.add_location("r1", found("bob", address="s3://lake/late"))
                    late.append(refusal.value.reason_code)
                return super().__call__(*values)

        recorded = Requests(SlowDigest(b"key"), now=lambda: NOW)
        recorded.mark_purged(a_pending_location(recorded, "r1", "ann", "bob"), 1, {})

        closed = recorded.close_if_done("r1")

        assert late == ["REQUEST_CLOSED"]
        assert closed is not None
        assert closed.locations_purged == 1


def test_a_stopped_search_is_retained_and_what_was_found_stays_pending(requests: Requests) -> None:
    requests.register("r1", NOW, DUE, secrets("ann", "bob-the-subject"))
    location = requests.add_location("r1", found("ann"))
    requests.note_search("r1", "profiles_lake")

    for error_id in ("e1", "e2"):
        requests.stop_locating("r1", error_id, "ATHENA_DOWN", "Athena does not answer")

    assert requests.stopped_by("r1") == "e1"
    assert requests.close_if_done("r1") is None
    requests.mark_purged(location, 2, {})
    closed = requests.close_if_done("r1")
    assert closed is not None
    assert closed.status == "COMPLETED_WITH_RETENTION"
    assert (closed.locations_purged, closed.locations_retained) == (1, 1)
    assert (closed.rows_erased, closed.subjects_not_found) == (2, 0)
    (retained,) = [one for one in requests.locations_of("r1") if one.status == "RETAINED"]
    assert (retained.store, retained.kind) == ("not searched", StoreKind.SEARCH)
    assert retained.reason_code == "ATHENA_DOWN"
    assert retained.evidence == {"error_id": "e1", "stores_searched": ["profiles_lake"]}
    assert "bob-the-subject" not in everything_stored()


def test_a_request_that_was_located_cannot_be_stopped(requests: Requests) -> None:
    a_pending_location(requests)

    requests.stop_locating("r1", "e1", "ATHENA_DOWN", "Athena does not answer")

    record = requests.find("r1")
    assert record is not None
    assert record.retained_locations == 0
    assert requests.stopped_by("r1") is None


@pytest.mark.parametrize(
    ("changes", "is_recorded"),
    [
        ({}, True),
        ({"received_at": NOW.astimezone(timezone(timedelta(hours=2)))}, True),
        ({"received_at": NOW + timedelta(seconds=1)}, False),
        ({"subjects": (Subject(profile_id=SecretStr("eve")),)}, False),
        ({"subjects": None, "subjects_uri": "s3://b/list"}, False),
        ({"request_id": "r2", "subjects": None, "subjects_uri": "s3://b/list"}, True),
        ({"request_id": "r2", "subjects": None, "subjects_uri": "s3://b/other"}, False),
        ({"request_id": "r3"}, False),
    ],
)
def test_a_message_is_told_from_one_that_only_has_the_same_id(
    requests: Requests, changes: dict[str, object], is_recorded: bool
) -> None:
    requests.register("r1", NOW, DUE, secrets("ann"))
    requests.register("r2", NOW, DUE, secrets("ann"), "s3://b/list")
    asked = {
        "request_id": "r1",
        "received_at": NOW,
        "subjects": (Subject(profile_id=SecretStr("ann")),),
    }

    event = ErasureRequested.model_validate(asked | changes)

    assert requests.is_recorded(event) is is_recorded


def test_an_attempt_records_why_it_failed_only_while_pending(requests: Requests) -> None:
    location = a_pending_location(requests)

    requests.note_attempt(location, "RETRY_LATER", "another worker rewrites this object")
    requests.mark_purged(location, 1, {})
    requests.note_attempt(location, "LATE", "a late message")

    after = requests.location("r1", location.location_id)
    assert after is not None
    assert (after.status, after.attempts, after.reason_code) == (LocationStatus.PURGED, 1, None)


def test_a_parked_message_is_kept_word_for_word_until_it_is_dropped(requests: Requests) -> None:
    body = "not json 😀 \ud83d" + "x" * 500_000

    requests.park_message("e1", body)

    assert requests.parked_message("e1") == body
    requests.drop_message("e1")
    assert requests.parked_message("e1") == ""
