"""The connection to PostgreSQL: one per environment, opened on first use, safe behind RDS Proxy.

`prepare_threshold=None` and autocommit keep the session free of state, on which RDS Proxy would
pin the connection (Amazon RDS User Guide, "Avoiding pinning an RDS Proxy").
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache

import psycopg
from aws_lambda_powertools.utilities import parameters

from erasure_shared.errors import Rejected, RetryLater

_CONNECT_TIMEOUT_S = 10


@cache
def _open(dsn: str) -> psycopg.Connection:
    return psycopg.connect(
        dsn, autocommit=True, prepare_threshold=None, connect_timeout=_CONNECT_TIMEOUT_S
    )


def connection(secret_arn: str) -> psycopg.Connection:
    """A live connection to the database that the secret `{"dsn": "postgresql://…"}` names.

    Raises:
        RetryLater: the database does not answer.
        Rejected: the secret holds no DSN.
    """
    dsn = _dsn(secret_arn)
    try:
        current = _open(dsn)
        if current.closed or current.broken:
            _open.cache_clear()
            current = _open(dsn)
    except psycopg.OperationalError as error:
        raise RetryLater("PostgreSQL does not answer", reason_code="POSTGRESQL_DOWN") from error
    return current


def _dsn(secret_arn: str) -> str:
    secret = parameters.get_secret(secret_arn, max_age=300)
    try:
        return str(json.loads(secret)["dsn"])
    except (ValueError, KeyError, TypeError):
        raise Rejected(
            "the PostgreSQL secret must be the JSON object {'dsn': 'postgresql://...'}",
            reason_code="INVALID_SECRET",
        ) from None


Connect = Callable[[], psycopg.Connection]
