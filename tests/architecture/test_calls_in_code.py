"""What the code calls was recorded and is allowed: a new call is seen without any run."""

from __future__ import annotations

import ast
from collections import defaultdict

import pytest

from tests.architecture.calls_in_code import (
    Call,
    calls_in,
    calls_of,
    entry_points,
    modules,
    reached_from,
)
from tests.architecture.function_calls import committed_calls, recorded_calls
from tests.architecture.permissions import ROLES, action_of, granted

NOT_RECORDED = {
    ("athena", "StopQueryExecution"): "no query of the end-to-end tests outlasts its function",
    ("s3", "GetObjectTagging"): "no object of the end-to-end tests has tags",
    ("s3", "AbortMultipartUpload"): "no upload of the end-to-end tests fails",
}
"""By a run, though the code calls it; unit and contract tests do."""

NOT_BY_A_FUNCTION = {
    ("erasure_adjudication.adapters", "sqs", "SendMessage"): "whoever decides sends, by hand",
    ("erasure_adjudication.adapters", "sqs", "GetQueueUrl"): "whoever decides sends, by hand",
    ("erasure_shared.mutex.store", "dynamodb", "Scan"): "for users of the mutex; no service lists",
}
"""In modules that functions import, but in what they do not call: the command line does."""

CALLERS: dict[Call, set[str]] = defaultdict(set)
"""The functions that may make each call."""
for _function, _entry in entry_points().items():
    for _call in calls_in(reached_from(_entry)):
        if (_call.module, _call.service, _call.operation) not in NOT_BY_A_FUNCTION:
            CALLERS[_call].add(_function)


def test_roles_and_functions_are_the_same_ones() -> None:
    assert set(entry_points()) == set(ROLES)


def test_every_call_in_the_code_was_recorded_or_is_explained() -> None:
    recorded = {(each["function"], each["service"], each["operation"]) for each in recorded_calls()}

    unrecorded = {
        f"{call.module}:{call.line} {call.service}:{call.operation}"
        for call, functions in CALLERS.items()
        if not any((name, call.service, call.operation) in recorded for name in functions)
        and (call.service, call.operation) not in NOT_RECORDED
    }

    assert sorted(unrecorded) == [], "run tests/end_to_end, then tests.architecture.function_calls"


def test_every_call_in_the_code_is_allowed_to_a_function_that_makes_it() -> None:
    refused = {
        f"{call.module}:{call.line} {call.service}:{call.operation}"
        for call, functions in CALLERS.items()
        if not any(is_granted(call, function) for function in functions)
    }

    assert sorted(refused) == []


def is_granted(call: Call, function: str) -> bool:
    if call.operation == "TransactWriteItems":  # as the actions inside it, which are recorded
        return True
    return any(
        permission.action == action_of(call.service, call.operation)
        for permission in granted(function)
    )


def test_what_was_recorded_is_called_by_the_code_as_it_is() -> None:
    in_code = {
        (function, call.service, call.operation)
        for call, functions in CALLERS.items()
        for function in functions
    }

    gone = {
        (each["function"], each["service"], each["operation"]) for each in recorded_calls()
    } - in_code

    assert sorted(gone) == [], "record anew: the code has changed"


def test_an_explanation_is_needed() -> None:
    called = {(call.service, call.operation) for call in CALLERS}
    recorded = {(each["service"], each["operation"]) for each in committed_calls()}
    anywhere = {(call.module, call.service, call.operation) for call in calls_in(modules())}

    assert set(NOT_RECORDED) <= called - recorded
    assert set(NOT_BY_A_FUNCTION) <= anywhere


def test_ingestion_calls_nothing_of_aws() -> None:
    """Firehose calls it, and takes its answer; it reads its table's columns from its own zip."""
    (entry,) = (name for name in entry_points().values() if name.startswith("erasure_ingestion"))

    assert len(reached_from(entry)) > 5
    assert calls_in(reached_from(entry)) == []


@pytest.mark.parametrize(
    ("line", "service", "operation"),
    [
        ("self._s3.copy_object(Bucket=bucket, Key=key)", "s3", "CopyObject"),
        ("client.put_object(**place)", "s3", "PutObject"),
        ("client.get_paginator('list_tables')", "dynamodb", "ListTables"),
        ("s3.upload_fileobj(file, bucket, key)", "s3", "PutObject"),
        ("parameters.get_secret('name')", "secretsmanager", "GetSecretValue"),
        ("LocationItem.by_address.query(address)", "dynamodb", "Query"),
        ("item.save(condition)", "dynamodb", "PutItem"),
        ("TransactWrite(connection=connection)", "dynamodb", "TransactWriteItems"),
    ],
)
def test_a_call_is_seen_in_the_code(line: str, service: str, operation: str) -> None:
    tree = ast.parse(f"from pynamodb.models import Model\n{line}")

    assert set(calls_of(tree)) == {(2, service, operation)}


@pytest.mark.parametrize(
    "line", ["subject.get_secret_value()", "known.update(names)", "store.get_table(name='x')"]
)
def test_what_only_looks_like_a_call_is_not_taken_for_one(line: str) -> None:
    assert list(calls_of(ast.parse(line))) == []
