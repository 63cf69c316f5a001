"""Every fault of DynamoDB has a name that says whether to try again, and what to fix."""

from __future__ import annotations

from typing import Any, cast

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from erasure_shared.mutex import (
    MutexAccessDenied,
    MutexCallTimedOut,
    MutexClient,
    MutexError,
    MutexKey,
    MutexKeySchemaMismatch,
    MutexMisconfigured,
    MutexRequestInvalid,
    MutexServiceFailed,
    MutexTableMissing,
    MutexThrottled,
    MutexUnavailable,
    MutexUnreachable,
)
from tests.property.mutex.dynamo_model import DynamoModel
from tests.unit.mutex.surroundings import FakeSurroundings

KEY = MutexKey("jane@example.com")


class Faulty(DynamoModel):
    """Answers every write with the same fault."""

    def __init__(self, fault: Exception) -> None:
        super().__init__()
        self.fault = fault
        self.writes = 0

    def put_item(self, **_: Any) -> None:
        self.writes += 1
        raise self.fault


def refusal(code: str, status: int = 400, message: str = "") -> ClientError:
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(cast("Any", response), "PutItem")


PASSING = [
    (refusal("ProvisionedThroughputExceededException"), MutexThrottled),
    (refusal("ThrottlingException"), MutexThrottled),
    (refusal("RequestLimitExceeded"), MutexThrottled),
    (refusal("InternalServerError", 500), MutexServiceFailed),
    (refusal("ServiceUnavailable", 503), MutexServiceFailed),
    (refusal("TransactionConflictException"), MutexServiceFailed),
    (ReadTimeoutError(endpoint_url=""), MutexCallTimedOut),
    (ConnectTimeoutError(endpoint_url=""), MutexCallTimedOut),
    (EndpointConnectionError(endpoint_url=""), MutexUnreachable),
]
LASTING = [
    (refusal("ResourceNotFoundException"), MutexTableMissing, "table_name"),
    (refusal("AccessDeniedException"), MutexAccessDenied, "dynamodb:GetItem"),
    (refusal("ExpiredTokenException"), MutexAccessDenied, "expired"),
    (NoCredentialsError(), MutexAccessDenied, "credentials"),
    (refusal("ValidationException", message="Missing the key pk"), MutexKeySchemaMismatch, "pk"),
    (refusal("ValidationException", message="too long"), MutexRequestInvalid, "accept"),
]


@pytest.mark.parametrize(("fault", "named"), PASSING)
def test_a_fault_that_may_pass_is_retried_to_the_end_and_keeps_its_cause(
    fault: Exception, named: type[MutexError]
) -> None:
    db, world = Faulty(fault), FakeSurroundings()
    began_s = world.monotonic_s

    with pytest.raises(named) as caught:
        mutex(db, world).acquire_lock(KEY, max_timeout=5)

    assert isinstance(caught.value, MutexUnavailable)
    assert caught.value.__cause__ is fault
    assert world.monotonic_s - began_s == pytest.approx(5)
    assert db.writes == 4


@pytest.mark.parametrize(("fault", "named"), PASSING)
def test_who_does_not_wait_is_told_at_once(fault: Exception, named: type[MutexError]) -> None:
    db, world = Faulty(fault), FakeSurroundings()

    with pytest.raises(named):
        mutex(db, world).try_acquire_lock(KEY)

    assert db.writes == 1


@pytest.mark.parametrize(("fault", "named", "word"), LASTING)
def test_a_fault_that_will_not_pass_is_raised_at_once_and_says_what_to_fix(
    fault: Exception, named: type[MutexError], word: str
) -> None:
    db, world = Faulty(fault), FakeSurroundings()

    with pytest.raises(named, match=word) as caught:
        mutex(db, world).acquire_lock(KEY, max_timeout=5)

    assert isinstance(caught.value, MutexMisconfigured)
    assert (db.writes, world.slept_s) == (1, [])


def test_a_validation_message_that_may_quote_values_is_not_passed_on() -> None:
    fault = refusal("ValidationException", message=f"bad key: {KEY.partition_key}")

    with pytest.raises(MutexKeySchemaMismatch) as caught:
        mutex(Faulty(fault), FakeSurroundings()).try_acquire_lock(KEY)

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert KEY.partition_key not in str(caught.value)


def mutex(db: DynamoModel, world: FakeSurroundings) -> MutexClient:
    return MutexClient(dynamo_db_client=cast("Any", db), surroundings=world, refresh_wait_time=1)
