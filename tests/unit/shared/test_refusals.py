"""A condition that did not hold is told from a call that came to nothing."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from pynamodb.exceptions import UpdateError

from erasure_shared.requests.writing import conditionally


def failing(cause: Exception) -> Any:
    def write() -> None:
        raise UpdateError("Failed to update item", cause)

    return write


def of_aws(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "UpdateItem")


def test_a_condition_that_does_not_hold_is_an_answer() -> None:
    assert not conditionally(failing(of_aws("ConditionalCheckFailedException")))


@pytest.mark.parametrize(
    "cause", [of_aws("ThrottlingException"), ReadTimeoutError(endpoint_url="https://dynamodb")]
)
def test_anything_else_rises_as_what_it_is(cause: Exception) -> None:
    with pytest.raises(UpdateError):
        conditionally(failing(cause))
