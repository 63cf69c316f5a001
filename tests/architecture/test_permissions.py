"""Every call that the functions make is allowed, and what is allowed is called, or explained."""

from __future__ import annotations

import pytest

from tests.architecture.function_calls import Call, committed_calls, recorded_calls
from tests.architecture.permissions import ROLES, allows, granted, needed

_BY_LAMBDA = "Lambda itself does this in the role's name"
_BY_ATHENA = "Athena does this in the caller's name"
_LARGE_MAP = "a data map above 4,096 bytes is an object; that of the stage `local` is small"
_WITHOUT_VERSIONS = "in a bucket of one's own without versions"

NOT_CALLED = {
    "logs:CreateLogStream": _BY_LAMBDA,
    "logs:PutLogEvents": _BY_LAMBDA,
    "xray:PutTelemetryRecords": _BY_LAMBDA,
    "xray:PutTraceSegments": _BY_LAMBDA,
    "sqs:ChangeMessageVisibility": _BY_LAMBDA,
    "sqs:DeleteMessage": _BY_LAMBDA,
    "sqs:GetQueueAttributes": _BY_LAMBDA,
    "sqs:GetQueueUrl": _BY_LAMBDA,
    "sqs:ReceiveMessage": _BY_LAMBDA,
    "kms:Decrypt": "the services behind kms:ViaService do this in the role's name",
    "kms:DescribeKey": "the services behind kms:ViaService do this in the role's name",
    "kms:GenerateDataKey": "the services behind kms:ViaService do this in the role's name",
}
"""By any function, and why it is allowed nevertheless."""

NOT_CALLED_BY = {
    "erasure-local-location": {
        "Queries: athena:StopQueryExecution": "a query is stopped when the time is up",
        "RequestsAndLocations: dynamodb:DeleteItem": (
            "identifiers go when the request they came with is refused"
        ),
        "Tables: glue:BatchGetPartition": _BY_ATHENA,
        "Tables: glue:GetDatabase": _BY_ATHENA,
        "Tables: glue:GetPartition": _BY_ATHENA,
        "Tables: glue:GetPartitions": _BY_ATHENA,
        "Buckets: s3:GetBucketLocation": _BY_ATHENA,
        "Buckets: s3:ListBucket": _BY_ATHENA,
        "ResultsAndWantedIds: s3:AbortMultipartUpload": _BY_ATHENA,
        "ResultsAndWantedIds: s3:GetObject": _BY_ATHENA,
        "ResultsAndWantedIds: s3:ListMultipartUploadParts": _BY_ATHENA,
        "SubjectLists: s3:GetObject": "a large request names a list of its people",
        "LargeDataMap: s3:GetObject": _LARGE_MAP,
    },
    "erasure-local-purge": {
        "RequestsAndLocations: dynamodb:DeleteItem": (
            "an identifier's parts go when the request closes with fewer of them"
        ),
        "Lake: s3:AbortMultipartUpload": "an upload that failed leaves no parts behind",
        "Lake: s3:GetObjectAcl": _WITHOUT_VERSIONS,
        "Lake: s3:PutObjectAcl": "grants to others than its owner are kept when an object has any",
        "Lake: s3:GetObjectLegalHold": "HEAD says only then that an object is locked",
        "Lake: s3:GetObjectRetention": "HEAD says only then that an object is locked",
        "Lake: s3:GetObjectTagging": "the tags of an object are kept when it has any",
        "Lake: s3:GetObjectVersionTagging": "the tags of an object are kept when it has any",
        "Lake: s3:PutObjectTagging": "the tags of an object are kept when it has any",
        "LargeDataMap: s3:GetObject": _LARGE_MAP,
        "LakeBucket: s3:ListBucket": "without it an object that is gone answers “forbidden”",
    },
    "erasure-local-adjudication": {
        "RequestsAndParkedMessages: dynamodb:DeleteItem": (
            "a parked message goes once it was decided about"
        ),
    },
}

REFUSED_AS_INTENDED = {
    "erasure-local-location calls s3:GetObject on arn:aws:s3:::no-such-bucket-anywhere/x": (
        "a request names a list in a bucket that nobody let the service read"
    ),
}


def problems(calls: list[Call], function: str) -> list[str]:
    """Calls that the role does not allow."""
    allowed = granted(function)
    return sorted(
        {
            f"{function} calls {need.action} on {need.resource}"
            for call in calls
            if call["function"] == function
            for need in needed(call)
            if not any(allows(permission, need) for permission in allowed)
        }
    )


def unused(calls: list[Call], function: str) -> set[str]:
    """Actions, by statement, that no call needed on any of the statement's resources."""
    wanted = [n for call in calls if call["function"] == function for n in needed(call)]
    permissions = granted(function)
    used = {p.statement for p in permissions if any(allows(p, need) for need in wanted)}
    return {permission.statement for permission in permissions} - used


each_function = pytest.mark.parametrize("function", ROLES)


@each_function
def test_the_role_allows_every_call_that_was_recorded(function: str) -> None:
    found = problems(recorded_calls(), function)

    assert [problem for problem in found if problem not in REFUSED_AS_INTENDED] == []


@each_function
def test_what_a_role_allows_was_called_or_is_explained(function: str) -> None:
    explained = set(NOT_CALLED_BY.get(function, {}))

    unexplained = {
        statement
        for statement in unused(recorded_calls(), function) - explained
        if statement.partition(" ")[2] not in NOT_CALLED
    }

    assert sorted(unexplained) == []


@each_function
def test_an_explanation_explains_a_permission_that_was_not_called(function: str) -> None:
    assert set(NOT_CALLED_BY.get(function, {})) <= unused(committed_calls(), function)


def test_the_recording_is_of_every_function_that_calls_aws() -> None:
    functions = {call["function"] for call in recorded_calls()}

    assert functions >= set(ROLES) - {"erasure-local-ingestion-transform", "erasure-local-watch"}


def test_a_call_that_no_role_allows_is_seen() -> None:
    planted = {
        "function": "erasure-local-purge",
        "service": "s3",
        "operation": "DeleteBucket",
        "Bucket": "erasure-local-lake-123456789012",
    }

    assert problems([planted], "erasure-local-purge") == [
        "erasure-local-purge calls s3:DeleteBucket on arn:aws:s3:::erasure-local-lake-123456789012"
    ]


def test_an_allowed_action_on_another_resource_is_seen() -> None:
    planted = {
        "function": "erasure-local-location",
        "service": "dynamodb",
        "operation": "PutItem",
        "TableName": "loyalty_accounts",
    }

    assert len(problems([planted], "erasure-local-location")) == 1
