"""Runs one query of Athena and leaves nothing of it behind: its result holds identifiers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from erasure_location.core.athena_failure import Failure, Verdict, judge
from erasure_location.core.athena_query import Statement
from erasure_location.core.deadline import Deadline
from erasure_shared.errors import OutOfTime, Rejected, RetryLater
from erasure_shared.observability import logger, reason_of

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_s3 import S3Client

_ENDED = {"SUCCEEDED", "FAILED", "CANCELLED"}
_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 5.0
_GROWTH = 1.5
_STOP_ATTEMPTS = 10
_ATTEMPTS = 3
"""At a query: objects that are purged for other requests change while Athena reads them."""
_PAGE = 1000
_PERMANENT = {"AccessDeniedException", "InvalidRequestException", "MetadataException"}
_BUSY = {
    "InternalServerException",
    "ThrottlingException",
    "TooManyRequestsException",
}


@dataclass(frozen=True)
class Answer:
    """The rows of a result of two columns, and what Athena read (and bills) for them."""

    rows: list[tuple[str, str]] = field(repr=False)
    scanned_bytes: int


class QueryFailed(Exception):
    """The query was run and failed."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.code)


class Queries:
    """Queries of one workgroup, whose configuration says where results go."""

    def __init__(
        self,
        athena: AthenaClient,
        s3: S3Client,
        workgroup: str,
        sleep: Callable[[float], None],
    ) -> None:
        self._athena = athena
        self._s3 = s3
        self._workgroup = workgroup
        self._sleep = sleep

    def run(self, statement: Statement, deadline: Deadline) -> Answer:
        """The answer to a query for two columns; rows with a NULL are left out.

        Raises:
            QueryFailed: Athena ran the query, and it failed; thrice, where that could pass.
            Rejected: Athena does not take such a query.
            RetryLater: Athena is busy, or the time is up; the query is stopped.
        """
        for attempt in range(1, _ATTEMPTS):
            try:
                return self._run_once(statement, deadline)
            except QueryFailed as failed:
                if failed.failure.verdict is not Verdict.TRANSIENT:
                    raise
            self._sleep(min(2.0**attempt, deadline.left_s()))
        return self._run_once(statement, deadline)

    def _run_once(self, statement: Statement, deadline: Deadline) -> Answer:
        deadline.check()
        with _translated():
            query_id = self._athena.start_query_execution(
                QueryString=statement.text,
                ExecutionParameters=list(statement.parameters),
                WorkGroup=self._workgroup,
            )["QueryExecutionId"]
            try:
                scanned_bytes = self._wait(query_id, deadline)
                return Answer(list(self._rows(query_id, deadline)), scanned_bytes)
            finally:
                self._forget(query_id)

    def _wait(self, query_id: str, deadline: Deadline) -> int:
        """Wait for the result; returns how many bytes were scanned for it."""
        wait_s = _FIRST_WAIT_S
        while True:
            execution = self._execution(query_id)
            status = execution["Status"]
            match status["State"]:
                case "SUCCEEDED":
                    return int(execution.get("Statistics", {}).get("DataScannedInBytes", 0))
                case "FAILED":
                    error = status.get("AthenaError", {})
                    reason = status.get("StateChangeReason") or error.get("ErrorMessage") or ""
                    raise QueryFailed(
                        judge(
                            reason,
                            error.get("ErrorCategory"),
                            retryable=bool(error.get("Retryable")),
                        )
                    )
                case "CANCELLED":
                    raise RetryLater("the query was cancelled", reason_code="ATHENA_CANCELLED")
            if deadline.left_s() <= 0:
                raise OutOfTime("the time was up before Athena's query ended")
            self._sleep(min(wait_s, deadline.left_s()))
            wait_s = min(_LONGEST_WAIT_S, wait_s * _GROWTH)

    def _rows(self, query_id: str, deadline: Deadline) -> Iterator[tuple[str, str]]:
        pages = self._athena.get_paginator("get_query_results").paginate(
            QueryExecutionId=query_id, PaginationConfig={"PageSize": _PAGE}
        )
        for number, page in enumerate(pages):
            deadline.check()
            rows = page["ResultSet"]["Rows"]
            for row in rows[1:] if number == 0 else rows:  # the names of the columns come first
                path, profile_id = (cell.get("VarCharValue") for cell in row["Data"])
                if path is not None and profile_id is not None:
                    yield path, profile_id

    def _forget(self, query_id: str) -> None:
        """Stop the query if it still runs, then delete its result; the outcome stays what it is."""
        try:
            execution = self._stopped(query_id)
        except (ClientError, BotoCoreError) as error:
            logger.error("a query could not be stopped", reason=reason_of(error))
            return
        output = execution.get("ResultConfiguration", {}).get("OutputLocation", "")
        bucket, _, key = output.removeprefix("s3://").partition("/")
        if key:
            forget(self._s3, bucket, key, f"{key}.metadata")

    def _stopped(self, query_id: str) -> Any:
        execution = self._execution(query_id)
        if execution["Status"]["State"] in _ENDED:
            return execution
        with suppress(ClientError):
            self._athena.stop_query_execution(QueryExecutionId=query_id)
        for _ in range(_STOP_ATTEMPTS):
            execution = self._execution(query_id)
            if execution["Status"]["State"] in _ENDED:
                break
            self._sleep(_FIRST_WAIT_S)
        return execution

    def _execution(self, query_id: str) -> Any:
        return self._athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]


def forget(s3: S3Client, bucket: str, *keys: str) -> None:
    """Delete objects that hold identifiers, without getting in the way of what happened before.

    What cannot be deleted now goes by the bucket's lifecycle within a day.
    """
    for key in keys:
        try:
            s3.delete_object(Bucket=bucket, Key=key)
        except (ClientError, BotoCoreError) as error:
            logger.error("an object with identifiers stays a day", reason=reason_of(error))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _PERMANENT:
            raise Rejected("Athena refuses the query", reason_code=f"ATHENA_{code}") from error
        if code in _BUSY:
            raise RetryLater("Athena is busy", reason_code=f"ATHENA_{code}") from error
        raise
