"""Who may reach what, how long it stays, and whether it can be got back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.architecture.templates import EVERYTHING, SERVICES, STACKS, resources, template

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


@pytest.mark.parametrize("stack", STACKS)
def test_resource_policies_let_nobody_in_whom_they_do_not_name(stack: str) -> None:
    kinds = ("AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy")
    statements = [
        statement
        for kind in kinds
        for policy in resources(stack, kind).values()
        for statement in policy["PolicyDocument"]["Statement"]
    ]

    open_to_all = [
        each["Sid"] for each in statements if each["Effect"] == "Allow" and "*" in each["Principal"]
    ]

    assert open_to_all == []


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
