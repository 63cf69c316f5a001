"""Whatever an id says, it reaches Athena as that very text and never as SQL."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from erasure_location.core.athena_query import (
    MAX_PARAMETER_CHARACTERS,
    Joined,
    Listed,
    literal,
    statement,
    wanted_lines,
)
from erasure_shared.data_map import S3Store
from erasure_shared.events import MAX_IDENTIFIER_LENGTH
from tests.synthetic import AWKWARD_IDS

STORE = S3Store(kind="s3", name="lake", database="db", table="profiles", id_column="profile_id")
CHARACTERS = st.one_of(
    st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), st.sampled_from("'\"\\;-?")
)
IDS = st.one_of(
    st.text(CHARACTERS, min_size=1, max_size=MAX_IDENTIFIER_LENGTH), st.sampled_from(AWKWARD_IDS)
)
PEOPLE = st.lists(IDS, min_size=1, max_size=40, unique=True)


def trino_string(text: str) -> str:
    """A literal as Trino's lexer reads it: STRING is '\\'' (~'\\'' | '\\'\\'')* '\\''."""
    assert text[0] == text[-1] == "'"
    inner = text[1:-1]
    assert "'" not in inner.replace("''", "")
    return inner.replace("''", "'")


@given(IDS)
def test_a_literal_reads_as_the_text_and_fits(profile_id: str) -> None:
    parameter = literal(profile_id)

    assert trino_string(parameter) == profile_id
    assert len(parameter) <= MAX_PARAMETER_CHARACTERS


@given(PEOPLE, st.lists(IDS, max_size=3))
def test_the_text_of_the_query_depends_on_the_number_of_values_alone(
    people: list[str], excluded: list[str]
) -> None:
    query = statement(STORE, Listed([SecretStr(person) for person in people]), excluded)

    anybody = statement(STORE, Listed([SecretStr("x")] * len(people)), ["s3://b/k"] * len(excluded))
    assert query.text == anybody.text
    assert query.text.count("?") == len(query.parameters)
    assert [trino_string(value) for value in query.parameters] == [*people, *excluded]


@given(PEOPLE)
def test_no_id_shows_in_the_rendering_of_a_statement(people: list[str]) -> None:
    canaries = [f"canary-{person}" for person in people]

    query = statement(STORE, Listed([SecretStr(person) for person in canaries]))

    assert "canary" not in repr(query)
    assert "canary" not in query.text


@given(PEOPLE)
def test_an_uploaded_list_has_one_line_of_ascii_for_each_id(people: list[str]) -> None:
    body = wanted_lines(SecretStr(person) for person in people)

    lines = body.splitlines()
    assert body.isascii()
    assert [json.loads(line) for line in lines] == [{"profile_id": person} for person in people]


def test_the_joined_query_is_one_select_with_the_batch_as_its_first_parameter() -> None:
    query = statement(STORE, Joined("erasure", "batch-1"), ["s3://lake/broken"])

    assert query.text == (
        'SELECT DISTINCT t."$path", CAST(t."profile_id" AS varchar) FROM "db"."profiles" AS t '
        'JOIN "erasure"."wanted" AS w ON CAST(t."profile_id" AS varchar) = w."profile_id" '
        'WHERE w."batch" = ? AND t."$path" NOT IN (?)'
    )
    assert query.parameters == ("'batch-1'", "'s3://lake/broken'")
