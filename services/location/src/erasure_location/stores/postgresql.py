"""Finds people's rows in a PostgreSQL table, through the index of its id column where it can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Timer

import psycopg
from psycopg import errors, sql
from pydantic import SecretStr

from erasure_location.core.deadline import Deadline
from erasure_location.core.typed_ids import (
    identifiers_found,
    postgresql_array_type,
    postgresql_values,
)
from erasure_location.use_case.planning import Extent
from erasure_shared.data_map import PostgreSQLStore
from erasure_shared.errors import Rejected, RetryLater
from erasure_shared.locations import Found, StoreKind
from erasure_shared.postgresql import Connect

_AT_A_TIME = 10_000
_REASONS: dict[type[Exception], str] = {
    errors.UndefinedTable: "the table does not exist",
    errors.UndefinedColumn: "the column does not exist",
    errors.InvalidSchemaName: "the schema does not exist",
    errors.InsufficientPrivilege: "access to the table is denied",
}
# The catalogue instead of information_schema, which hides what the role does not own or use.
# A domain is compared as the type it is made of.
_COLUMN_TYPE = """
SELECT coalesce(base.typname, declared.typname)
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type AS declared ON declared.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type AS base ON base.oid = nullif(declared.typbasetype, 0)
WHERE n.nspname = %s AND c.relname = %s AND a.attname = %s AND a.attnum > 0
  AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""


class PostgreSQLSearch:
    """Searches PostgreSQL tables."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def find(
        self, store: PostgreSQLStore, subjects: Sequence[SecretStr], deadline: Deadline
    ) -> tuple[Found, ...]:
        """Those subjects that have rows in the table, as one finding.

        Raises:
            Rejected: the table is not as the data map says.
            RetryLater: the database does not answer, or the time is up.
        """
        by_text = {subject.get_secret_value(): subject for subject in subjects}
        counts = self._counts(store, by_text, deadline)
        identifiers = identifiers_found(counts, by_text)
        if not identifiers:
            return ()
        return (Found(store.name, StoreKind.POSTGRESQL, store.address, identifiers),)

    def survey(
        self, store: PostgreSQLStore, subjects: Sequence[SecretStr], deadline: Deadline
    ) -> Extent:
        """How many rows the subjects have; they are deleted, so that no bytes are rewritten.

        Raises:
            Rejected, RetryLater: as `find` does.
        """
        by_text = {subject.get_secret_value(): subject for subject in subjects}
        counts = self._counts(store, by_text, deadline)
        rows = sum(count for text, count in counts.items() if text in by_text)
        return Extent(locations=1 if rows else 0, rows=rows)

    def _counts(
        self, store: PostgreSQLStore, subjects: Mapping[str, SecretStr], deadline: Deadline
    ) -> dict[str, int]:
        """The rows of each id, by the column's text."""
        with _translated(store):
            return dict(self._rows(self._connect(), store, subjects, deadline))

    def _rows(
        self,
        connection: psycopg.Connection,
        store: PostgreSQLStore,
        subjects: Mapping[str, SecretStr],
        deadline: Deadline,
    ) -> Iterator[tuple[str, int]]:
        column_type = _column_type(connection, store)
        query = _query(store, postgresql_array_type(column_type))
        values = postgresql_values(subjects.values(), column_type)
        for start in range(0, len(values), _AT_A_TIME):
            deadline.check()
            with _cancelled_after(deadline.left_s(), connection):
                yield from connection.execute(
                    query, [values[start : start + _AT_A_TIME]]
                ).fetchall()


def _column_type(connection: psycopg.Connection, store: PostgreSQLStore) -> str:
    names = (store.schema_name, store.table, store.id_column)
    row = connection.execute(_COLUMN_TYPE, names).fetchone()
    if row is None:
        raise Rejected(
            "the table or its id column does not exist",
            store=store.name,
            reason_code="POSTGRESQL_NO_COLUMN",
        )
    return str(row[0])


def _query(store: PostgreSQLStore, element_type: str | None) -> sql.Composed:
    """The names come from the data map and are quoted; the ids are one parameter."""
    column = sql.Identifier(store.id_column)
    as_text = sql.SQL("{}::text").format(column)
    compared: sql.Composable = as_text if element_type is None else column
    return sql.SQL("SELECT {}, count(*) FROM {} WHERE {} = ANY(%s::{}[]) GROUP BY 1").format(
        as_text,
        sql.Identifier(store.schema_name, store.table),
        compared,
        sql.SQL(element_type or "text"),  # a type name of ours
    )


@contextmanager
def _cancelled_after(seconds: float, connection: psycopg.Connection) -> Iterator[None]:
    """Cancel the running statement when the time is up; the session keeps no setting of ours."""
    timer = Timer(seconds, connection.cancel_safe)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def _translated(store: PostgreSQLStore) -> Iterator[None]:
    try:
        yield
    except (psycopg.ProgrammingError, psycopg.DataError, psycopg.NotSupportedError) as error:
        reason = _REASONS.get(type(error), "PostgreSQL refuses the query")
        code = f"POSTGRESQL_{type(error).__name__}"
        raise Rejected(reason, store=store.name, reason_code=code) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise RetryLater(
            "PostgreSQL does not answer now", store=store.name, reason_code="POSTGRESQL_DOWN"
        ) from error
