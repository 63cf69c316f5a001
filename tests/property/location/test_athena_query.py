"""Whatever an id says, it reaches Athena as that very text and never as SQL."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from erasure_location.core.athena_query import (
    MAX_PARAMETER_CHARACTERS,
    Wanted,
    literal,
    statement,
    wanted_lines,
)
from erasure_location.core.lake_table import LakeTable
from erasure_shared.events import MAX_IDENTIFIER_LENGTH
from tests.synthetic import AWKWARD_IDS

TABLE = LakeTable("db", "profiles", ("profile_id",))
CHARACTERS = st.one_of(
    st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), st.sampled_from("'\"\\;-?")
)
IDS = st.one_of(
    st.text(CHARACTERS, min_size=1, max_size=MAX_IDENTIFIER_LENGTH), st.sampled_from(AWKWARD_IDS)
)
PATHS = IDS  # keys of objects may hold any character, too
PEOPLE = st.lists(IDS, min_size=1, max_size=40, unique=True)


def trino_string(text: str) -> str:
    """A literal as Trino's lexer reads it: STRING is '\\'' (~'\\'' | '\\'\\'')* '\\''."""
    assert text[0] == text[-1] == "'"
    inner = text[1:-1]
    assert "'" not in inner.replace("''", "")
    return inner.replace("''", "'")


@given(PATHS)
def test_a_literal_reads_as_the_text_and_fits(path: str) -> None:
    parameter = literal(path)

    assert trino_string(parameter) == path
    assert len(parameter) <= MAX_PARAMETER_CHARACTERS


@given(st.lists(PATHS, max_size=3))
def test_the_text_of_the_query_depends_on_the_number_of_excluded_objects_alone(
    excluded: list[str],
) -> None:
    query = statement(TABLE, Wanted("erasure", "batch-1"), excluded)

    any_objects = statement(TABLE, Wanted("erasure", "batch-2"), ["s3://b/k"] * len(excluded))
    assert query.text == any_objects.text
    assert query.text.count("?") == len(query.parameters)
    assert [trino_string(value) for value in query.parameters] == ["batch-1", *excluded]


@given(st.lists(PATHS, min_size=1))
def test_no_object_shows_in_the_rendering_of_a_statement(excluded: list[str]) -> None:
    canaries = [f"canary-{path}" for path in excluded]

    query = statement(TABLE, Wanted("erasure", "batch-1"), canaries)

    assert "canary" not in repr(query)
    assert "canary" not in query.text


@given(PEOPLE)
def test_an_uploaded_list_has_one_line_of_ascii_for_each_id(people: list[str]) -> None:
    body = wanted_lines(SecretStr(person) for person in people)

    lines = body.splitlines()
    assert body.isascii()
    assert [json.loads(line) for line in lines] == [{"profile_id": person} for person in people]


def test_the_query_is_one_select_with_the_batch_as_its_first_parameter() -> None:
    query = statement(TABLE, Wanted("erasure", "batch-1"), ["s3://lake/broken"])

    assert query.text == (
        'SELECT DISTINCT t."$path", CAST(t."profile_id" AS varchar) FROM "db"."profiles" AS t '
        'JOIN "erasure"."wanted" AS w ON CAST(t."profile_id" AS varchar) = w."profile_id" '
        'WHERE w."batch" = ? AND t."$path" NOT IN (?)'
    )
    assert query.parameters == ("'batch-1'", "'s3://lake/broken'")


def test_a_field_of_a_struct_is_named_part_by_part() -> None:
    table = LakeTable("db", "profiles", ("owner", "odd.name"))

    query = statement(table, Wanted("erasure", "batch-1"))

    assert 'CAST((t."owner")."odd.name" AS varchar) = w."profile_id"' in query.text
