"""Erasing rows of PostgreSQL tables, on a real server."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from erasure_purge.stores.postgresql import PostgreSQLRows
from erasure_shared.data_map import PostgreSQLStore
from erasure_shared.errors import Rejected, RetryLater
from erasure_shared.locations import Identifier
from tests.synthetic import AWKWARD_IDS

pytestmark = pytest.mark.local_cloud
UUIDS = ("6f0d6a52-6f0e-5b7e-9d3e-6d9d3a1f3c11", "6f0d6a52-6f0e-5b7e-9d3e-6d9d3a1f3c12")
CANARY = "zanzibar-canary"


@pytest.fixture(autouse=True)
def schema(connection: psycopg.Connection) -> Iterator[None]:
    connection.execute('CREATE SCHEMA "Odd Schema"')
    yield
    connection.execute('DROP SCHEMA "Odd Schema" CASCADE')


def table(connection: psycopg.Connection, id_type: str, *ids: object) -> PostgreSQLStore:
    name = sql.Identifier("Odd Schema", "Some Table")
    connection.execute(
        sql.SQL('CREATE TABLE {} ("Profile Id" {}, note text)').format(
            name,
            sql.SQL(id_type),
        )
    )
    for one in ids:
        connection.execute(sql.SQL("INSERT INTO {} VALUES (%s)").format(name), [one])
    return store()


def store(name: str = "Some Table", column: str = "Profile Id") -> PostgreSQLStore:
    names = {"schema": "Odd Schema", "table": name, "id_column": column}
    return PostgreSQLStore.model_validate({"name": "bookings", "kind": "postgresql"} | names)


def erase(connection: psycopg.Connection, where: PostgreSQLStore, *ids: str) -> int:
    identifiers = [Identifier(SecretStr(one)) for one in ids]
    return PostgreSQLRows(lambda: connection).erase(where, identifiers)


def left(connection: psycopg.Connection) -> list[str | None]:
    rows = connection.execute('SELECT "Profile Id"::text FROM "Odd Schema"."Some Table"')
    return [text for (text,) in rows.fetchall()]


def test_all_rows_of_the_subjects_go_and_no_others(connection: psycopg.Connection) -> None:
    where = table(connection, "text", "ann", "ann", "bob", None, "annie", "ANN")

    deleted = erase(connection, where, "ann", "nobody")

    assert deleted == 2
    assert left(connection) == ["bob", None, "annie", "ANN"]
    assert erase(connection, where, "ann") == 0


def test_awkward_identifiers_go_and_nothing_else_happens(connection: psycopg.Connection) -> None:
    where = table(connection, "varchar(300)", *AWKWARD_IDS, "bob")

    deleted = erase(connection, where, *AWKWARD_IDS)

    assert deleted == len(AWKWARD_IDS)
    assert left(connection) == ["bob"]


@pytest.mark.parametrize(
    ("id_type", "rows", "ids", "kept"),
    [
        ("integer", (1, 12), ("12", "0001", "+1", "1.0", "x", "99999999999"), ["1"]),
        ("bigint", (1, 2**40), (str(2**40), str(2**70)), ["1"]),
        ("uuid", UUIDS, (UUIDS[0], "x", "{" + UUIDS[1] + "}"), [UUIDS[1]]),
        ("numeric(9,2)", ("1.50", "2.00"), ("1.5", "2.00", "NaN", "x"), ["1.50"]),
        ("char(5)", ("ann", "bob"), ("ann", "bobby"), ["bob  "]),
    ],
)
def test_identifiers_are_compared_as_the_column_writes_them(
    connection: psycopg.Connection,
    id_type: str,
    rows: tuple[object, ...],
    ids: tuple[str, ...],
    kept: list[str],
) -> None:
    where = table(connection, id_type, *rows)

    erase(connection, where, *ids)

    assert [str(text).strip() for text in left(connection)] == [text.strip() for text in kept]


def test_rows_that_others_refer_to_are_rejected_with_the_sqlstate(
    connection: psycopg.Connection,
) -> None:
    where = table(connection, "text PRIMARY KEY", CANARY)
    connection.execute(
        'CREATE TABLE "Odd Schema".child (id text REFERENCES "Odd Schema"."Some Table")'
    )
    connection.execute('INSERT INTO "Odd Schema".child VALUES (%s)', [CANARY])

    with pytest.raises(Rejected) as refusal:
        erase(connection, where, CANARY)

    assert refusal.value.reason_code == "SQLSTATE_23503"
    assert CANARY not in str(refusal.value)
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize("missing", [store(name="ghosts"), store(column="ghost")])
def test_a_table_or_column_that_does_not_exist_is_rejected(
    connection: psycopg.Connection, missing: PostgreSQLStore
) -> None:
    table(connection, "text")

    with pytest.raises(Rejected) as refusal:
        erase(connection, missing, "ann")

    assert refusal.value.reason_code == "TABLE_MISSING"


def test_a_lost_connection_is_for_later(purge_dsn: str) -> None:
    lost = psycopg.connect(purge_dsn, autocommit=True)
    with psycopg.connect(purge_dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [lost.info.backend_pid])

    with pytest.raises(RetryLater):
        erase(lost, store(), "ann")
