"""What there is: the tables of Glue, DynamoDB and PostgreSQL, with their columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
from botocore.exceptions import ClientError

from erasure_shared.data_map import DataMap, PostgreSQLStore, S3Store
from infra.data_map_lint.core import Table, TableName

SAMPLE = 1_000
"""Items of a DynamoDB table whose attributes are looked at; no value is kept."""
_ABSENT = {"EntityNotFoundException", "ResourceNotFoundException"}
_RELATIONS = """
SELECT c.relname FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
"""
_COLUMNS = """
SELECT a.attname FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY a.attnum
"""


class Stores:
    """The three kinds of stores, looked at with the rights of whoever runs the comparison."""

    def __init__(
        self, glue: Any, dynamodb: Any, postgresql: Callable[[], psycopg.Connection]
    ) -> None:
        self._glue = glue
        self._dynamodb = dynamodb
        self._postgresql = postgresql

    def tables(self, data_map: DataMap) -> Iterator[TableName]:
        """Every table of the declared Glue databases and schemas, and of DynamoDB."""
        stores = data_map.stores
        for database in {store.database for store in stores if isinstance(store, S3Store)}:
            yield from self._glue_tables(database)
        for page in self._dynamodb.get_paginator("list_tables").paginate():
            yield from (TableName("dynamodb", "", table) for table in page["TableNames"])
        for schema in {s.schema_name for s in stores if isinstance(s, PostgreSQLStore)}:
            for (table,) in self._postgresql().execute(_RELATIONS, [schema]).fetchall():
                yield TableName("postgresql", schema, table)

    def look(self, name: TableName) -> Table | None:
        """The table as it is, or None."""
        try:
            match name.kind:
                case "s3":
                    return self._glue_table(name)
                case "dynamodb":
                    return self._dynamodb_table(name.table)
                case _:
                    return self._postgresql_table(name)
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return None
            raise

    def _glue_tables(self, database: str) -> Iterator[TableName]:
        try:
            for page in self._glue.get_paginator("get_tables").paginate(DatabaseName=database):
                for table in page["TableList"]:
                    yield TableName("s3", database, table["Name"])
        except ClientError as error:
            if error.response["Error"]["Code"] not in _ABSENT:
                raise

    def _glue_table(self, name: TableName) -> Table:
        table = self._glue.get_table(DatabaseName=name.within, Name=name.table)["Table"]
        columns = [*table["StorageDescriptor"]["Columns"], *table.get("PartitionKeys", ())]
        return Table(tuple(column["Name"] for column in columns))

    def _dynamodb_table(self, table: str) -> Table:
        described = self._dynamodb.describe_table(TableName=table)["Table"]
        attributes = {item["AttributeName"]: None for item in described["AttributeDefinitions"]}
        for item in self._dynamodb.scan(TableName=table, Limit=SAMPLE)["Items"]:
            attributes |= dict.fromkeys(item)
        indexes = described.get("GlobalSecondaryIndexes", ())
        return Table(
            tuple(attributes),
            _hash_key(described["KeySchema"]),
            {index["IndexName"]: _hash_key(index["KeySchema"]) for index in indexes},
        )

    def _postgresql_table(self, name: TableName) -> Table | None:
        rows = self._postgresql().execute(_COLUMNS, [name.within, name.table]).fetchall()
        return Table(tuple(column for (column,) in rows)) if rows else None


def _hash_key(schema: Sequence[Any]) -> str:
    return str(next(item["AttributeName"] for item in schema if item["KeyType"] == "HASH"))
