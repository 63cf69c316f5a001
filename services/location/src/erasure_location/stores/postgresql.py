"""Finds people's rows in a PostgreSQL table, through the index of its id column where it can."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Timer

import psycopg
from psycopg import errors, sql
from pydantic import SecretStr

from erasure_location.core.deadline import Deadline
from erasure_location.use_case.planning import Extent
from erasure_shared.data_map import PostgreSQLStore
from erasure_shared.errors import Rejected, RetryLater
from erasure_shared.locations import Found, Identifier, StoreKind
from erasure_shared.postgresql import Connect, is_passing, leaving_what_is_lost
from erasure_shared.postgresql_ids import IdColumn, parameters

_AT_A_TIME = 10_000
_REASONS: dict[type[Exception], str] = {
    errors.UndefinedTable: "the table does not exist",
    errors.UndefinedColumn: "the column does not exist",
    errors.InvalidSchemaName: "the schema does not exist",
    errors.InsufficientPrivilege: "access to the table is denied",
}


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
        identifiers = tuple(Identifier(by_text[text]) for text in sorted(counts))
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
        rows = sum(counts.values())
        return Extent(locations=1 if rows else 0, rows=rows)

    def _counts(
        self, store: PostgreSQLStore, subjects: Mapping[str, SecretStr], deadline: Deadline
    ) -> dict[str, int]:
        """The rows of each id, by the column's text."""
        with _translated(store), leaving_what_is_lost(self._connect()) as connection:
            return dict(self._rows(connection, store, subjects, deadline))

    def _rows(
        self,
        connection: psycopg.Connection,
        store: PostgreSQLStore,
        subjects: Iterable[str],
        deadline: Deadline,
    ) -> Iterator[tuple[str, int]]:
        column = _column(connection, store)
        query = sql.SQL("SELECT {}, count(*) FROM {} WHERE {} GROUP BY 1").format(
            column.text, column.table, column.matches
        )
        ids = column.possible(subjects)
        for start in range(0, len(ids), _AT_A_TIME):
            deadline.check()
            wanted = parameters(ids[start : start + _AT_A_TIME])
            with _cancelled_after(deadline.left_s(), connection):
                yield from connection.execute(query, wanted).fetchall()


def _column(connection: psycopg.Connection, store: PostgreSQLStore) -> IdColumn:
    column = IdColumn.of(connection, store)
    if column is None:
        raise Rejected(
            "the table or its id column does not exist",
            store=store.name,
            reason_code="POSTGRESQL_NO_COLUMN",
        )
    return column


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
    except psycopg.Error as error:
        if is_passing(error):
            raise RetryLater(
                "PostgreSQL does not answer now", store=store.name, reason_code="POSTGRESQL_DOWN"
            ) from error
        reason = _REASONS.get(type(error), "PostgreSQL refuses the query")
        code = f"POSTGRESQL_{type(error).__name__}"
        raise Rejected(reason, store=store.name, reason_code=code) from error
