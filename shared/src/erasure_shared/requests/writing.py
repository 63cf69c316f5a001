"""Conditional writes: whether the condition held; every other failure rises."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import cache
from uuid import uuid4

from botocore.exceptions import ClientError
from pynamodb.connection import Connection
from pynamodb.exceptions import PynamoDBException, TransactWriteError, UpdateError
from pynamodb.transactions import TransactWrite

from erasure_shared.errors import RetryLater

_CONFLICT_ATTEMPTS = 12


def conditionally(write: Callable[[], object]) -> bool:
    """Whether the write's condition held."""
    try:
        write()
    except UpdateError as error:
        if not is_refusal(error):
            raise
        return False
    return True


def is_refusal(error: PynamoDBException) -> bool:
    """Whether the write's condition did not hold; anything else may have been carried out."""
    cause = error.cause
    code = cause.response["Error"]["Code"] if isinstance(cause, ClientError) else ""
    return code == "ConditionalCheckFailedException"


def transact(write: Callable[[TransactWrite], None]) -> bool:
    """Whether all conditions held; a conflict with another transaction is tried again.

    The client request token makes a repeated call after a lost response the same call.
    """
    for attempt in range(_CONFLICT_ATTEMPTS):
        try:
            with TransactWrite(connection=_connection(), client_request_token=str(uuid4())) as t:
                write(t)
        except TransactWriteError as error:
            codes = {reason.code for reason in error.cancellation_reasons if reason is not None}
            if "ConditionalCheckFailed" in codes:
                return False
            if not codes <= {"TransactionConflict", "ThrottlingError"} or not codes:
                raise
            time.sleep(random.random() * min(1.0, 0.02 * 2**attempt))  # noqa: S311 (jitter)
        else:
            return True
    raise RetryLater("the request's counts are being changed by many others")


@cache
def _connection() -> Connection:
    return Connection(connect_timeout_seconds=2, read_timeout_seconds=5, max_retry_attempts=5)
