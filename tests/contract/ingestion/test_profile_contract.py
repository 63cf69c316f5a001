"""The record schema, the Glue columns, the examples and the transform describe one thing."""

import base64
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pytest

from erasure_ingestion.core.columns import ListOf, Struct, column_type
from erasure_ingestion.core.reasons import Reason
from erasure_ingestion.core.transform import ProfileTransform, Result
from erasure_shared.schemas import read_schema
from tests.synthetic import people, records

SCHEMA = read_schema("records/profile.v1.json")
COLUMNS = read_schema("tables/profiles.json")
README = Path(__file__).parents[3] / "services/ingestion/README.md"
ARRIVED_AT_MS = 1_795_478_399_999


def transformed(document: object) -> bytes:
    data = base64.b64encode(json.dumps(document).encode()).decode()
    outcome = ProfileTransform(SCHEMA, COLUMNS).apply(data, ARRIVED_AT_MS)
    assert outcome.result is Result.OK, (outcome.reason, outcome.field)
    return outcome.content


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_columns_are_what_a_glue_table_input_takes() -> None:
    for column in COLUMNS:
        assert set(column) == {"Name", "Type", "Comment"}
        assert column["Name"] == column["Name"].lower()
        assert 0 < len(column["Comment"]) <= 255


def test_every_field_of_the_schema_is_a_column_and_the_other_way_round() -> None:
    names = [column["Name"] for column in COLUMNS]

    assert [*SCHEMA["properties"], "unknown_fields"] == names


@pytest.mark.parametrize("name", ["address", "consents"])
def test_a_nested_column_has_the_members_of_its_schema(name: str) -> None:
    (text,) = [column["Type"] for column in COLUMNS if column["Name"] == name]
    field = SCHEMA["properties"][name]

    column = column_type(text)
    members = column.item if isinstance(column, ListOf) else column
    assert isinstance(members, Struct)
    assert list(members.members) == list(field.get("items", field)["properties"])


@pytest.mark.parametrize("document", SCHEMA["examples"])
def test_each_example_is_accepted_by_another_validator_and_by_the_transform(
    document: dict[str, Any],
) -> None:
    jsonschema.validate(document, SCHEMA, jsonschema.Draft202012Validator)

    assert json.loads(transformed(document))["profile_id"] == document["profile_id"]


def test_another_validator_accepts_everybody_invented() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)

    for record in records(people(40, awkward=True), 120):
        validator.validate(record)


def test_another_reader_finds_the_columns_types_in_what_is_written(tmp_path: Path) -> None:
    lines = tmp_path / "lines.json"
    lines.write_bytes(transformed(SCHEMA["examples"][0] | {"new": {"a": 1}}))
    types = {column["Name"]: duckdb_type(column["Type"]) for column in COLUMNS}

    relation = duckdb.connect().execute(
        "SELECT * FROM read_json($path, format = 'newline_delimited', columns = $types)",
        {"path": str(lines), "types": types},
    )

    row = dict(zip(types, relation.fetchall()[0], strict=True))
    assert row["lifetime_spend"] == Decimal("10423.50")
    assert row["visits"] == 17
    assert row["updated_at"] == datetime(2026, 11, 23, 20, 15, 9, 123456)  # noqa: DTZ001 - as stored
    assert row["address"]["postal_code"] == "111 22"
    assert row["consents"][1]["at"] == datetime(2026, 3, 1, 8, 30, 0, 250_000)  # noqa: DTZ001
    assert row["unknown_fields"] == '{"/new":{"a":1}}'


def duckdb_type(glue_type: str) -> str:
    simple = {"string": "VARCHAR", "int": "INTEGER", "boolean": "BOOLEAN", "timestamp": "TIMESTAMP"}
    column = column_type(glue_type)
    if isinstance(column, ListOf):
        return duckdb_type(glue_type[len("array<") : -1]) + "[]"
    if isinstance(column, Struct):
        pairs = [pair.split(":", 1) for pair in glue_type[len("struct<") : -1].split(",")]
        members = ", ".join(f'"{name}" {duckdb_type(kind)}' for name, kind in pairs)
        return f"STRUCT({members})"
    return simple.get(glue_type, glue_type)


def test_the_readme_explains_every_reason() -> None:
    text = README.read_text(encoding="utf-8")

    assert [reason for reason in Reason if f"`{reason}`" not in text] == []
