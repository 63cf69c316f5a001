"""An error is told by type, code and place, never by other people's words."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from erasure_shared.errors import Corrupted, ErasureError, OutOfTime, Rejected, RetryLater
from erasure_shared.observability import place_of, reason_code_of, reason_of

CANARY = "Kanarie-Vogelsang"


class DatabaseError(Exception):
    """As psycopg's: it knows its SQLSTATE."""

    sqlstate = "23505"


def a_client_error() -> ClientError:
    answer = {"Error": {"Code": "ValidationException", "Message": f"value {CANARY} is no key"}}
    return ClientError(answer, "PutItem")  # type: ignore[arg-type]


def caught(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        raise error from cause
    except type(error) as raised:
        return raised


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RetryLater(), "RETRY_LATER"),
        (OutOfTime(), "OUT_OF_TIME"),
        (Rejected("no", reason_code="MY_CODE"), "MY_CODE"),
        (Corrupted(), "CORRUPTED"),
        (a_client_error(), "ValidationException"),
        (DatabaseError(CANARY), "SQLSTATE_23505"),
        (KeyError(CANARY), "KeyError"),
    ],
)
def test_every_error_has_a_code(error: Exception, code: str) -> None:
    assert reason_code_of(error) == code
    assert CANARY not in reason_of(caught(error))


def test_the_code_is_that_of_the_cause_where_a_library_wraps_it() -> None:
    assert reason_code_of(caught(RuntimeError(CANARY), a_client_error())) == "ValidationException"


def test_an_error_of_ours_is_told_in_its_own_words_and_references() -> None:
    error = Rejected("no such location", request_id="r1", reason_code="X")

    assert reason_of(error) == "no such location (request_id=r1)"
    assert error.references == {"request_id": "r1"}


def test_without_words_the_docstring_is_the_reason() -> None:
    assert str(RetryLater()) == "This cannot succeed now; the message goes back to the queue"


def test_a_strangers_error_is_told_by_type_code_operation_and_place() -> None:
    assert reason_of(caught(a_client_error())).startswith(
        "ClientError: ValidationException during PutItem at test_observability.py:"
    )


def test_the_place_is_in_our_own_code_where_there_is_any() -> None:
    try:
        raise_inside_a_library()
    except ErasureError as error:
        place = place_of(error)

    assert place.startswith("data_map.py:")


def raise_inside_a_library() -> None:
    from erasure_shared.data_map import DataMap

    DataMap.read("not JSON")


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert place_of(ValueError()) == "unknown"
