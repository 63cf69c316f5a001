"""The data map: read strictly, every refusal with field and rule."""

from __future__ import annotations

import json
from typing import Any

import pytest

from erasure_shared.data_map import DataMap, kind_of
from erasure_shared.errors import Rejected
from erasure_shared.locations import StoreKind
from erasure_shared.schemas import read_schema

EXAMPLE = json.dumps(read_schema("data_map.json"))


def with_store(**store: Any) -> str:
    return json.dumps({"version": "1", "stores": [store]})


def test_every_store_is_found_by_its_name_with_its_kind_and_address() -> None:
    data_map = DataMap.read(EXAMPLE)

    found = {store.name: store for store in data_map.stores}
    assert {name: kind_of(data_map.store(name)) for name in found} == {
        "profiles_lake": StoreKind.S3,
        "loyalty_accounts": StoreKind.DYNAMODB,
        "web_sessions": StoreKind.DYNAMODB,
        "bookings": StoreKind.POSTGRESQL,
        "customers": StoreKind.POSTGRESQL,
    }
    assert getattr(found["web_sessions"], "address", None) == "dynamodb://web_sessions"
    assert getattr(found["bookings"], "address", None) == "postgresql://public.bookings"


def test_postgresql_means_the_schema_public_unless_told() -> None:
    store = with_store(name="b", kind="postgresql", table="t", id_column="i")

    assert getattr(DataMap.read(store).store("b"), "schema_name", None) == "public"


def test_a_store_that_is_not_declared_is_rejected_by_name() -> None:
    with pytest.raises(Rejected, match="store=gone") as refusal:
        DataMap.read(EXAMPLE).store("gone")

    assert refusal.value.reason_code == "UNKNOWN_STORE"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("not JSON", "the data map is not JSON"),
        ("{}", "version: Field required"),
        ('{"version": "1", "stores": []}', "stores: List should have at least 1 item"),
        ('{"version": "2", "stores": []}', "version: String should match"),
        (with_store(name="b", kind="mysql"), "stores.0: "),
        (with_store(name="b", kind="s3", database="d", table="t"), "id_column: Field required"),
        (
            with_store(name="b", kind="dynamodb", table="t" * 3, id_attribute='a"b'),
            "id_attribute: String should match",
        ),
        (
            with_store(name="B", kind="postgresql", table="t", id_column="i"),
            "name: String should match",
        ),
        (
            with_store(name="b", kind="postgresql", table="t", id_column="i", schema_name="s"),
            "<unknown field>",
        ),
    ],
)
def test_a_refusal_names_the_field_and_the_rule(text: str, rule: str) -> None:
    with pytest.raises(Rejected) as refusal:
        DataMap.read(text)

    assert rule in refusal.value.reason


def test_names_are_distinct() -> None:
    document = json.loads(EXAMPLE)
    document["stores"].append(document["stores"][0])

    with pytest.raises(Rejected, match="names must be distinct"):
        DataMap.read(json.dumps(document))
