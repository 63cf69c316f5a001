"""Rows of PostgreSQL tables. Identifiers travel as parameters, names as quoted identifiers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql

from erasure_purge.core import ids_of
from erasure_shared.data_map import PostgreSQLStore
from erasure_shared.errors import Rejected, RetryLater
from erasure_shared.locations import Identifier
from erasure_shared.postgresql import Connect

_INTEGERS = {"smallint": 15, "integer": 31, "bigint": 63}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,19})", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_TEXTS = ("text", "character varying")

# Classes of SQLSTATE that pass by themselves (PostgreSQL, appendix A): lost connections, rolled
# back transactions, lack of resources, operators, locks and cancelled statements.
_PASSING = ("08", "40", "53", "57", "55")

_TYPE = """
SELECT format_type(a.atttypid, NULL) FROM pg_attribute a
WHERE a.attrelid = to_regclass(%s) AND a.attname = %s AND a.attnum > 0 AND NOT a.attisdropped
"""


class PostgreSQLRows:
    """Rows of the tables of the data map."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def erase(self, store: PostgreSQLStore, identifiers: Sequence[Identifier]) -> int:
        """Delete the identifiers' rows, read back that none is left; how many were deleted.

        Raises:
            Rejected: with the SQLSTATE, when PostgreSQL will always refuse.
            RetryLater: the database is not to be had now, or rows keep appearing.
        """
        with _told_by_sqlstate(store):
            connection = self._connect()
            matching = _Matching.of(connection, store)
            ids = sorted(matching.only_possible(ids_of(identifiers)))
            deleted = connection.execute(matching.delete, [ids]).rowcount
            (left,) = connection.execute(matching.count, [ids]).fetchone() or (0,)
        if left:
            raise RetryLater(
                "rows of the subjects keep appearing", reason_code="ROWS_KEEP_APPEARING"
            )
        return deleted


class _Matching:
    """The statements for a table; the column is compared in its own type, so that its index serves.

    Where a type has other ways to write a value, it is compared as text.
    """

    def __init__(self, store: PostgreSQLStore, column_type: str) -> None:
        self._type = column_type
        table = sql.Identifier(store.schema_name, store.table)
        column: sql.Composable = sql.Identifier(store.id_column)
        wanted: sql.Composable = sql.SQL("ANY(%s::text[])")
        if column_type in _INTEGERS or column_type == "uuid":
            wanted = sql.SQL("ANY(%s::{}[])").format(sql.SQL(column_type))
        elif column_type not in _TEXTS:
            column = sql.SQL("{}::text").format(column)
        where = sql.SQL("FROM {} WHERE {} = {}").format(table, column, wanted)
        self.delete = sql.SQL("DELETE {}").format(where)
        self.count = sql.SQL("SELECT count(*) {}").format(where)

    @classmethod
    def of(cls, connection: psycopg.Connection, store: PostgreSQLStore) -> _Matching:
        """Look the column's type up.

        Raises:
            Rejected: the table or its column is missing.
        """
        quoted = sql.Identifier(store.schema_name, store.table).as_string(connection)
        found = connection.execute(_TYPE, [quoted, store.id_column]).fetchone()
        if found is None:
            raise Rejected(
                "the data map names a table or an id column that does not exist",
                store=store.name,
                reason_code="TABLE_MISSING",
            )
        return cls(store, str(found[0]))

    def only_possible(self, ids: Collection[str]) -> Iterator[str]:
        """Those that the column's type can hold, written as it writes them; others name nobody."""
        for text in ids:
            if self._type in _INTEGERS:
                if _INTEGER.fullmatch(text) and int(text).bit_length() <= _INTEGERS[self._type]:
                    yield text
            elif self._type != "uuid" or _UUID.fullmatch(text):
                yield text


@contextmanager
def _told_by_sqlstate(store: PostgreSQLStore) -> Iterator[None]:
    """PostgreSQL's messages quote whole rows: only the code goes on."""
    try:
        yield
    except psycopg.Error as error:
        sqlstate = error.sqlstate or ""
        if not sqlstate or sqlstate.startswith(_PASSING):
            raise RetryLater(
                "PostgreSQL cannot do it now", sqlstate=sqlstate, reason_code="POSTGRESQL_BUSY"
            ) from None
        raise Rejected(
            "PostgreSQL refuses to delete the rows",
            store=store.name,
            sqlstate=sqlstate,
            condition=type(error).__name__,
            reason_code=f"SQLSTATE_{sqlstate}",
        ) from None
