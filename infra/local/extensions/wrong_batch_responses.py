"""Event source mappings: a batch response that names no message of the batch is a failed batch.

Gap: MiniStack 1.5.33 takes it as success and deletes the messages, so that a handler which reports
its failures wrongly loses them unseen.

No longer needed when `tests/contract/local_cloud/test_functions.py` passes without `install()`.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import threading
from collections.abc import Mapping
from typing import Any

from ministack.services import lambda_svc

_batch = threading.local()


def install() -> None:
    """Look at the response before the messages are deleted."""
    run_batch, execute = lambda_svc._run_sqs_batch, lambda_svc._execute_function

    def run_sqs_batch(mapping: Mapping[str, Any], *arguments: Any) -> None:
        _batch.reports = "ReportBatchItemFailures" in mapping.get("FunctionResponseTypes", [])
        run_batch(mapping, *arguments)

    def execute_function(function: Mapping[str, Any], event: Any) -> dict[str, Any]:
        result: dict[str, Any] = execute(function, event)
        reports, _batch.reports = getattr(_batch, "reports", False), False
        if not reports or result.get("error") or _is_understood(result.get("body"), event):
            return result
        message = "The batch response names no message of the batch."
        wrong = {"errorType": "InvalidBatchResponse", "errorMessage": message}
        return {**result, "error": True, "body": wrong}

    lambda_svc._run_sqs_batch = run_sqs_batch
    lambda_svc._execute_function = execute_function


def _is_understood(body: Any, event: Mapping[str, Any]) -> bool:
    if body is None:
        return True
    if not isinstance(body, dict):
        return False
    known = {record["messageId"] for record in event["Records"]}
    failures = body.get("batchItemFailures") or []
    return all(failure.get("itemIdentifier") in known for failure in failures)
