"""A moto account with the tables that the platform template declares, for unit tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import boto3
import botocore.session
import pytest
from botocore.loaders import Loader
from moto import mock_aws

from erasure_shared.tables import bind_tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

GDPR_TABLE = "gdpr"
ERROR_TABLE = "errors"


@contextmanager
def moto_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account in eu-west-1 whose GDPR and error tables exist and are bound."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        boto3.setup_default_session(botocore_session=_session())
        create_tables(boto3.client("dynamodb"))
        bind_tables(gdpr_table=GDPR_TABLE, error_table=ERROR_TABLE)
        yield


def _session() -> botocore.session.Session:
    """A new session that does not read the descriptions of AWS's services once more.

    moto takes the session away with every account, and reading is most of the time of a test.
    """
    session = botocore.session.get_session()
    session.register_component("data_loader", _loader())
    return session


@cache
def _loader() -> Loader:
    loader: Loader = botocore.session.get_session().get_component("data_loader")
    return loader


def create_tables(dynamodb: DynamoDBClient) -> None:
    """The keys and indexes of infra/platform.yaml."""
    dynamodb.create_table(
        TableName=GDPR_TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"}
            for name in ("pk", "sk", "address_key", "request_id", "open_key", "due_at")
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_address",
                "KeySchema": [
                    {"AttributeName": "address_key", "KeyType": "HASH"},
                    {"AttributeName": "request_id", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            },
            {
                "IndexName": "open_requests",
                "KeySchema": [
                    {"AttributeName": "open_key", "KeyType": "HASH"},
                    {"AttributeName": "due_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
        ],
    )
    dynamodb.create_table(
        TableName=ERROR_TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"}
            for name in ("error_id", "status", "last_at")
        ],
        KeySchema=[{"AttributeName": "error_id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_status",
                "KeySchema": [
                    {"AttributeName": "status", "KeyType": "HASH"},
                    {"AttributeName": "last_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
