"""What botocore raises, by our names: may it be tried again, and if not, what is to be fixed?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)
from botocore.parsers import ResponseParserError

from erasure_shared.mutex.errors import (
    MutexAccessDenied,
    MutexCallTimedOut,
    MutexError,
    MutexKeySchemaMismatch,
    MutexRequestInvalid,
    MutexServiceFailed,
    MutexTableMissing,
    MutexThrottled,
    MutexUnreachable,
)

_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "Throttling",
        "RequestLimitExceeded",
        "LimitExceededException",
        "TooManyRequestsException",
    }
)
_PASSING = frozenset({"TransactionConflictException", "ReplicatedWriteConflictException"})
_DENIED = frozenset(
    {
        "AccessDeniedException",
        "AccessDenied",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "IncompleteSignature",
        "MissingAuthenticationTokenException",
        "ExpiredTokenException",
        "ExpiredToken",
        "OptInRequired",
        "KMSAccessDeniedException",
    }
)


@contextmanager
def named_fault() -> Iterator[None]:
    """Raise botocore's errors by our names.

    A fault that may pass keeps its cause. The text of a refused request may quote keys and
    values, so of those errors only the code is kept.
    """
    try:
        yield
    except ClientError as error:
        raise _named(error) from _harmless(error)
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise MutexAccessDenied from error
    except (ConnectTimeoutError, ReadTimeoutError) as error:
        raise MutexCallTimedOut from error
    except (HTTPClientError, BotoConnectionError) as error:
        raise MutexUnreachable from error
    except ResponseParserError as error:
        raise MutexServiceFailed from error
    except BotoCoreError as error:
        raise MutexRequestInvalid(type(error).__name__) from None


def _named(error: ClientError) -> MutexError:
    code = error.response["Error"].get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _THROTTLED:
        kind: type[MutexError] = MutexThrottled
    elif code == "ResourceNotFoundException":
        kind = MutexTableMissing
    elif code in _DENIED:
        kind = MutexAccessDenied
    elif code == "ValidationException":
        kind = _invalid(error.response["Error"].get("Message", ""))
    else:
        kind = MutexServiceFailed if status >= 500 or code in _PASSING else MutexRequestInvalid
    return kind(code)


def _invalid(message: str) -> type[MutexError]:
    """DynamoDB's word for a wrong key is "key", in several sentences."""
    return MutexKeySchemaMismatch if "key" in message.lower() else MutexRequestInvalid


def _harmless(error: ClientError) -> ClientError | None:
    return None if error.response["Error"].get("Code") == "ValidationException" else error
