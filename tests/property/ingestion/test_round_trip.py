"""What is stored says the same as what was sent."""

import base64
import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from erasure_ingestion.core.columns import Table
from erasure_ingestion.core.transform import Outcome, ProfileTransform, Result
from erasure_shared.schemas import read_schema
from tests.property.ingestion.profiles import amounts, instants, json_values, profiles

ARRIVED_AT_MS = 1_795_478_399_999
SCHEMA, COLUMNS = read_schema("records/profile.v1.json"), read_schema("tables/profiles.json")
TRANSFORM = ProfileTransform(SCHEMA, COLUMNS)


def outcome(text: str) -> Outcome:
    return TRANSFORM.apply(base64.b64encode(text.encode()).decode(), ARRIVED_AT_MS)


def stored(text: str) -> list[dict[str, Any]]:
    done = outcome(text)
    assert done.result is Result.OK, (done.reason, done.field)
    return [json.loads(line) for line in done.content.decode().split("\n")[:-1]]


def meaning(document: dict[str, Any]) -> dict[str, Any]:
    """A document, sent or stored, with each value read as its column's type; null is absent."""
    read: dict[str, Any] = {
        "visits": int,
        "lifetime_spend": Decimal,
        "updated_at": datetime.fromisoformat,
        "address": lambda value: {name: text for name, text in value.items() if text is not None},
        "consents": lambda value: [
            consent | {"at": datetime.fromisoformat(consent["at"])} for consent in value
        ],
    }
    return {
        name: read.get(name, lambda value: value)(value)
        for name, value in document.items()
        if value is not None
    }


@given(profiles(), st.booleans())
def test_what_the_contract_accepts_is_stored_with_every_value(
    profile: dict[str, Any], escaped: bool
) -> None:
    (row,) = stored(json.dumps(profile, ensure_ascii=escaped))

    assert meaning(row) == meaning(profile)
    assert row["profile_id"] == profile["profile_id"]


@given(st.lists(profiles(), min_size=1, max_size=4), st.sampled_from(["", "\n", " \r\n"]))
def test_documents_of_one_record_are_stored_as_if_each_had_come_alone(
    documents: list[dict[str, Any]], between: str
) -> None:
    texts = [json.dumps(document) for document in documents]

    assert stored(between.join(texts)) == [row for text in texts for row in stored(text)]


@given(profiles())
def test_what_is_stored_would_be_stored_again_as_it_is(profile: dict[str, Any]) -> None:
    once = stored(json.dumps(profile))

    assert stored(json.dumps(once[0])) == once


@given(profiles(), st.dictionaries(st.text("abcXYZ/~. é", min_size=1), json_values(), min_size=1))
def test_unknown_fields_are_found_again_under_their_pointers(
    profile: dict[str, Any], unknown: dict[str, Any]
) -> None:
    (row,) = stored(json.dumps(profile | unknown))

    kept = json.loads(row.pop("unknown_fields"))
    pointers = {f"/{name.replace('~', '~0').replace('/', '~1')}": name for name in unknown}
    assert {pointers[pointer]: value for pointer, value in kept.items()} == unknown
    assert meaning(row) == meaning(profile)


@given(profiles(), st.data())
def test_a_record_that_was_cut_off_is_never_stored(
    profile: dict[str, Any], data: st.DataObject
) -> None:
    text = json.dumps(profile)
    end = data.draw(st.integers(1, len(text) - 1))

    assert outcome(text[:end]).result is Result.FAILED


@given(instants(), amounts(), st.integers(-(2**31), 2**31 - 1))
def test_a_column_changes_the_notation_and_never_the_value(
    instant: datetime, amount: Decimal, count: int
) -> None:
    names = {
        "at": "timestamp",
        "spend": "decimal(18,2)",
        "count": "int",
        "unknown_fields": "string",
    }
    table = Table([{"Name": name, "Type": kind} for name, kind in names.items()])

    row = table.row({"at": instant.isoformat(), "spend": amount, "count": Decimal(count)})

    assert datetime.fromisoformat(str(row["at"])) == instant
    assert Decimal(str(row["spend"])) == amount
    assert row["count"] == count
