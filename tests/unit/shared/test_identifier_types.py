"""Which ids are values of which column type."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erasure_shared.data_map import PostgreSQLStore
from erasure_shared.identifier_types import (
    dynamodb_value,
    glue_type_holds_ids,
    glue_type_longest_id,
    postgresql_holds,
)
from erasure_shared.postgresql_ids import IdColumn

BITS = {"int2": 16, "int4": 32, "int8": 64}


@given(st.sampled_from(sorted(BITS)), st.integers(-(2**65), 2**65))
def test_every_integer_of_the_type_and_no_other_can_be_an_id(kind: str, number: int) -> None:
    fits = -(2 ** (BITS[kind] - 1)) <= number < 2 ** (BITS[kind] - 1)

    assert postgresql_holds(str(number), kind) is fits


@pytest.mark.parametrize("kind", sorted(BITS))
def test_the_smallest_and_the_largest_integer_can_be_ids(kind: str) -> None:
    limit = 2 ** (BITS[kind] - 1)

    assert [postgresql_holds(str(n), kind) for n in (-limit - 1, -limit, limit - 1, limit)] == [
        False,
        True,
        True,
        False,
    ]


@given(st.uuids())
def test_a_uuid_is_an_id_as_it_is_written_and_in_no_other_way(value: UUID) -> None:
    assert postgresql_holds(str(value), "uuid")
    assert not postgresql_holds(value.hex, "uuid")
    assert not postgresql_holds("{" + str(value) + "}", "uuid")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3).map(lambda d: f"{d:f}"))
def test_a_number_written_in_two_ways_is_an_id_in_one(text: str) -> None:
    plain = text.rstrip("0").rstrip(".")
    writings = {text, plain, "0" + plain, plain + ".0", "+" + plain}

    assert sum(dynamodb_value(one, "N") is not None for one in writings) <= 1


@pytest.mark.parametrize("text", ["1" + "0" * 38, "9" * 38 + "0" * 80, "0." + "0" * 100 + "12"])
def test_zeros_around_a_number_are_no_significant_digits(text: str) -> None:
    assert dynamodb_value(text, "N") == {"N": text}


@pytest.mark.parametrize(
    "text", ["1" * 39, "1." + "1" * 38, "1" + "0" * 120, "-0", "1e3", "\u0661"]
)
def test_what_dynamodb_cannot_hold_exactly_or_writes_otherwise_is_no_number(text: str) -> None:
    assert dynamodb_value(text, "N") is None


@pytest.mark.parametrize(
    "column_type",
    [
        "string",
        "STRING",
        "varchar(40)",
        "tinyint",
        "smallint",
        "int",
        "integer",
        "bigint",
        "decimal",
        "decimal(10)",
        "decimal(10,0)",
        "decimal(38,2)",
    ],
)
def test_types_of_glue_whose_text_is_the_id(column_type: str) -> None:
    assert glue_type_holds_ids(column_type)


@pytest.mark.parametrize(
    "column_type",
    [
        "double",
        "float",
        "real",
        "char(5)",
        "date",
        "timestamp",
        "boolean",
        "binary",
        "array<string>",
        "struct<id:string>",
        "map<string,string>",
        "uniontype<string,int>",
        "int(3)",
        "strings",
    ],
)
def test_types_of_glue_whose_text_is_another(column_type: str) -> None:
    assert not glue_type_holds_ids(column_type)


@pytest.mark.parametrize(
    ("column_type", "indexed"),
    [
        ("text", '"Id" = ANY(%(ids)s::text[]) AND '),
        ("varchar", '"Id" = ANY(%(ids)s::text[]) AND '),
        ("bpchar", '"Id" = ANY(%(ids)s::bpchar[]) AND '),
        ("int8", '"Id" = ANY(%(ids)s::int8[]) AND '),
        ("uuid", '"Id" = ANY(%(ids)s::uuid[]) AND '),
        ("citext", ""),
        ("", ""),
    ],
)
def test_a_column_is_always_compared_as_text_of_the_collation_c(
    column_type: str, indexed: str
) -> None:
    store = PostgreSQLStore(name="bookings", kind="postgresql", table="bookings", id_column="Id")

    column = IdColumn(store, column_type)

    assert column.text.as_string(None) == '"Id"::text COLLATE "C"'
    assert column.matches.as_string(None) == (
        f'{indexed}"Id"::text COLLATE "C" = ANY(%(ids)s::text[])'
    )


@pytest.mark.parametrize(
    ("column_type", "characters"), [("varchar(40)", 40), ("VARCHAR( 3 )", 3), ("string", None)]
)
def test_a_bounded_text_says_how_much_of_an_id_is_read(
    column_type: str, characters: int | None
) -> None:
    assert glue_type_longest_id(column_type) == characters
