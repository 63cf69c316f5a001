"""The connection to PostgreSQL: one per environment, opened on first use, safe behind RDS Proxy.

`prepare_threshold=None` and autocommit keep the session free of state, on which RDS Proxy would
pin the connection (Amazon RDS User Guide, "Avoiding pinning an RDS Proxy").
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import boto3
import botocore
import psycopg
from aws_lambda_powertools.utilities import parameters
from psycopg.conninfo import make_conninfo
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from erasure_shared.errors import Rejected, RetryLater

_CONNECT_TIMEOUT_S = 10
_CERTIFICATES = str(Path(botocore.__file__).with_name("cacert.pem"))
"""Amazon Trust Services' roots, which sign RDS Proxy's certificates, are among botocore's."""


class IamLogin(BaseModel):
    """Who connects where, without a password: RDS asks IAM."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: Annotated[str, Field(min_length=1)]
    port: int = 5432
    dbname: Annotated[str, Field(min_length=1)]
    user: Annotated[str, Field(min_length=1)]
    iam: Literal[True]
    sslrootcert: str = _CERTIFICATES

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
            sslmode="verify-full",
            sslrootcert=self.sslrootcert,
        )


class _Current:
    """The connection of this environment and what it was opened for."""

    connection: psycopg.Connection | None = None
    opened_for: str | None = None


def connection(source: str) -> psycopg.Connection:
    """A live connection to the database that `source` describes.

    `source` is the ARN of a secret, or the name of an SSM parameter (it begins with a slash). Its
    text is `{"dsn": "postgresql://…"}`, or `{"host": …, "dbname": …, "user": …, "iam": true}`.

    Raises:
        RetryLater: the database does not answer.
        Rejected: the text is none of the two.
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
        return str(document["dsn"])
    except (ValidationError, ValueError, KeyError, TypeError, AttributeError):
        raise Rejected(
            "the PostgreSQL secret must be the JSON object {'dsn': 'postgresql://...'} or "
            "{'host': ..., 'dbname': ..., 'user': ..., 'iam': true}",
            reason_code="INVALID_SECRET",
        ) from None


@cache
def _rds() -> Any:
    """Signs tokens; it sends nothing."""
    return boto3.client("rds")


Connect = Callable[[], psycopg.Connection]
