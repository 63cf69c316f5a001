"""Items of DynamoDB tables. An item is deleted only while it still names the subject."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from erasure_purge.core import by_subject
from erasure_shared.data_map import DynamoDBStore
from erasure_shared.errors import Rejected, RetryLater
from erasure_shared.locations import Identifier

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PASSES = 3
_AT_A_TIME = 10  # botocore keeps so many connections
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,37})(\.[0-9]*[1-9])?", re.ASCII)
"""As DynamoDB itself writes a number; "0012" is not 12."""

Key = dict[str, Any]


class DynamoDBItems:
    """Items of the tables of the data map."""

    def __init__(self, client: DynamoDBClient) -> None:
        self._dynamodb = client

    def erase(self, store: DynamoDBStore, identifiers: Sequence[Identifier]) -> int:
        """Delete the identifiers' items, read back that none is left; how many were deleted.

        Keys that were recorded complement the query, because an index lags; an item that is
        another person's by now is left alone.

        Raises:
            Rejected: the table or its key is not as the data map says.
            RetryLater: items of the subjects keep appearing.
        """
        table = _Table(self._dynamodb, store)
        with ThreadPoolExecutor(_AT_A_TIME) as threads:
            return sum(threads.map(partial(_erase_subject, table), by_subject(identifiers)))


class _Table:
    """One table, reached as the data map says."""

    def __init__(self, client: DynamoDBClient, store: DynamoDBStore) -> None:
        """Look the table up.

        Raises:
            Rejected: the table or its key is not as the data map says.
        """
        self._client = client
        self._store = store
        description = self._describe()
        self._key_names = [part["AttributeName"] for part in description["KeySchema"]]
        self._id_type = _id_type(description, store)

    def value(self, subject: str) -> dict[str, Any] | None:
        """The subject as the id attribute holds it; None if it cannot."""
        if self._id_type == "N":
            return {"N": subject} if _NUMBER.fullmatch(subject) else None
        return {"B": subject.encode()} if self._id_type == "B" else {"S": subject}

    def find(self, value: Mapping[str, Any]) -> Iterator[Key]:
        """The keys of the subject's items; consistent, unless an index has to be asked."""
        names = {f"#k{number}": name for number, name in enumerate(self._key_names)}
        query: dict[str, Any] = {
            "TableName": self._store.table,
            "KeyConditionExpression": "#id = :id",
            "ProjectionExpression": ", ".join(names),
            "ExpressionAttributeNames": {**names, "#id": self._store.id_attribute},
            "ExpressionAttributeValues": {":id": value},
        }
        query |= {"IndexName": self._store.index} if self._store.index else {"ConsistentRead": True}
        for page in self._client.get_paginator("query").paginate(**query):
            yield from page["Items"]

    def delete(self, key: Key, value: Mapping[str, Any]) -> bool:
        """Delete the item if it names the subject; whether it did."""
        try:
            self._client.delete_item(
                TableName=self._store.table,
                Key=key,
                ConditionExpression="#id = :id",
                ExpressionAttributeNames={"#id": self._store.id_attribute},
                ExpressionAttributeValues={":id": value},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def holds(self, key: Key, value: Mapping[str, Any]) -> bool:
        """Whether the item is there and names the subject; consistent."""
        item = self._client.get_item(
            TableName=self._store.table,
            Key=key,
            ConsistentRead=True,
            ProjectionExpression="#id",
            ExpressionAttributeNames={"#id": self._store.id_attribute},
        ).get("Item", {})
        return _comparable(item.get(self._store.id_attribute)) == _comparable(value)

    def _describe(self) -> Any:
        try:
            return self._client.describe_table(TableName=self._store.table)["Table"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                raise Rejected(
                    "the data map names a table that does not exist",
                    store=self._store.name,
                    reason_code="TABLE_MISSING",
                ) from None
            raise


def _id_type(description: Mapping[str, Any], store: DynamoDBStore) -> str:
    """The type of the hash key by which subjects are found."""
    schema = description["KeySchema"]
    if store.index:
        indexes = [
            *description.get("GlobalSecondaryIndexes", ()),
            *description.get("LocalSecondaryIndexes", ()),
        ]
        schemas = [one["KeySchema"] for one in indexes if one["IndexName"] == store.index]
        schema = schemas[0] if schemas else ()
    hash_keys = [part["AttributeName"] for part in schema if part["KeyType"] == "HASH"]
    if hash_keys != [store.id_attribute]:
        raise Rejected(
            "the data map's id_attribute is not the hash key of the table, or of its index",
            store=store.name,
            reason_code="KEY_MISMATCH",
        )
    types = {a["AttributeName"]: a["AttributeType"] for a in description["AttributeDefinitions"]}
    return str(types[store.id_attribute])


def _erase_subject(table: _Table, identifiers: Sequence[Identifier]) -> int:
    """Delete one subject's items until a look finds nothing more."""
    value = table.value(identifiers[0].profile_id.get_secret_value())
    if value is None:
        return 0
    recorded = [_wire_key(one.key) for one in identifiers if one.key is not None]
    deleted = 0
    left = [*recorded, *table.find(value)]
    for _ in range(_PASSES):
        deleted += sum(table.delete(key, value) for key in left)
        left = [key for key in [*recorded, *table.find(value)] if table.holds(key, value)]
        if not left:
            return deleted
    raise RetryLater("items of the subjects keep appearing", reason_code="ITEMS_KEEP_APPEARING")


def _wire_key(kept: Mapping[str, Mapping[str, str]]) -> Key:
    """A key as boto3 takes it; in the GDPR table bytes are base64 text."""
    return {
        name: {
            kind: base64.b64decode(value) if kind == "B" else value for kind, value in typed.items()
        }
        for name, typed in kept.items()
    }


def _comparable(value: Mapping[str, Any] | None) -> object:
    return None if value is None else sorted(value.items())
