"""How PostgreSQL is reached: a password in a secret, or IAM and no password anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities import parameters
from psycopg.conninfo import conninfo_to_dict

from erasure_shared.errors import Rejected, RetryLater
from erasure_shared.postgresql import IamLogin, connection
from tests.aws import moto_account

PROXY = {"host": "proxy.example", "dbname": "crm", "user": "erasure", "iam": True}


class FakeRds:
    """Signs what it is asked for."""

    def generate_db_auth_token(self, **asked: Any) -> str:
        return f"token for {asked['DBUsername']} at {asked['DBHostname']}:{asked['Port']}"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    parameters.clear_caches()  # type: ignore[no-untyped-call]
    with moto_account(monkeypatch):
        yield
    parameters.clear_caches()  # type: ignore[no-untyped-call]


def test_an_iam_login_has_a_token_for_password_and_checks_the_certificate() -> None:
    dsn = conninfo_to_dict(IamLogin.model_validate(PROXY).dsn(FakeRds()))

    assert dsn["password"] == "token for erasure at proxy.example:5432"
    assert dsn["sslmode"] == "verify-full"
    assert str(dsn["sslrootcert"]).endswith("botocore/cacert.pem")


def test_a_token_is_signed_offline_for_the_address_it_opens(account: None) -> None:
    dsn = conninfo_to_dict(IamLogin.model_validate(PROXY).dsn(boto3.client("rds")))

    token = str(dsn["password"])
    assert token.startswith("proxy.example:5432/?Action=connect&DBUser=erasure")


def test_a_name_that_begins_with_a_slash_is_a_parameter_not_a_secret(account: None) -> None:
    nobody_there = PROXY | {"host": "127.0.0.1", "port": 1}
    boto3.client("ssm").put_parameter(
        Name="/erasure/local/postgresql", Type="String", Value=json.dumps(nobody_there)
    )

    with pytest.raises(RetryLater):
        connection("/erasure/local/postgresql")


@pytest.mark.parametrize("text", ["x", "[]", "{}", '{"iam": true}', '{"iam": true, "host": ""}'])
def test_a_secret_that_says_nothing_usable_is_rejected_without_quoting_it(
    account: None, text: str
) -> None:
    arn = boto3.client("secretsmanager").create_secret(Name="pg", SecretString=text)["ARN"]

    with pytest.raises(Rejected) as rejected:
        connection(arn)

    assert "'dsn': 'postgresql://...'" in rejected.value.describe()
