"""The id column of a PostgreSQL table: how its rows are matched, for whoever finds or erases them.

    "id" = ANY(ids::int8[])  AND  "id"::text COLLATE "C" = ANY(ids::text[])
    the index serves              the id is the text, character by character

The column's own collation may hold different texts for equal (CREATE COLLATION, deterministic =
false); "C" never does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from psycopg import sql

from erasure_shared.data_map import PostgreSQLStore
from erasure_shared.identifier_types import postgresql_array_type, postgresql_holds

# The catalogue instead of information_schema, which hides what the role does not own or use.
# A domain is the type that it is made of in the end; a type of another schema may be anything.
_TYPE = """
WITH RECURSIVE declared AS (
    SELECT t.typname, t.typbasetype, t.typnamespace
    FROM pg_catalog.pg_attribute AS a
    JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
    WHERE n.nspname = %s AND c.relname = %s AND a.attname = %s AND a.attnum > 0
      AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  UNION ALL
    SELECT t.typname, t.typbasetype, t.typnamespace
    FROM declared JOIN pg_catalog.pg_type AS t ON t.oid = declared.typbasetype
)
SELECT CASE n.nspname WHEN 'pg_catalog' THEN typname::text ELSE '' END
FROM declared JOIN pg_catalog.pg_namespace AS n ON n.oid = typnamespace
WHERE typbasetype = 0
"""


class IdColumn:
    """One table's id column; names are quoted, ids travel as the parameter `ids`."""

    def __init__(self, store: PostgreSQLStore, column_type: str) -> None:
        column = sql.Identifier(store.id_column)
        self._type = column_type
        self.table = sql.Identifier(store.schema_name, store.table)
        self.text = sql.SQL('{}::text COLLATE "C"').format(column)
        self.matches: sql.Composable = sql.SQL("{} = ANY(%(ids)s::text[])").format(self.text)
        if (element_type := postgresql_array_type(column_type)) is not None:
            self.matches = sql.SQL("{} = ANY(%(ids)s::{}[]) AND {}").format(
                column,
                sql.SQL(element_type),  # a type name of ours
                self.matches,
            )

    @classmethod
    def of(cls, connection: psycopg.Connection, store: PostgreSQLStore) -> IdColumn | None:
        """The column as it is declared now; None where the table or the column is missing."""
        names = (store.schema_name, store.table, store.id_column)
        row = connection.execute(_TYPE, names).fetchone()
        return None if row is None else cls(store, str(row[0]))

    def possible(self, ids: Iterable[str]) -> list[str]:
        """Those ids that can be values of the column, sorted."""
        return sorted(text for text in set(ids) if postgresql_holds(text, self._type))


def parameters(ids: Iterable[str]) -> Mapping[str, Any]:
    """The ids as the parameter of a statement."""
    return {"ids": list(ids)}
