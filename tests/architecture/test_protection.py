"""Who may reach what, how long it stays, and whether it can be got back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.architecture.templates import (
    EVERYTHING,
    ROOT,
    SERVICES,
    STACKS,
    resources,
    template,
)
from tests.architecture.templates import statements as statements_of_roles

PLAIN_HTTP = {"Bool": {"aws:SecureTransport": "false"}}


def bus_statements(**given: str) -> list[dict[str, Any]]:
    (bus,) = resources("platform", "AWS::Events::EventBus", **given).values()
    statements: list[dict[str, Any]] = bus["Policy"]["Statement"]
    return statements


def test_the_bus_refuses_what_is_not_encrypted_on_its_way() -> None:
    denied = [each["Condition"] for each in bus_statements() if each["Effect"] == "Deny"]

    assert denied == [PLAIN_HTTP]


def test_nobody_outside_the_account_may_publish_unless_somebody_is_named() -> None:
    assert [each for each in bus_statements() if each["Effect"] == "Allow"] == []


def test_whoever_is_named_may_publish_requests_and_nothing_else() -> None:
    (allowed,) = [each for each in bus_statements(**EVERYTHING) if each["Effect"] == "Allow"]

    assert allowed["Principal"] == {"AWS": {"Ref": "PublisherPrincipals"}}
    assert allowed["Action"] == "events:PutEvents"
    assert allowed["Condition"] == {"StringEquals": {"events:detail-type": "ErasureRequested"}}


POLICIES = {
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::Events::EventBus": "Policy",
}


def resource_policies(stack: str) -> dict[str, list[dict[str, Any]]]:
    """The statements of every policy of a queue, bucket, topic, key or bus, by its logical id."""
    return {
        name: properties[document]["Statement"]
        for kind, document in POLICIES.items()
        for name, properties in resources(stack, kind, **EVERYTHING).items()
    }


def texts(node: Any) -> list[str]:
    if isinstance(node, dict):
        return [text for each in node.values() for text in texts(each)]
    return [text for each in node for text in texts(each)] if isinstance(node, list) else [node]


@pytest.mark.parametrize("stack", STACKS)
def test_resource_policies_let_nobody_in_whom_they_do_not_name(stack: str) -> None:
    open_to_all = [
        f"{name}: {statement['Sid']}"
        for name, statements in resource_policies(stack).items()
        for statement in statements
        if statement["Effect"] == "Allow" and "*" in texts(statement["Principal"])
    ]

    assert open_to_all == []


@pytest.mark.parametrize("stack", STACKS)
def test_every_resource_policy_refuses_what_is_not_encrypted_on_its_way(stack: str) -> None:
    refusing = {
        name
        for name, statements in resource_policies(stack).items()
        for statement in statements
        if (statement["Effect"], statement["Principal"]) == ("Deny", "*")
        and statement["Condition"] == PLAIN_HTTP
    }

    assert refusing == set(resource_policies(stack))


@pytest.mark.parametrize("stack", STACKS)
def test_a_service_of_aws_is_let_in_for_this_account_or_one_resource_of_ours(stack: str) -> None:
    let_in = [
        (name, statement)
        for name, statements in resource_policies(stack).items()
        for statement in statements
        if statement["Effect"] == "Allow" and "Service" in statement["Principal"]
    ]

    for name, statement in let_in:
        asked_for = str(statement["Condition"])
        assert "AWS::AccountId" in asked_for or "aws:SourceArn" in asked_for, name
    for permission in resources(stack, "AWS::Lambda::Permission").values():
        assert permission["SourceArn"]


@pytest.mark.parametrize("stack", STACKS)
def test_a_role_is_taken_on_by_one_service_of_aws(stack: str) -> None:
    for role in resources(stack, "AWS::IAM::Role", **EVERYTHING).values():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        (service,) = texts(statement["Principal"])
        assert service in ("lambda.amazonaws.com", "firehose.amazonaws.com")
        assert "ManagedPolicyArns" not in role


@pytest.mark.parametrize("stack", STACKS)
def test_what_a_role_may_do_to_anything_has_a_comment_that_says_why(stack: str) -> None:
    lines = (ROOT / "infra" / f"{stack}.yaml").read_text(encoding="utf-8").splitlines()
    roles = "\n".join(lines).find("AWS::IAM::Role")
    first_line = "\n".join(lines)[: max(roles, 0)].count("\n")
    to_anything = [
        number
        for number, line in enumerate(lines)
        if roles >= 0 and number > first_line and line.strip() == "Resource: '*'"
    ]

    assert [lines[number] for number in to_anything if not explained(lines, number)] == []
    assert len(to_anything) == sum(
        statement["Resource"] == "*" for statement in statements_of_roles(stack)
    )


def explained(lines: list[str], number: int) -> bool:
    """Whether a comment stands above the statement that the line belongs to."""
    while not lines[number].strip().startswith("- Sid:"):
        number -= 1
    while lines[number].strip().startswith(("- Sid:", "- Has", "- !If")):
        number -= 1
    return lines[number].strip().startswith("#")


def test_services_use_the_key_for_this_account_only() -> None:
    (key,) = resources("platform", "AWS::KMS::Key").values()
    to_services = [each for each in key["KeyPolicy"]["Statement"] if "Service" in each["Principal"]]

    assert key["EnableKeyRotation"] is True
    assert len(to_services) == 3
    assert all("AWS::AccountId" in str(each["Condition"]) for each in to_services)


def test_the_topic_is_for_alarms_of_this_account() -> None:
    (policy,) = resources("platform", "AWS::SNS::TopicPolicy").values()
    (allowed,) = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]

    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    }


def test_records_expire_and_cannot_be_lost_by_accident() -> None:
    tables = resources("platform", "AWS::DynamoDB::Table")
    kept = {"GdprTable", "ErrorTable"}

    for name, table in tables.items():
        recovery = table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
        assert recovery is (name in kept)
    assert all(
        tables[name]["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"} for name in kept
    )
    assert template("platform")["Parameters"]["DeletionProtection"]["Default"] == "true"


@pytest.mark.parametrize("bucket", ["LakeBucket", "AthenaBucket"])
def test_unfinished_uploads_go_after_a_day(bucket: str) -> None:
    rules = resources("platform", "AWS::S3::Bucket")[bucket]["LifecycleConfiguration"]["Rules"]

    assert {"DaysAfterInitiation": 1} in [
        rule.get("AbortIncompleteMultipartUpload") for rule in rules
    ]


def test_what_queries_leave_behind_and_what_was_refused_goes_by_itself() -> None:
    buckets = resources("platform", "AWS::S3::Bucket")
    lake = {rule["Id"]: rule for rule in buckets["LakeBucket"]["LifecycleConfiguration"]["Rules"]}
    (results,) = buckets["AthenaBucket"]["LifecycleConfiguration"]["Rules"]

    assert results["ExpirationInDays"] == {"Ref": "AthenaResultDays"}
    assert lake["RejectedRecords"]["Prefix"] == "errors/"
    assert lake["RejectedRecords"]["ExpirationInDays"] == {"Ref": "RejectedRecordDays"}


def test_with_aws_keys_nothing_names_a_key_of_ours() -> None:
    for stack in STACKS:
        text = str(
            [
                resources(stack, kind, Encryption="aws")
                for kind in (
                    "AWS::DynamoDB::Table",
                    "AWS::IAM::Role",
                    "AWS::Kinesis::Stream",
                    "AWS::KinesisFirehose::DeliveryStream",
                    "AWS::Logs::LogGroup",
                    "AWS::S3::Bucket",
                    "AWS::SecretsManager::Secret",
                    "AWS::SNS::Topic",
                    "AWS::SQS::Queue",
                )
            ]
        )
        assert "KeyArn'" not in text
        assert "['Key', 'Arn']" not in text


@pytest.mark.parametrize("service", SERVICES)
def test_every_function_has_a_role_of_its_own(service: str) -> None:
    functions = resources(service, "AWS::Serverless::Function").values()
    roles = [function["Role"]["Fn::GetAtt"][0] for function in functions]

    assert len(set(roles)) == len(roles)
