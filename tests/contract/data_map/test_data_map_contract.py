"""The data map's schema, its class and the example in `schemas/` say the same."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from erasure_shared.data_map import DataMap
from erasure_shared.errors import Rejected
from erasure_shared.schemas import read_schema
from infra.local.sample_stores import data_map
from tests.contract.json_schema import accepts, mutations, replacements

SCHEMA = read_schema("data_map.schema.json")
EXAMPLE = read_schema("data_map.json")
IGNORING = {
    "version": "1",
    "stores": EXAMPLE["stores"][1:4],
    "ignored_tables": [
        {"kind": "s3", "database": "lake", "table": "raw_*", "reason": "no people in it"},
        {"kind": "dynamodb", "table": "terraform-locks", "reason": "infrastructure"},
        {"kind": "postgresql", "schema": "public", "table": "flights", "reason": "timetable"},
    ],
}


def is_read(document: object) -> bool:
    try:
        DataMap.read(json.dumps(document))
    except Rejected:
        return False
    return True


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_example_is_accepted_by_schema_and_class() -> None:
    for example in (EXAMPLE, IGNORING):
        assert accepts(SCHEMA, example)
        assert is_read(example)


def test_the_example_names_the_stores_of_the_local_cloud() -> None:
    assert json.loads(data_map("local")) == EXAMPLE


def test_schema_and_class_accept_the_same_values_everywhere() -> None:
    disagreements = [
        document
        for document in replacements([EXAMPLE, IGNORING])
        if _has_distinct_names(document) and accepts(SCHEMA, document) != is_read(document)
    ]

    assert disagreements == []


@given(document=mutations([EXAMPLE, {**EXAMPLE, "stores": EXAMPLE["stores"][1:3]}, IGNORING]))
@settings(max_examples=300, deadline=None)
def test_schema_and_class_accept_the_same_documents(document: Any) -> None:
    assume(_has_distinct_names(document))

    assert accepts(SCHEMA, document) == is_read(document)


@given(st.integers(min_value=0, max_value=len(EXAMPLE["stores"]) - 1))
def test_two_stores_of_one_name_are_refused(position: int) -> None:
    """What JSON Schema cannot say, and its description does."""
    twice = {**EXAMPLE, "stores": [*EXAMPLE["stores"], EXAMPLE["stores"][position]]}

    assert not is_read(twice)


def _has_distinct_names(document: Any) -> bool:
    stores = document.get("stores") if isinstance(document, dict) else None
    if not isinstance(stores, list):
        return True
    names = [store.get("name") for store in stores if isinstance(store, dict)]
    return len({str(name) for name in names}) == len(names)
