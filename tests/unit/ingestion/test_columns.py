"""How values are written for Firehose, and which would not survive it."""

import json
from decimal import Decimal

import pytest

from erasure_ingestion.core.columns import Table, column_type
from erasure_ingestion.core.reasons import Reason, Refused


def stored(glue_type: str, value: object) -> object:
    table = Table([{"Name": "x", "Type": glue_type}, {"Name": "unknown_fields", "Type": "string"}])
    return table.row({"x": value}).get("x")


def refusal(glue_type: str, value: object) -> tuple[Reason, str]:
    with pytest.raises(Refused) as refused:
        stored(glue_type, value)
    return refused.value.reason, refused.value.field


@pytest.mark.parametrize(
    ("sent", "written"),
    [
        ("2026-11-23T20:15:09Z", "2026-11-23T20:15:09Z"),
        ("2026-11-23 20:15:09z", "2026-11-23T20:15:09Z"),
        ("2026-11-23T20:15:09-00:00", "2026-11-23T20:15:09Z"),
        ("2026-11-23t21:15:09.120+01:00", "2026-11-23T20:15:09.120Z"),
        ("2026-12-31T23:30:00.123456789-04:30", "2027-01-01T04:00:00.123456789Z"),
        ("2024-02-29T00:00:00+23:59", "2024-02-28T00:01:00Z"),
    ],
)
def test_a_timestamp_becomes_utc_and_keeps_its_fraction(sent: str, written: str) -> None:
    assert stored("timestamp", sent) == written


@pytest.mark.parametrize(
    "sent",
    [
        "2026-01-01T00:00:00",
        "2026-01-01",
        "now",
        1795470000,
        "2026-02-30T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+01:60",
        "2026-01-01T00:00:00.1234567891Z",
        "2026-01-01T00:00:00Z\n",
        "202\u0666-01-01T00:00:00Z",
    ],
)
def test_a_timestamp_without_offset_or_place_in_the_calendar_is_refused(sent: object) -> None:
    assert refusal("timestamp", sent) == (Reason.INVALID_VALUE, "x")


@pytest.mark.parametrize("sent", ["1900-01-01T00:00:00+00:01", "2262-01-01T00:00:00Z"])
def test_a_timestamp_that_readers_of_parquet_disagree_on_is_refused(sent: str) -> None:
    assert refusal("timestamp", sent) == (Reason.INEXACT_VALUE, "x")


@pytest.mark.parametrize(
    ("sent", "written"),
    [
        ("10423.5", "10423.50"),
        (7, "7.00"),
        (Decimal("0.10"), "0.10"),
        (Decimal("1E+3"), "1000.00"),
        ("1.500", "1.50"),
        ("-9999999999999999.99", "-9999999999999999.99"),
        (Decimal("9007199254740993.01"), "9007199254740993.01"),
    ],
)
def test_a_decimal_is_written_as_text_with_its_scale(sent: object, written: str) -> None:
    assert stored("decimal(18,2)", sent) == written


@pytest.mark.parametrize(
    "sent", ["1.005", Decimal("0.001"), 10**16, Decimal("1E+1000000"), Decimal("1E-1000000")]
)
def test_a_decimal_that_would_be_rounded_or_cut_is_refused(sent: object) -> None:
    assert refusal("decimal(18,2)", sent) == (Reason.INEXACT_VALUE, "x")


@pytest.mark.parametrize("sent", ["1e3", "", " 1", "1_000", "٣", "NaN", ".5", True, [1]])
def test_what_is_no_plain_decimal_is_refused(sent: object) -> None:
    assert refusal("decimal(18,2)", sent) == (Reason.INVALID_VALUE, "x")


@pytest.mark.parametrize(
    ("sent", "written"),
    [("0", 0), ("2147483647", 2147483647), (Decimal("5.0"), 5), (Decimal("1E+2"), 100), (-7, -7)],
)
def test_a_whole_number_is_written_as_a_number(sent: object, written: int) -> None:
    assert stored("int", sent) == written


@pytest.mark.parametrize("sent", ["007", "+1", " 1", "1.0", "-0", "1\n", "٣", "", True, [1]])
def test_what_is_not_exactly_a_whole_number_is_refused(sent: object) -> None:
    assert refusal("int", sent) == (Reason.INVALID_VALUE, "x")


@pytest.mark.parametrize("glue_type", ["int", "timestamp", "array<string>", "struct<a:string>"])
def test_null_is_left_out(glue_type: str) -> None:
    assert stored(glue_type, None) is None


@pytest.mark.parametrize("sent", [2**31, -(2**31) - 1, Decimal("5.5"), Decimal("1E+1000000")])
def test_a_whole_number_that_does_not_fit_is_refused(sent: object) -> None:
    assert refusal("int", sent) == (Reason.INEXACT_VALUE, "x")


@pytest.mark.parametrize("sent", ["true", "yes", 1, 0])
def test_a_flag_is_never_guessed(sent: object) -> None:
    assert refusal("boolean", sent) == (Reason.INVALID_VALUE, "x")


def test_text_is_kept_to_the_last_space() -> None:
    assert stored("string", " É e\u0301 \u0000\u2028 ") == " É e\u0301 \u0000\u2028 "


def test_a_field_of_a_struct_in_a_list_is_named_without_its_position() -> None:
    sent = [{"at": "2026-01-01T00:00:00Z"}, {"at": "never"}]

    assert refusal("array<struct<at:timestamp>>", sent) == (Reason.INVALID_VALUE, "x.at")


def test_unknown_members_are_kept_by_pointer_wherever_they_stand() -> None:
    table = Table(
        [
            {"Name": "list", "Type": "array<struct<known:string,spend:decimal(18,2)>>"},
            {"Name": "unknown_fields", "Type": "string"},
        ]
    )

    row = table.row(
        {
            "list": [{"known": "a", "new": None}, {"Known": Decimal("1.50"), "spend": 1}],
            "a/b~c": [True, "\u2028"],
            "unknown_fields": "mine",
        }
    )

    assert row["list"] == [{"known": "a"}, {"spend": "1.00"}]
    assert json.loads(str(row["unknown_fields"]), parse_float=Decimal) == {
        "/list/0/new": None,
        "/list/1/Known": Decimal("1.50"),
        "/a~1b~0c": [True, "\u2028"],
        "/unknown_fields": "mine",
    }


@pytest.mark.parametrize("glue_type", ["bigint", "map<string,int>", "decimal(18)", "array<>", ""])
def test_a_column_type_without_notation_is_found_at_the_start_not_in_the_stream(
    glue_type: str,
) -> None:
    with pytest.raises(ValueError, match="no notation for the Glue type"):
        column_type(glue_type)
