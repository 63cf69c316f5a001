"""The connection to PostgreSQL: one per environment, opened on first use, safe behind RDS Proxy.

`prepare_threshold=None` and autocommit keep the session free of state, on which RDS Proxy would
pin the connection (Amazon RDS User Guide, "Avoiding pinning an RDS Proxy").
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any, Literal

import boto3
import botocore
import psycopg
from aws_lambda_powertools.utilities import parameters
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from erasure_shared.errors import Rejected, RetryLater

_CONNECT_TIMEOUT_S = 10
_VERIFIED = "verify-full"
_CERTIFICATES = str(Path(botocore.__file__).with_name("cacert.pem"))
"""Amazon Trust Services' roots, which sign RDS Proxy's certificates, are among botocore's."""


Certificates = Annotated[str, Field(pattern="-----BEGIN CERTIFICATE-----")] | None
"""PEM text of the roots to be trusted, for servers that show a certificate of their own authority:
an Aurora cluster without RDS Proxy shows one of Amazon RDS's."""


class PasswordLogin(BaseModel):
    """A connection string with a password."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    dsn: Annotated[str, Field(min_length=1)]
    root_certificates: Certificates = None

    def checked(self) -> str:
        """The connection string, by which nobody on the way reads or answers.

        Raises:
            Rejected: it asks for less than that, on the way to another machine.
        """
        try:
            given = conninfo_to_dict(self.dsn)
        except psycopg.Error:
            raise ValueError("not a connection string") from None  # the message quotes it
        if all(map(_is_this_machine, _hosts(given))):
            return self.dsn
        if given.get("sslmode", _VERIFIED) != _VERIFIED:
            raise Rejected(
                "the PostgreSQL secret's dsn must say sslmode=verify-full, or nothing about it: "
                "less does not prove whose server it is",
                reason_code="INSECURE_SSLMODE",
            )
        roots = given.get("sslrootcert") or _roots(self.root_certificates)
        return make_conninfo(self.dsn, sslmode=_VERIFIED, sslrootcert=roots)


class IamLogin(BaseModel):
    """Who connects where, without a password: RDS asks IAM."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: Annotated[str, Field(min_length=1)]
    port: int = 5432
    dbname: Annotated[str, Field(min_length=1)]
    user: Annotated[str, Field(min_length=1)]
    iam: Literal[True]
    sslrootcert: str | None = None
    root_certificates: Certificates = None

    def dsn(self, rds: Any) -> str:
        """A connection string with a token that opens a connection within the next 15 minutes."""
        token = rds.generate_db_auth_token(
            DBHostname=self.host, Port=self.port, DBUsername=self.user
        )
        return make_conninfo(
            host=self.host,
            port=self.port,
            dbname=self.dbname,
            user=self.user,
            password=token,
            sslmode=_VERIFIED,
            sslrootcert=self.sslrootcert or _roots(self.root_certificates),
        )


class _Current:
    """The connection of this environment and what it was opened for."""

    connection: psycopg.Connection | None = None
    opened_for: str | None = None


def connection(source: str) -> psycopg.Connection:
    """A live connection to the database that `source` describes.

    `source` is the ARN of a secret, or the name of an SSM parameter (it begins with a slash). Its
    text is `{"dsn": "postgresql://…"}`, or `{"host": …, "dbname": …, "user": …, "iam": true}`; both
    may add `root_certificates`. Another machine's certificate is always verified.

    Raises:
        RetryLater: the database does not answer.
        Rejected: the text is none of the two, or asks for less than a verified certificate.
    """
    text = _text(source)
    current = _Current.connection
    if current is not None and _Current.opened_for == text and not _is_lost(current):
        return current
    try:
        _Current.connection = _open(_dsn(text))
        _Current.opened_for = text
    except psycopg.OperationalError as error:
        raise RetryLater("PostgreSQL does not answer", reason_code="POSTGRESQL_DOWN") from error
    return _Current.connection


_PASSING = ("08", "25006", "40", "53", "55", "57")
"""SQLSTATEs, and their classes, that pass by themselves (PostgreSQL, appendix A): lost connections,
a server that is no longer the primary, rolled back transactions, lack of resources, locks,
operators and cancelled statements."""

_LOST = ("08", "25006", "57P")
"""Those after which the connection leads nowhere, or to a server that takes no writes any more."""


@contextmanager
def leaving_what_is_lost(connection: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """Use the connection; it is closed where an error says that another one is needed.

    After a failover the old connection stays open and leads to a read-only server for good.
    """
    try:
        yield connection
    except psycopg.Error as error:
        if is_passing(error) and (not error.sqlstate or error.sqlstate.startswith(_LOST)):
            connection.close()
        raise


def is_passing(error: psycopg.Error) -> bool:
    """Whether the same statement can succeed later."""
    if error.sqlstate:
        return error.sqlstate.startswith(_PASSING)
    return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))


def _is_lost(connection: psycopg.Connection) -> bool:
    return connection.closed or connection.broken


def _open(dsn: str) -> psycopg.Connection:
    return psycopg.connect(
        dsn, autocommit=True, prepare_threshold=None, connect_timeout=_CONNECT_TIMEOUT_S
    )


def _text(source: str) -> str:
    fetch = parameters.get_parameter if source.startswith("/") else parameters.get_secret
    return str(fetch(source, max_age=300))


def _dsn(text: str) -> str:
    try:
        document = json.loads(text)
        if document.get("iam"):
            return IamLogin.model_validate(document).dsn(_rds())
        return PasswordLogin.model_validate(document).checked()
    except (ValidationError, ValueError, KeyError, TypeError, AttributeError):
        raise Rejected(
            "the PostgreSQL secret must be the JSON object {'dsn': 'postgresql://...'} or "
            "{'host': ..., 'dbname': ..., 'user': ..., 'iam': true}; "
            "'root_certificates': '-----BEGIN CERTIFICATE-----...' may be added",
            reason_code="INVALID_SECRET",
        ) from None


def _hosts(given: Mapping[str, Any]) -> list[str]:
    """Every address that may be tried; an empty one is a socket of this machine."""
    names = given.get("hostaddr") or given.get("host") or ""
    return str(names).split(",")


def _is_this_machine(host: str) -> bool:
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@cache
def _roots(certificates: str | None) -> str:
    """The name of a file with the roots; it lives as long as the process."""
    if certificates is None:
        return _CERTIFICATES
    with NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
        file.write(certificates)
    return file.name


@cache
def _rds() -> Any:
    """Signs tokens; it sends nothing."""
    return boto3.client("rds")


Connect = Callable[[], psycopg.Connection]
