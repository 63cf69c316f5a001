"""The API actions that start a query and hand out its result.

https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html
"""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import athena, s3

from infra.local.extensions.athena import query
from infra.local.extensions.athena.errors import QueryFailed, QueryRefused
from infra.local.extensions.athena.text import csv_bytes

_LONGEST_QUERY_BYTES = 262_144
_LONGEST_PARAMETER = 1024
_LARGEST_PAGE = 1000
_RUNNING: set[asyncio.Task[None]] = set()

Response = Any
"""What MiniStack's handlers return: status, headers, body."""


def install() -> None:
    """Replace the start, the run and the result pages of queries; DDL stays MiniStack's."""
    original_start = athena._start_query_execution

    def start_query_execution(request: dict[str, Any]) -> Response:
        if athena._parse_ddl(request.get("QueryString", "")) is not None:
            return original_start(request)
        return _start(request)

    athena._start_query_execution = start_query_execution
    athena._get_query_results = _results


def _start(request: dict[str, Any]) -> Response:
    try:
        execution = _new_execution(request)
    except QueryRefused as refusal:
        return error_response_json("InvalidRequestException", str(refusal), 400)
    athena._executions[execution["QueryExecutionId"]] = execution
    task = asyncio.create_task(_execute(execution))
    _RUNNING.add(task)
    task.add_done_callback(_RUNNING.discard)
    return json_response({"QueryExecutionId": execution["QueryExecutionId"]})


def _new_execution(request: Mapping[str, Any]) -> dict[str, Any]:
    text: str = request.get("QueryString", "")
    parameters: list[str] = request.get("ExecutionParameters") or []
    if not 1 <= len(text.encode()) <= _LONGEST_QUERY_BYTES:
        raise QueryRefused(f"queryString must have 1 to {_LONGEST_QUERY_BYTES} bytes")
    if any(not 1 <= len(parameter) <= _LONGEST_PARAMETER for parameter in parameters):
        raise QueryRefused(f"executionParameters must have 1 to {_LONGEST_PARAMETER} characters")
    workgroup = request.get("WorkGroup", "primary")
    query_id = athena.new_uuid()
    context = request.get("QueryExecutionContext") or {}
    return {
        "QueryExecutionId": query_id,
        "Query": text,
        "ExecutionParameters": parameters,
        "StatementType": "DML",
        "SubstatementType": "SELECT",
        "WorkGroup": workgroup,
        "ResultConfiguration": {
            "OutputLocation": f"{_result_location(request, workgroup)}{query_id}.csv"
        },
        "QueryExecutionContext": {
            "Database": context.get("Database", "default"),
            "Catalog": context.get("Catalog", "AwsDataCatalog"),
        },
        "EngineVersion": {
            "SelectedEngineVersion": "AUTO",
            "EffectiveEngineVersion": "Athena engine version 3",
        },
        "Status": {"State": "QUEUED", "SubmissionDateTime": time.time()},
        "Statistics": {"EngineExecutionTimeInMillis": 0, "DataScannedInBytes": 0},
    }


def _result_location(request: Mapping[str, Any], workgroup: str) -> str:
    """Where the result goes; a workgroup that enforces its configuration wins."""
    if workgroup not in athena._workgroups:
        raise QueryRefused(f"WorkGroup {workgroup} is not found.")
    settings = athena._workgroups[workgroup].get("Configuration") or {}
    of_workgroup = (settings.get("ResultConfiguration") or {}).get("OutputLocation")
    of_request = (request.get("ResultConfiguration") or {}).get("OutputLocation")
    enforced = str(settings.get("EnforceWorkGroupConfiguration", False)).lower() == "true"
    location = of_workgroup if enforced and of_workgroup else of_request or of_workgroup
    if not location:
        raise QueryRefused(
            "No output location provided. An output location is required either through the "
            "Workgroup result configuration setting or as an API input."
        )
    return f"{location.rstrip('/')}/"


async def _execute(execution: dict[str, Any]) -> None:
    """Run the query on a thread of its own, so that the emulator stays responsive."""
    status = execution["Status"]
    status["State"] = "RUNNING"
    started_s = time.monotonic()
    try:
        result = await asyncio.to_thread(
            _run,
            execution["Query"],
            execution["ExecutionParameters"],
            execution["QueryExecutionContext"]["Database"].lower(),
        )
        if status["State"] == "CANCELLED":
            return
        _store(execution["ResultConfiguration"]["OutputLocation"], result)
        execution["_result"] = result
        execution["Statistics"]["DataScannedInBytes"] = result.scanned_bytes
        _finish(status, "SUCCEEDED")
    except QueryFailed as failure:
        _finish(status, "FAILED", str(failure))
    except Exception as error:  # noqa: BLE001 - a query that dies unseen would be polled for ever
        _finish(status, "FAILED", f"GENERIC_INTERNAL_ERROR: {type(error).__name__}: {error}")
    elapsed_ms = int(1000 * (time.monotonic() - started_s))
    execution["Statistics"]["EngineExecutionTimeInMillis"] = elapsed_ms
    execution["Statistics"]["TotalExecutionTimeInMillis"] = elapsed_ms


def _run(text: str, parameters: list[str], database: str) -> query.Result:
    try:
        return query.run(query.parse(text, parameters), database)
    except QueryRefused as refusal:
        raise QueryFailed(f"SYNTAX_ERROR: {refusal}") from refusal


def _finish(status: dict[str, Any], state: str, reason: str | None = None) -> None:
    if status["State"] == "CANCELLED":
        return
    status["CompletionDateTime"] = time.time()
    if reason is not None:
        category = 2 if reason.startswith(("SYNTAX", "TABLE", "COLUMN", "SCHEMA")) else 1
        status["StateChangeReason"] = reason
        status["AthenaError"] = {"ErrorCategory": category, "ErrorMessage": reason}
    status["State"] = state


def _store(location: str, result: query.Result) -> None:
    """Write the result file and its companion, as the bucket's owner would find them.

    Raises:
        QueryFailed: the bucket is not there.
    """
    bucket, _, key = location.removeprefix("s3://").partition("/")
    content = csv_bytes(result.columns, result.rows)
    described = json.dumps(dict(zip(result.columns, result.types, strict=False))).encode()
    for name, body, kind in (
        (key, content, "text/csv"),
        (f"{key}.metadata", described, "binary/octet-stream"),
    ):
        headers = {"content-type": kind, "content-length": str(len(body))}
        status, *_ = s3._put_object(bucket, name, body, headers)
        if status >= 300:
            raise QueryFailed(f"GENERIC_USER_ERROR: unable to write to bucket {bucket}")


def _results(request: dict[str, Any]) -> Response:
    execution = athena._executions.get(request.get("QueryExecutionId"))
    if execution is None:
        return error_response_json("InvalidRequestException", "QueryExecution was not found", 400)
    state = execution["Status"]["State"]
    if state != "SUCCEEDED":
        message = f"Query did not finish successfully. Final query state: {state}"
        return error_response_json("InvalidRequestException", message, 400)
    page_size = request.get("MaxResults", _LARGEST_PAGE)
    if not 1 <= page_size <= _LARGEST_PAGE:
        return error_response_json("InvalidRequestException", "MaxResults is 1 to 1000", 400)
    return json_response(
        _page(execution.get("_result"), int(request.get("NextToken") or 0), page_size)
    )


def _page(result: query.Result | None, start: int, size: int) -> dict[str, Any]:
    """One page; the names of the columns are its first row, on the first page only."""
    if result is None:
        return {"ResultSet": {"Rows": [], "ResultSetMetadata": {"ColumnInfo": []}}}
    rows = [tuple(result.columns), *result.rows]
    page: dict[str, Any] = {
        "UpdateCount": 0,
        "ResultSet": {
            "Rows": [
                {"Data": [{} if text is None else {"VarCharValue": text} for text in row]}
                for row in rows[start : start + size]
            ],
            "ResultSetMetadata": {
                "ColumnInfo": [
                    {"CatalogName": "hive", "Name": name, "Label": name, "Type": kind}
                    for name, kind in zip(result.columns, result.types, strict=True)
                ]
            },
        },
    }
    if start + size < len(rows):
        page["NextToken"] = str(start + size)
    return page
