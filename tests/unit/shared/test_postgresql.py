"""How PostgreSQL is reached: a password in a secret, or IAM and no password anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from aws_lambda_powertools.utilities import parameters
from psycopg.conninfo import conninfo_to_dict

from erasure_shared.errors import Rejected, RetryLater
from erasure_shared.postgresql import (
    IamLogin,
    PasswordLogin,
    connection,
    is_passing,
    leaving_what_is_lost,
)
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


ROOTS = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("host", ["db.example", "10.0.0.7", "127.0.0.1,db.example"])
def test_the_certificate_of_another_machine_is_verified_without_being_asked_to(host: str) -> None:
    login = PasswordLogin(dsn=f"postgresql://erasure:secret@{host}/crm")

    dsn = conninfo_to_dict(login.checked())

    assert (dsn["sslmode"], dsn["password"]) == ("verify-full", "secret")
    assert str(dsn["sslrootcert"]).endswith("botocore/cacert.pem")


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca"])
def test_less_than_a_verified_certificate_is_refused_by_name(mode: str) -> None:
    login = PasswordLogin(dsn=f"postgresql://erasure:secret@db.example/crm?sslmode={mode}")

    with pytest.raises(Rejected) as refusal:
        login.checked()

    assert refusal.value.reason_code == "INSECURE_SSLMODE"
    assert "secret@" not in refusal.value.describe()


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://erasure@127.0.0.1:5432/crm",
        "postgresql://erasure@[::1]/crm",
        "host=localhost dbname=crm",
        "host=/run/postgresql dbname=crm",
        "dbname=crm",
    ],
)
def test_this_machine_needs_no_certificate(dsn: str) -> None:
    assert PasswordLogin(dsn=dsn).checked() == dsn


def test_roots_of_one_s_own_are_trusted_instead_of_the_public_ones() -> None:
    mine = PasswordLogin(dsn="postgresql://db.example/crm", root_certificates=ROOTS)
    by_iam = IamLogin.model_validate(PROXY | {"root_certificates": ROOTS})
    in_a_file = PasswordLogin(dsn="postgresql://db.example/crm?sslrootcert=/roots.pem")

    for dsn in (mine.checked(), by_iam.dsn(FakeRds())):
        assert Path(str(conninfo_to_dict(dsn)["sslrootcert"])).read_text() == ROOTS
    assert conninfo_to_dict(in_a_file.checked())["sslrootcert"] == "/roots.pem"


class FakeConnection:
    """Open until somebody closes it."""

    closed = False

    def close(self) -> None:
        self.closed = True


def an_error(sqlstate: str) -> psycopg.Error:
    return psycopg.errors.lookup(sqlstate)("a row of somebody")


def closed_after(error: Exception) -> bool:
    fake: Any = FakeConnection()
    with pytest.raises(type(error)), leaving_what_is_lost(fake):
        raise error
    return bool(fake.closed)


@pytest.mark.parametrize(
    "sqlstate", ["25006", "57P01", "57P02", "57P03", "08000", "08003", "08006", "08P01"]
)
def test_after_a_failover_another_connection_is_opened_and_the_message_comes_again(
    sqlstate: str,
) -> None:
    error = an_error(sqlstate)

    assert is_passing(error)
    assert closed_after(error)


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "53300", "55P03", "57014"])
def test_what_passes_by_itself_leaves_the_connection_open(sqlstate: str) -> None:
    error = an_error(sqlstate)

    assert is_passing(error)
    assert not closed_after(error)


@pytest.mark.parametrize("sqlstate", ["23503", "25001", "42501", "42P01", "22P02"])
def test_what_never_passes_is_for_a_person_and_leaves_the_connection_open(sqlstate: str) -> None:
    error = an_error(sqlstate)

    assert not is_passing(error)
    assert not closed_after(error)


def test_an_error_of_the_network_has_no_sqlstate_and_passes() -> None:
    error = psycopg.OperationalError("server closed the connection unexpectedly")

    assert is_passing(error)
    assert closed_after(error)


def test_an_error_of_ours_has_no_sqlstate_and_never_passes() -> None:
    error = psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")

    assert not is_passing(error)
    assert not closed_after(error)
