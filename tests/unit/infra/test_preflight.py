"""What is wrong with an account is said in one message before anything is created in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from erasure_shared.data_map import DataMapObject
from infra.artifacts import Artifacts
from infra.preflight import Preflight
from infra.stage_files import BadInput
from tests.aws import moto_account

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": "arn:aws:s3:::ours/*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::ours/*",
            "Condition": {"Null": {"s3:if-match": "true"}},
        },
    ],
}
LAKE = {
    "name": "lake",
    "kind": "s3",
    "database": "erasure_dev",
    "table": "profiles",
    "id_column": "profile_id",
}
LOYALTY = {"name": "loyalty", "kind": "dynamodb", "table": "loyalty", "id_attribute": "profile_id"}


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with moto_account(monkeypatch):
        yield


def check(**platform: str) -> list[str]:
    session = boto3.Session(region_name="eu-west-1")
    return list(Preflight(Artifacts(session, "dev"), session).check(platform))


def complaint(**platform: str) -> str:
    with pytest.raises(BadInput) as wrong:
        check(**platform)
    return str(wrong.value)


def data_map(*stores: dict[str, Any]) -> str:
    return json.dumps({"version": "1", "stores": stores})


def bucket(
    region: str = "eu-west-1", *, versioned: bool = True, policy: dict[str, Any] | None = POLICY
) -> str:
    s3 = boto3.client("s3", region_name=region)
    s3.create_bucket(
        Bucket="ours",
        CreateBucketConfiguration={"LocationConstraint": region},
    )
    if versioned:
        s3.put_bucket_versioning(Bucket="ours", VersioningConfiguration={"Status": "Enabled"})
    if policy:
        s3.put_bucket_policy(Bucket="ours", Policy=json.dumps(policy))
    return "ours"


def loyalty_table() -> None:
    boto3.client("dynamodb").create_table(
        TableName="loyalty",
        KeySchema=[{"AttributeName": "profile_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "profile_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def test_a_platform_that_brings_nothing_of_its_own_may_be_made() -> None:
    check()


def test_a_versioned_bucket_of_this_region_with_our_statements_may_be_used() -> None:
    check(ExistingLakeBucket=bucket())


def test_a_bucket_that_is_not_there_is_named() -> None:
    message = complaint(ExistingLakeBucket="theirs")

    assert message == "ExistingLakeBucket=theirs: there is no such thing in this account"


def test_a_bucket_in_another_region_is_refused() -> None:
    message = complaint(ExistingLakeBucket=bucket("eu-central-1"))

    assert message == "ExistingLakeBucket=ours: it is in eu-central-1, this deployment in eu-west-1"


def test_a_bucket_without_versioning_is_refused_with_the_command_that_helps() -> None:
    message = complaint(ExistingLakeBucket=bucket(versioned=False))

    assert "it has no versioning" in message
    assert "aws s3api put-bucket-versioning --bucket ours" in message


def test_a_bucket_whose_policy_lets_purge_write_blindly_is_refused() -> None:
    message = complaint(ExistingLakeBucket=bucket(policy=None))

    assert "unconditional writes of erasure-dev-purge" in message


def test_a_key_that_is_to_be_deleted_is_refused() -> None:
    kms = boto3.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    check(ExistingKeyArn=key)
    kms.schedule_key_deletion(KeyId=key.rpartition("/")[2])

    assert complaint(ExistingKeyArn=key) == f"ExistingKeyArn={key}: it is PendingDeletion"


def test_a_key_of_another_region_is_refused() -> None:
    key = boto3.client("kms", region_name="us-east-1").create_key()["KeyMetadata"]["Arn"]

    assert complaint(ExistingKeyArn=key).endswith("it is not in eu-west-1")


def test_a_glue_database_that_is_not_there_is_named() -> None:
    assert complaint(ExistingGlueDatabase="warehouse").startswith("ExistingGlueDatabase=warehouse:")


def test_the_lakes_table_need_not_be_there_before_ingestion_makes_it() -> None:
    check(DataMap=data_map(LAKE))


def test_a_column_that_the_lakes_table_does_not_have_is_named() -> None:
    message = complaint(DataMap=data_map(LAKE | {"id_column": "profileid"}))

    assert message == "data map, store lake: table profiles has no column profileid"


def test_a_lake_of_another_stage_is_refused() -> None:
    message = complaint(DataMap=data_map(LAKE | {"database": "erasure_prod"}))

    assert message == (
        "data map, store lake: database erasure_prod is not the stage's, which is erasure_dev"
    )


def test_a_glue_table_that_is_not_there_is_named() -> None:
    message = complaint(DataMap=data_map(LAKE | {"table": "clicks"}))

    assert message == "data map, store lake: no table clicks in erasure_dev"


def test_dynamodb_tables_of_the_data_map_are_looked_at() -> None:
    loyalty_table()

    check(DataMap=data_map(LOYALTY))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"table": "loyalti"}, "there is no such thing"),
        ({"id_attribute": "id"}, "id is not the hash key of the table, profile_id is"),
        ({"index": "by_mail"}, "has no index by_mail"),
    ],
)
def test_what_is_wrong_with_a_dynamodb_table_is_said(changes: dict[str, str], message: str) -> None:
    loyalty_table()

    assert message in complaint(DataMap=data_map(LOYALTY | changes))


def stored_in_s3(text: str) -> DataMapObject:
    artifacts = Artifacts(boto3.Session(region_name="eu-west-1"), "dev")
    stored = DataMapObject.of(artifacts.bucket, text)
    artifacts.s3.create_bucket(
        Bucket=stored.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    artifacts.s3.put_object(Bucket=stored.bucket, Key=stored.key, Body=text.encode())
    return stored


def test_a_data_map_in_s3_is_looked_at_as_well() -> None:
    loyalty_table()
    text = data_map(LOYALTY | {"id_attribute": "id"})
    stored = stored_in_s3(text)

    assert "id is not the hash key" in complaint(DataMap=stored.uri)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{", "DataMap: the data map is not JSON"),
        ("s3://b/c.json", "the address of the data map is not s3://BUCKET/data-map/SHA256.json"),
        (f"s3://other/data-map/{'0' * 64}.json", "it must be in erasure-dev-artifacts-"),
    ],
)
def test_a_data_map_that_cannot_be_read_is_refused(value: str, message: str) -> None:
    assert message in complaint(DataMap=value)


def test_a_data_map_that_is_not_in_s3_is_named() -> None:
    stored = stored_in_s3(data_map(LAKE))
    boto3.client("s3").delete_object(Bucket=stored.bucket, Key=stored.key)

    message = complaint(DataMap=stored.uri)

    assert message == f"DataMap={stored.uri}: there is no such thing in this account"


def test_postgresql_that_cannot_be_reached_from_here_is_said_and_no_hindrance() -> None:
    store = {"name": "crm", "kind": "postgresql", "table": "people", "id_column": "id"}

    said = check(DataMap=data_map(store), PostgresqlDsn="postgresql://127.0.0.1:1/none")

    assert said == [
        "PostgreSQL cannot be reached from here; make lint-data-map compares its tables"
    ]
