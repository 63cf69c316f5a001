"""Events: read strictly, written in full, and nobody's identifier shown on the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from erasure_shared.errors import Rejected
from erasure_shared.events import (
    ErasureRequested,
    LocationPurged,
    PurgeRequested,
    Subject,
    check_distinct,
    read_document,
)

CANARY = "Kanarie-Vogelsang"
AT = datetime(2026, 11, 23, 21, 15, 9, 123456, tzinfo=timezone(timedelta(hours=1)))


def detail(**data: Any) -> dict[str, Any]:
    return {"metadata": {"schema_version": "1.0"}, "data": data}


def requested(*names: str) -> ErasureRequested:
    people = [{"profile_id": name} for name in names]
    return ErasureRequested.read(
        detail(request_id="r1", received_at="2026-11-23T20:15:09Z", subjects=people)
    )


def test_an_entry_is_what_put_events_takes() -> None:
    event = PurgeRequested(request_id="r1", location_id="0" * 32)

    entry = event.entry("the-bus", AT)

    document = json.loads(entry.pop("Detail"))
    assert entry == {
        "EventBusName": "the-bus",
        "Source": "erasure.location",
        "DetailType": "PurgeRequested",
    }
    assert document["data"] == {"request_id": "r1", "location_id": "0" * 32}
    assert document["metadata"]["correlation_id"] == "r1"
    assert document["metadata"]["occurred_at"] == "2026-11-23T20:15:09.123+00:00"


def test_the_event_id_depends_on_what_is_said_and_not_on_when() -> None:
    def event_id(number: int, at: datetime) -> str:
        event = PurgeRequested(request_id="r1", location_id=f"{number:032x}")
        return str(json.loads(event.entry("bus", at)["Detail"])["metadata"]["event_id"])

    assert event_id(1, AT) == event_id(1, AT + timedelta(days=1))
    assert event_id(1, AT) != event_id(2, AT)


def test_identifiers_are_shown_by_no_rendering_and_travel_in_the_data_only() -> None:
    event = requested(CANARY)

    assert (
        CANARY not in repr(event) + str(event) + f"{event}" + str([event]) + event.model_dump_json()
    )
    assert event.data()["subjects"] == [{"profile_id": CANARY}]


@given(
    names=st.lists(
        st.text(
            st.characters(exclude_characters="\x00", exclude_categories=["Cs"]),
            min_size=1,
            max_size=256,
        ),
        min_size=1,
        max_size=20,
        unique=True,
    )
)
def test_any_identifier_survives_the_journey_unchanged(names: list[str]) -> None:
    published = json.loads(requested(*names).entry("bus", AT)["Detail"])

    again = ErasureRequested.read(published)

    assert [s.profile_id.get_secret_value() for s in again.subjects or ()] == names


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        CANARY,
        {},
        {"metadata": {}},
        {"data": {}, "metadata": CANARY},
        {"metadata": {}, "data": 1},
    ],
)
def test_what_is_no_detail_is_rejected(document: object) -> None:
    with pytest.raises(Rejected) as refusal:
        PurgeRequested.read(document)

    assert refusal.value.reason_code == "INVALID_EVENT"
    assert CANARY not in str(refusal.value)


@pytest.mark.parametrize("version", ["2.0", "1", "0.9", "1.0\n", CANARY, None, 1.0])
def test_an_unknown_schema_version_is_rejected_by_name(version: object) -> None:
    document = detail(request_id="r1", location_id="0" * 32)
    document["metadata"]["schema_version"] = version

    with pytest.raises(Rejected, match="schema_version:") as refusal:
        PurgeRequested.read(document)

    assert CANARY not in str(refusal.value)


def test_a_later_minor_version_and_its_new_fields_are_read() -> None:
    document = detail(request_id="r1", location_id="0" * 32, priority="high")
    document["metadata"] |= {"schema_version": "1.7", "tenant": "a"}

    assert PurgeRequested.read(document) == PurgeRequested(request_id="r1", location_id="0" * 32)


def test_a_request_takes_no_field_that_it_does_not_know() -> None:
    document = detail(
        request_id="r1",
        received_at="2026-11-23T20:15:09Z",
        subjects=[{"profile_id": "a"}],
        only_stores=["lake"],
    )

    with pytest.raises(Rejected, match="<unknown field>: Extra inputs are not permitted"):
        ErasureRequested.read(document)


def test_subjects_named_twice_are_refused_by_position() -> None:
    with pytest.raises(Rejected, match="entries 0 and 2 are the same") as refusal:
        requested(CANARY, "bob", CANARY)

    assert CANARY not in str(refusal.value)


@given(st.lists(st.text(max_size=2), max_size=8))
def test_a_list_is_distinct_or_refused(names: list[str]) -> None:
    secrets = [SecretStr(name) for name in names]
    if len(set(names)) == len(names):
        check_distinct(secrets)
        return

    with pytest.raises(ValueError, match="are the same"):
        check_distinct(secrets)


def test_at_most_five_broken_rules_are_told() -> None:
    people = [{"profile_id": ""} for _ in range(50)]

    with pytest.raises(Rejected) as refusal:
        ErasureRequested.read(
            detail(request_id="r1", received_at="2026-11-23T20:15:09Z", subjects=people)
        )

    assert str(refusal.value).count("profile_id:") == 5


def test_the_name_of_an_unknown_field_is_not_told() -> None:
    with pytest.raises(Rejected) as refusal:
        read_document(Subject, {"profile_id": "a", CANARY: 1}, "line 7")

    assert str(refusal.value) == (
        "line 7 is not valid: <unknown field>: Extra inputs are not permitted"
    )


def test_no_cause_with_the_values_hangs_on_a_refusal() -> None:
    with pytest.raises(Rejected) as refusal:
        requested(CANARY * 20)

    assert refusal.value.__cause__ is None
    assert refusal.value.__context__ is None


def test_instants_are_kept_with_their_offset() -> None:
    event = ErasureRequested.read(
        detail(request_id="r1", received_at="2026-11-23T21:15:09+01:00", subjects_uri="s3://b/k")
    )

    assert event.received_at == datetime(2026, 11, 23, 20, 15, 9, tzinfo=UTC)


def test_what_is_nested_beyond_measure_is_rejected() -> None:
    deep: Any = []
    for _ in range(5_000):
        deep = [deep]

    # Which reader gives up first depends on the version of Python.
    with pytest.raises(Rejected, match=r"nested too deeply|recursion limit exceeded"):
        PurgeRequested.read(detail(request_id="r1", location_id=deep))


def test_counts_are_never_negative() -> None:
    document = detail(request_id="r1", location_id="0" * 32, store="s", rows_erased=-1)

    with pytest.raises(Rejected, match="rows_erased: Input should be greater than or equal to 0"):
        LocationPurged.read(document)
