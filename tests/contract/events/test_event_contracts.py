"""Schema, class and examples of each event say the same; the schema is what others rely on."""

from __future__ import annotations

import copy
import json
import re
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from erasure_shared.errors import Rejected
from erasure_shared.events import EVENTS, ErasureRequested, Event
from erasure_shared.schemas import read_schema, schemas_directory
from tests.contract.json_schema import accepts, mutations, replacements

AT = datetime(2026, 11, 23, 20, 15, 9, 123456, tzinfo=UTC)


def file_name(event: type[Event]) -> str:
    snake_case = re.sub(r"(?<!^)(?=[A-Z])", "_", event.detail_type).lower()
    return f"events/{snake_case}.v1.json"


def schema_of(event: type[Event]) -> Any:
    return read_schema(file_name(event))


def is_read(event: type[Event], detail: object) -> bool:
    try:
        event.read(detail)
    except Rejected:
        return False
    return True


every_event = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.detail_type)


def test_every_schema_has_a_class_and_the_other_way_round() -> None:
    files = {f"events/{path.name}" for path in (schemas_directory() / "events").iterdir()}

    assert files == {file_name(event) for event in EVENTS}


@every_event
def test_the_schema_is_a_schema_and_says_what_it_is(event: type[Event]) -> None:
    schema = schema_of(event)

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"] == event.detail_type
    assert schema["description"].startswith((event.__doc__ or "").splitlines()[0].rstrip("."))


@every_event
def test_schema_and_class_name_the_same_fields(event: type[Event]) -> None:
    data = schema_of(event)["properties"]["data"]
    fields = event.model_fields

    assert list(data["properties"]) == list(fields)
    assert set(data["required"]) == {name for name in fields if fields[name].is_required()}


@every_event
def test_every_example_is_accepted_by_schema_and_class(event: type[Event]) -> None:
    for detail in schema_of(event)["examples"]:
        assert accepts(schema_of(event), detail)
        assert is_read(event, detail)


@every_event
def test_what_is_published_is_accepted_by_the_schema_and_read_as_the_same_event(
    event: type[Event],
) -> None:
    for detail in schema_of(event)["examples"]:
        original = event.read(detail)

        published = json.loads(original.entry("bus", AT)["Detail"])

        assert accepts(schema_of(event), published)
        assert event.read(published) == original


@every_event
def test_schema_and_class_accept_the_same_values_everywhere(event: type[Event]) -> None:
    schema = schema_of(event)

    disagreements = [
        detail
        for detail in replacements(schema["examples"])
        if accepts(schema, detail) != is_read(event, detail)
    ]

    assert disagreements == []


@every_event
@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_schema_and_class_accept_the_same_documents(
    event: type[Event], data: st.DataObject
) -> None:
    detail = data.draw(mutations(schema_of(event)["examples"]))

    assert accepts(schema_of(event), detail) == is_read(event, detail)


def requested(**changes: object) -> dict[str, Any]:
    detail: dict[str, Any] = copy.deepcopy(schema_of(ErasureRequested)["examples"][0])
    detail["data"] |= changes
    return detail


@given(received_at=st.datetimes().map(lambda at: at.isoformat() + "Z"))
@example("2026-11-23t10:00:00.123456789z")
@example("2026-11-23T10:00:00-23:59")
@example("1900-01-01T00:00:00+23:59")
@example("2199-12-31T23:59:59-23:59")
@example("2200-01-01T00:00:00Z")
@example("2026-11-23T24:00:00Z")
@example("2026-11-23T10:00:00+10:60")
def test_schema_and_class_know_the_same_instants(received_at: str) -> None:
    detail = requested(received_at=received_at)

    assert accepts(schema_of(ErasureRequested), detail) == is_read(ErasureRequested, detail)


@pytest.mark.parametrize("count", [0, 1, 999, 1_000, 1_001])
def test_schema_and_class_allow_as_many_subjects(count: int) -> None:
    detail = requested(subjects=[{"profile_id": str(number)} for number in range(count)])

    expected = 1 <= count <= 1_000
    assert is_read(ErasureRequested, detail) is expected
    assert accepts(schema_of(ErasureRequested), detail) is expected


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subjects": []}, "subjects"),
        ({"subjects": [{"profile_id": "canary"}] * 2}, "subjects"),
        ({"subjects": [{"profile_id": "canary\x00"}]}, "subjects.0.profile_id"),
        ({"subjects": [{"profile_id": "canary" * 43}]}, "subjects.0.profile_id"),
        ({"subjects": [{"profile_id": "x", "canary": 1}]}, "subjects.0.<unknown field>"),
        ({"canary": "canary"}, "<unknown field>"),
        ({"subjects_uri": "s3://bucket/canary"}, "data"),
        ({"request_id": "canary canary"}, "request_id"),
        ({"received_at": "canary"}, "received_at"),
    ],
)
def test_a_refusal_names_the_field_and_never_a_value(
    changes: dict[str, object], field: str
) -> None:
    with pytest.raises(Rejected) as refusal:
        ErasureRequested.read(requested(**changes))

    assert f"{field}:" in refusal.value.reason
    assert "canary" not in str(refusal.value)
    assert refusal.value.__cause__ is None
