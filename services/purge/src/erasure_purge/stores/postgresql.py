"""Rows of PostgreSQL tables. Identifiers travel as parameters, names as quoted identifiers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql

from erasure_purge.core import ids_of
from erasure_shared.data_map import PostgreSQLStore
from erasure_shared.errors import Rejected, RetryLater
from erasure_shared.locations import Identifier
from erasure_shared.postgresql import Connect, is_passing, leaving_what_is_lost
from erasure_shared.postgresql_ids import IdColumn, parameters


class PostgreSQLRows:
    """Rows of the tables of the data map."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def erase(self, store: PostgreSQLStore, identifiers: Sequence[Identifier]) -> int:
        """Delete the identifiers' rows, read back that none is left; how many were deleted.

        Raises:
            Rejected: with the SQLSTATE, when PostgreSQL will always refuse; or the column can no
                longer hold what was found in it.
            RetryLater: the database is not to be had now, or rows keep appearing.
        """
        with _told_by_sqlstate(store), leaving_what_is_lost(self._connect()) as connection:
            column = _column(connection, store)
            wanted = parameters(_checked(column, ids_of(identifiers), store))
            rows = sql.SQL("FROM {} WHERE {}").format(column.table, column.matches)
            deleted = connection.execute(sql.SQL("DELETE {}").format(rows), wanted).rowcount
            count = sql.SQL("SELECT count(*) {}").format(rows)
            (left,) = connection.execute(count, wanted).fetchone() or (0,)
        if left:
            raise RetryLater(
                "rows of the subjects keep appearing", reason_code="ROWS_KEEP_APPEARING"
            )
        return deleted


def _column(connection: psycopg.Connection, store: PostgreSQLStore) -> IdColumn:
    column = IdColumn.of(connection, store)
    if column is None:
        raise Rejected(
            "the data map names a table or an id column that does not exist",
            store=store.name,
            reason_code="TABLE_MISSING",
        )
    return column


def _checked(column: IdColumn, ids: Collection[str], store: PostgreSQLStore) -> list[str]:
    """The ids, all of which were found in the column: a type that cannot hold one has changed."""
    possible = column.possible(ids)
    if len(possible) < len(ids):
        raise Rejected(
            "the id column cannot hold ids that were found in it",
            store=store.name,
            ids=len(ids) - len(possible),
            reason_code="ID_TYPE_MISMATCH",
        )
    return possible


@contextmanager
def _told_by_sqlstate(store: PostgreSQLStore) -> Iterator[None]:
    """PostgreSQL's messages quote whole rows: only the code goes on."""
    try:
        yield
    except psycopg.Error as error:
        sqlstate = error.sqlstate or ""
        if is_passing(error):
            raise RetryLater(
                "PostgreSQL cannot do it now", sqlstate=sqlstate, reason_code="POSTGRESQL_BUSY"
            ) from None
        raise Rejected(
            "PostgreSQL refuses to delete the rows",
            store=store.name,
            sqlstate=sqlstate,
            condition=type(error).__name__,
            reason_code=f"SQLSTATE_{sqlstate or 'MISSING'}",
        ) from None
