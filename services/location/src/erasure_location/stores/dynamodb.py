"""Finds people's items in a DynamoDB table, by its hash key or through a global index."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from pydantic import SecretStr

from erasure_location.core.deadline import Deadline
from erasure_location.core.typed_ids import dynamodb_value
from erasure_location.use_case.planning import Extent
from erasure_shared.data_map import DynamoDBStore
from erasure_shared.errors import Rejected, RetryLater
from erasure_shared.locations import Found, Identifier, StoreKind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

THREADS = 16
_AT_A_TIME = 512
_SUBJECTS_PER_PAGE = 256
"""A query costs at least what 4 KB cost, a page of a scan has 1 MB: so many pages cost no more than
the queries that they save."""
_PERMANENT = {
    "AccessDeniedException": "access to the table is denied",
    "ResourceNotFoundException": "the table does not exist",
    "ValidationException": "DynamoDB refuses the query",
}
_BUSY = {
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
}


@dataclass(frozen=True)
class _Access:
    """How the table is asked: the keys of its items, and the type of the id."""

    key_names: tuple[str, ...]
    id_type: str

    def names(self, store: DynamoDBStore) -> list[str]:
        """The attributes of the key, and the id."""
        return [*dict.fromkeys([*self.key_names, store.id_attribute])]

    def key_of(self, item: Mapping[str, Any]) -> dict[str, dict[str, str]]:
        """The item's primary key in DynamoDB JSON."""
        return {name: _json_value(item[name]) for name in self.key_names}


class DynamoDBSearch:
    """Searches DynamoDB tables."""

    def __init__(self, client: DynamoDBClient) -> None:
        """The client is shared by threads: `max_pool_connections` should be `THREADS`."""
        self._client = client

    def find(
        self, store: DynamoDBStore, subjects: Sequence[SecretStr], deadline: Deadline
    ) -> tuple[Found, ...]:
        """The primary keys of all items of the subjects, as one finding.

        Raises:
            Rejected: the table is not as the data map says.
            RetryLater: DynamoDB is busy, or the time is up.
        """
        try:
            identifiers = tuple(self._identifiers(store, subjects, deadline))
        except ClientError as error:
            raise _translated(error, store) from error
        if not identifiers:
            return ()
        return (Found(store.name, StoreKind.DYNAMODB, store.address, identifiers),)

    def survey(
        self, store: DynamoDBStore, subjects: Sequence[SecretStr], deadline: Deadline
    ) -> Extent:
        """How many items the subjects have; their size is that of the table's average item.

        Raises:
            Rejected, RetryLater: as `find` does.
        """
        found = self.find(store, subjects, deadline)
        rows = sum(len(finding.identifiers) for finding in found)
        if not rows:
            return Extent()
        table: Mapping[str, Any] = self._client.describe_table(TableName=store.table)["Table"]
        items = table.get("ItemCount", 0)  # of some hours ago
        item_bytes = table.get("TableSizeBytes", 0) // items if items else 0
        return Extent(len(found), rows, rows * item_bytes, rows * item_bytes)

    def _identifiers(
        self, store: DynamoDBStore, subjects: Sequence[SecretStr], deadline: Deadline
    ) -> Iterator[Identifier]:
        access = self._access(store)

        def keys_of(subject: SecretStr) -> list[Identifier]:
            return list(self._keys_of(store, access, subject))

        if (found := self._scanned(store, access, subjects, deadline)) is not None:
            yield from found
            return
        with ThreadPoolExecutor(THREADS, thread_name_prefix="dynamodb-search") as pool:
            for start in range(0, len(subjects), _AT_A_TIME):
                deadline.check()
                for items in pool.map(keys_of, subjects[start : start + _AT_A_TIME]):
                    yield from items

    def _scanned(
        self,
        store: DynamoDBStore,
        access: _Access,
        subjects: Sequence[SecretStr],
        deadline: Deadline,
    ) -> list[Identifier] | None:
        """The items of many subjects from reading a small table whole; None: ask for each.

        It gives up when it has read as much as the queries would.
        """
        wanted = _by_value(subjects, access.id_type)
        names = {f"#k{number}": name for number, name in enumerate(access.names(store))}
        scan: dict[str, Any] = {
            **_source(store),
            "ProjectionExpression": ", ".join(names),
            "ExpressionAttributeNames": names,
        }
        found: list[Identifier] = []
        for _ in range(len(subjects) // _SUBJECTS_PER_PAGE):
            deadline.check()
            try:
                page = self._client.scan(**scan)
            except ClientError as error:
                if error.response["Error"]["Code"] == "AccessDeniedException":
                    return None
                raise
            for item in page["Items"]:
                subject = wanted.get(str(item.get(store.id_attribute, {}).get(access.id_type)))
                if subject is not None:
                    found.append(Identifier(subject, access.key_of(item)))
            if "LastEvaluatedKey" not in page:
                return found
            scan["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        return None

    def _access(self, store: DynamoDBStore) -> _Access:
        table: Mapping[str, Any] = self._client.describe_table(TableName=store.table)["Table"]
        types = {
            item["AttributeName"]: item["AttributeType"] for item in table["AttributeDefinitions"]
        }
        _check_hash_key(store, _schema_to_query(store, table))
        key_names = tuple(item["AttributeName"] for item in table["KeySchema"])
        return _Access(key_names, types[store.id_attribute])

    def _keys_of(
        self, store: DynamoDBStore, access: _Access, subject: SecretStr
    ) -> Iterator[Identifier]:
        value = dynamodb_value(subject, access.id_type)
        if value is None:
            return
        names = {f"#k{number}": name for number, name in enumerate(access.key_names)}
        query: dict[str, Any] = {
            **_source(store),
            "KeyConditionExpression": "#id = :id",
            "ProjectionExpression": ", ".join(names),
            "ExpressionAttributeNames": {"#id": store.id_attribute, **names},
            "ExpressionAttributeValues": {":id": value},
        }
        for page in self._client.get_paginator("query").paginate(**query):
            for item in page["Items"]:
                yield Identifier(subject, access.key_of(item))


def _source(store: DynamoDBStore) -> dict[str, Any]:
    """The index, or the table as it is at this moment."""
    if store.index is None:
        return {"TableName": store.table, "ConsistentRead": True}
    return {"TableName": store.table, "IndexName": store.index}


def _by_value(subjects: Sequence[SecretStr], id_type: str) -> dict[str, SecretStr]:
    values = ((dynamodb_value(subject, id_type), subject) for subject in subjects)
    return {value[id_type]: subject for value, subject in values if value is not None}


def _schema_to_query(store: DynamoDBStore, table: Mapping[str, Any]) -> list[dict[str, str]]:
    """The key schema of the table, or of the index that the data map names."""
    if store.index is None:
        return list(table["KeySchema"])
    for index in table.get("GlobalSecondaryIndexes", ()):
        if index["IndexName"] == store.index:
            if index.get("IndexStatus", "ACTIVE") == "CREATING" or index.get("Backfilling"):
                raise RetryLater(
                    "the index is still being built",
                    store=store.name,
                    reason_code="DYNAMODB_INDEX_NOT_READY",
                )
            return list(index["KeySchema"])
    raise Rejected(
        "the table has no such global index", store=store.name, reason_code="DYNAMODB_NO_INDEX"
    )


def _check_hash_key(store: DynamoDBStore, schema: list[dict[str, str]]) -> None:
    hash_keys = [item["AttributeName"] for item in schema if item["KeyType"] == "HASH"]
    if hash_keys != [store.id_attribute]:
        raise Rejected(
            "id_attribute: must be the hash key of the table or of the index that is named",
            store=store.name,
            reason_code="DYNAMODB_NO_KEY",
        )


def _json_value(value: Any) -> dict[str, str]:
    """A key attribute in DynamoDB JSON; bytes are base64 text."""
    [(kind, content)] = value.items()
    if isinstance(content, bytes):
        return {kind: base64.b64encode(content).decode()}
    return {kind: str(content)}


def _translated(error: ClientError, store: DynamoDBStore) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code in _PERMANENT:
        return Rejected(_PERMANENT[code], store=store.name, reason_code=f"DYNAMODB_{code}")
    if code in _BUSY:
        return RetryLater("DynamoDB is busy", store=store.name, reason_code=f"DYNAMODB_{code}")
    return error
