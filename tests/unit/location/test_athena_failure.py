"""What Athena's reasons mean for a search."""

from __future__ import annotations

import pytest

from erasure_location.core.athena_failure import Verdict, judge

URI = "s3://lake/profiles/dt=2026-01-01/part-1.parquet"
BLANKS = "s3://lake/profiles/part 1 (copy).parquet"


@pytest.mark.parametrize(
    ("reason", "uri"),
    [
        (f"HIVE_BAD_DATA: Not valid Parquet file: {URI} expected magic number: PAR1", URI),
        (
            f"HIVE_BAD_DATA: Field id's type INT64 in parquet file {URI} is incompatible with type",
            URI,
        ),
        (f"HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split {URI} (offset=0, length=9): bad", URI),
        (f"HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split {BLANKS} (offset=0, length=9)", BLANKS),
        (f"HIVE_CURSOR_ERROR: Failed to read Parquet file: {URI}", URI),
        (f"HIVE_CURSOR_ERROR: Can not read value at 0 in block -1 in file {URI}.", URI),
        (f"HIVE_BAD_DATA: Malformed file [{URI}]: truncated", URI),
        (f"HIVE_FILESYSTEM_ERROR: Failed to open {URI}:\nmore words", URI),
    ],
)
def test_the_object_that_cannot_be_read_is_among_the_candidates(reason: str, uri: str) -> None:
    failure = judge(reason)

    assert failure.verdict is Verdict.UNREADABLE
    assert uri in failure.candidates


def test_longer_readings_of_a_name_come_before_shorter_ones() -> None:
    failure = judge(f"HIVE_CURSOR_ERROR: Failed to read Parquet file: {BLANKS} today")

    readings = [reading for reading in failure.candidates if reading in (BLANKS, BLANKS[:25])]
    assert readings[0] == BLANKS


@pytest.mark.parametrize(
    ("reason", "category"),
    [
        (
            f"HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split {URI}: Slow Down (Status Code: 503)",
            None,
        ),
        (f"HIVE_CURSOR_ERROR: Failed to read {URI}: NoSuchKey (Status Code: 404)", None),
        (
            f"HIVE_CANNOT_OPEN_SPLIT: {URI}: a pre-condition failed (Status Code: 412)",
            None,
        ),
        ("GENERIC_INTERNAL_ERROR: null", 1),
        ("Query exhausted resources at this scale factor", 3),
        ("Query timeout", None),
        ("TOO_MANY_REQUESTS_FAILED: rate exceeded", 2),
        ("", None),
    ],
)
def test_what_passes_is_tried_again(reason: str, category: int | None) -> None:
    assert judge(reason, category).verdict is Verdict.TRANSIENT


@pytest.mark.parametrize(
    ("reason", "category", "code"),
    [
        ("TABLE_NOT_FOUND: line 1:1: Table 'x' does not exist", None, "TABLE_NOT_FOUND"),
        ("SYNTAX_ERROR: line 1:8: Column 'x' cannot be resolved", 2, "SYNTAX_ERROR"),
        ("INVALID_CAST_ARGUMENT: Cannot cast 'Canary' to INT", 2, "INVALID_CAST_ARGUMENT"),
        ("HIVE_BAD_DATA: Error Parsing a column in the table", 2, "HIVE_BAD_DATA"),
        ("SOMETHING_NEW: that the user did", 2, "SOMETHING_NEW"),
        ("Insufficient permissions to execute the query", 2, "FAILED"),
    ],
)
def test_what_stays_wrong_is_for_a_person(reason: str, category: int | None, code: str) -> None:
    failure = judge(reason, category)

    assert failure.verdict is Verdict.PERMANENT
    assert failure.code == code


def test_what_athena_calls_retryable_is_tried_again() -> None:
    assert judge("SOMETHING_NEW: happened", 2, retryable=True).verdict is Verdict.TRANSIENT


def test_a_key_that_sounds_like_a_passing_failure_is_still_unreadable() -> None:
    failure = judge("HIVE_CURSOR_ERROR: Failed to read Parquet file: s3://lake/throttled/NoSuchKey")

    assert failure.verdict is Verdict.UNREADABLE
