"""What a role allows under a condition, and what a service of AWS does in our name."""

from __future__ import annotations

import pytest

from tests.architecture.function_calls import recorded_calls
from tests.architecture.permissions import ROLES
from tests.architecture.policies import holds
from tests.architecture.templates import EVERYTHING, SERVICES, actions, resources

FIREHOSE_ASKS_FOR = {
    "Stream": {"DescribeStream", "GetRecords", "GetShardIterator", "ListShards"},
    "Transform": {"InvokeFunction", "GetFunctionConfiguration"},
    "Schema": {"GetTable", "GetTableVersion", "GetTableVersions"},
    "LakeBucket": {"GetBucketLocation", "ListBucket", "ListBucketMultipartUploads"},
    "Lake": {"AbortMultipartUpload", "GetObject", "PutObject"},
    "Logs": {"PutLogEvents"},
    "Key": {"Decrypt", "GenerateDataKey"},
}
"""Amazon Data Firehose Developer Guide, "Controlling access with Amazon Data Firehose": a stream as
source, a transform, conversion by a Glue table, a bucket with a key, error logs."""


def test_firehose_may_do_what_its_guide_asks_for_and_nothing_else() -> None:
    role = resources("ingestion", "AWS::IAM::Role", **EVERYTHING)["DeliveryRole"]
    (policy,) = role["Policies"]

    allowed = {
        statement["Sid"]: {action.partition(":")[2] for action in actions(statement)}
        for statement in policy["PolicyDocument"]["Statement"]
    }

    assert allowed == FIREHOSE_ASKS_FOR


def test_every_role_belongs_to_a_function_or_to_firehose() -> None:
    roles = {
        (service, name) for service in SERVICES for name in resources(service, "AWS::IAM::Role")
    }

    assert roles == {*ROLES.values(), ("ingestion", "DeliveryRole")}


@pytest.mark.parametrize("function", ["location", "purge", "adjudication"])
def test_a_function_published_in_the_name_that_its_role_allows(function: str) -> None:
    stack, name = ROLES[f"erasure-local-{function}"]
    (policy,) = resources(stack, "AWS::IAM::Role")[name]["Policies"]
    (statement,) = (
        each
        for each in policy["PolicyDocument"]["Statement"]
        if "events:PutEvents" in actions(each)
    )
    sources = {
        source
        for call in recorded_calls()
        if call["function"] == f"erasure-local-{function}"
        for source in call.get("sources", ())
    }

    assert sources
    for source in sources:
        assert holds(stack, statement["Condition"], {"events:source": source})
    assert not holds(stack, statement["Condition"], {"events:source": "erasure.somebody"})
