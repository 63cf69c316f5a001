"""What becomes of one record."""

import json
from typing import Any

import pytest

from erasure_ingestion.core.reasons import Reason
from erasure_ingestion.core.transform import Outcome, ProfileTransform, Result, validator
from erasure_shared.schemas import read_schema
from tests.unit.ingestion.conftest import ARRIVED_AT_MS, Apply

MINIMAL: dict[str, Any] = {
    "profile_id": "p-1",
    "record_type": "profile",
    "updated_at": "2026-11-24T00:30:00+01:00",
}
WRITTEN = MINIMAL | {"updated_at": "2026-11-23T23:30:00Z"}


def lines(outcome: Outcome) -> list[Any]:
    assert outcome.result is Result.OK
    assert outcome.content.endswith(b"\n")
    return [json.loads(line) for line in outcome.content.split(b"\n")[:-1]]


def failure(outcome: Outcome) -> tuple[Reason | None, str]:
    assert outcome.result is Result.FAILED
    assert outcome.content == b""
    return outcome.reason, outcome.field


def test_a_record_becomes_one_line_in_the_tables_types(apply: Apply) -> None:
    outcome = apply(MINIMAL | {"visits": "12", "lifetime_spend": 7.5, "preferences": ["a", "b"]})

    assert lines(outcome) == [
        WRITTEN | {"visits": 12, "lifetime_spend": "7.50", "preferences": ["a", "b"]}
    ]


def test_null_is_absent(apply: Apply) -> None:
    outcome = apply(MINIMAL | {"email": None, "address": {"city": None}, "consents": None})

    assert lines(outcome) == [WRITTEN | {"address": {}}]


@pytest.mark.parametrize("between", ["", "\n", " \r\n"])
def test_several_documents_become_several_lines_of_one_answer(apply: Apply, between: str) -> None:
    documents = [MINIMAL, MINIMAL | {"profile_id": "p-2"}]

    outcome = apply(between.join(map(json.dumps, documents)))

    assert lines(outcome) == [WRITTEN, WRITTEN | {"profile_id": "p-2"}]
    assert outcome.documents == 2


def test_one_bad_document_fails_its_whole_record_so_that_nothing_of_it_is_lost(
    apply: Apply,
) -> None:
    outcome = apply(json.dumps(MINIMAL) + json.dumps(MINIMAL | {"visits": -1}))

    assert failure(outcome) == (Reason.INVALID_VALUE, "visits")


@pytest.mark.parametrize("blank", ["", " ", "\r\n\t "])
def test_a_blank_record_is_dropped(apply: Apply, blank: str) -> None:
    outcome = apply(blank)

    assert (outcome.result, outcome.reason) == (Result.DROPPED, Reason.BLANK)


@pytest.mark.parametrize("invisible", ["\x0c", "\x00", "\u00a0", "\ufeff", "\u2028"])
def test_a_record_of_other_invisible_characters_is_not_blank(apply: Apply, invisible: str) -> None:
    assert failure(apply(invisible)) == (Reason.MALFORMED_JSON, "")


@pytest.mark.parametrize("missing", ["profile_id", "record_type", "updated_at"])
def test_a_required_field_that_is_missing_is_named(apply: Apply, missing: str) -> None:
    outcome = apply({name: value for name, value in MINIMAL.items() if name != missing})

    assert failure(outcome) == (Reason.MISSING_FIELD, missing)


def test_a_field_in_other_letters_is_not_that_field(apply: Apply) -> None:
    renamed = {"Profile_ID" if name == "profile_id" else name: MINIMAL[name] for name in MINIMAL}

    assert failure(apply(renamed)) == (Reason.MISSING_FIELD, "profile_id")
    assert lines(apply(MINIMAL | {"PROFILE_ID": "another"})) == [
        WRITTEN | {"unknown_fields": '{"/PROFILE_ID":"another"}'}
    ]


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("profile_id", {"profile_id": ""}),
        ("profile_id", {"profile_id": "a" * 257}),
        ("profile_id", {"profile_id": "a\u0000b"}),
        ("profile_id", {"profile_id": 7}),
        ("profile_id", {"profile_id": None}),
        ("record_type", {"record_type": "Profile"}),
        ("email", {"email": ["a@example.org"]}),
        ("address", {"address": "Provgatan 1"}),
        ("address.city", {"address": {"city": 5}}),
        ("loyalty_tier", {"loyalty_tier": "diamond"}),
        ("preferences", {"preferences": ["a", None]}),
        ("lifetime_spend", {"lifetime_spend": "1,50"}),
        ("visits", {"visits": 2**31}),
        ("visits", {"visits": 1.5}),
        ("consents.granted", {"consents": [{"purpose": "x", "granted": "true", "at": "x"}]}),
        ("updated_at", {"updated_at": 1795470000}),
        ("updated_at", {"updated_at": "2026-02-30T00:00:00Z"}),
    ],
)
def test_a_value_against_the_contract_fails_and_its_field_is_named(
    apply: Apply, field: str, change: dict[str, object]
) -> None:
    assert failure(apply(MINIMAL | change)) == (Reason.INVALID_VALUE, field)


def test_a_consent_without_its_time_fails(apply: Apply) -> None:
    outcome = apply(MINIMAL | {"consents": [{"purpose": "newsletter", "granted": True}]})

    assert failure(outcome) == (Reason.MISSING_FIELD, "consents.at")


def test_the_validators_own_errors_quote_nothing() -> None:
    spoiled = MINIMAL | {"visits": "Canary", "email": ["Canary"]}

    errors = list(validator(read_schema("records/profile.v1.json")).iter_errors(spoiled))

    assert len(errors) == 2
    assert "Canary" not in "".join(f"{error!r} {error}" for error in errors)


@pytest.mark.parametrize("document", ["[]", "[{}]", "1", '"text"', "null", "true"])
def test_what_is_no_object_fails(apply: Apply, document: str) -> None:
    assert failure(apply(document)) == (Reason.INVALID_VALUE, "")


@pytest.mark.parametrize("profile_id", [" o'hara ", "0012", "e\u0301", "👩‍👧", "界" * 256, "a\n"])
def test_a_profile_id_is_kept_as_sent(apply: Apply, profile_id: str) -> None:
    assert lines(apply(MINIMAL | {"profile_id": profile_id}))[0]["profile_id"] == profile_id


@pytest.mark.parametrize("field", ["profile_id", "email", "somewhere_unknown"])
def test_half_a_pair_of_surrogates_fails_because_no_reader_would_see_it_as_sent(
    apply: Apply, field: str
) -> None:
    assert failure(apply(MINIMAL | {field: "a\ud800"})) == (Reason.LONE_SURROGATE, "")
    assert lines(apply(json.dumps(MINIMAL | {field: "😀"}, ensure_ascii=True)))


def test_unknown_fields_are_counted_and_kept_in_the_row(apply: Apply) -> None:
    outcome = apply(MINIMAL | {"dt": "2020-01-01", "address": {"region": "x", "city": "y"}})

    assert outcome.with_unknown_fields == 1
    assert lines(outcome) == [
        WRITTEN
        | {
            "address": {"city": "y"},
            "unknown_fields": '{"/dt":"2020-01-01","/address/region":"x"}',
        }
    ]


def test_a_megabyte_of_text_is_kept(apply: Apply) -> None:
    name = "é😀\n" * 150_000

    assert lines(apply(MINIMAL | {"last_name": name}))[0]["last_name"] == name


def test_the_partition_is_the_utc_date_of_arrival_whatever_the_record_says(apply: Apply) -> None:
    late = MINIMAL | {"updated_at": "1999-01-01T00:00:00Z", "dt": "1999-01-01"}

    assert apply(late).dt == "2026-11-23"
    assert apply(late, arrived_at_ms=ARRIVED_AT_MS + 1).dt == "2026-11-24"


@pytest.mark.parametrize("arrived_at_ms", [None, "2026", True, 1.5, -1, 1_795_470_000, 10**18])
def test_a_record_without_a_credible_time_of_arrival_fails(
    apply: Apply, arrived_at_ms: object
) -> None:
    outcome = apply(MINIMAL, arrived_at_ms=arrived_at_ms)

    assert failure(outcome) == (Reason.NO_ARRIVAL_TIME, "")


@pytest.mark.parametrize("data", [None, 7, "e30", "e30=\n", "e30=e30=", "e_30", "é"])
def test_data_that_is_not_base64_fails(transform: ProfileTransform, data: object) -> None:
    assert failure(transform.apply(data, ARRIVED_AT_MS)) == (Reason.NOT_BASE64, "")
