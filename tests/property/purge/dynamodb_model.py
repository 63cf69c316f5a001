"""DynamoDB in memory: atomic conditional writes, transactions, indexes that lag.

One call is one atomic step. An index shows a write only `lag` steps later, as DynamoDB's global
secondary indexes may.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.property.purge.expressions import Item, Terms, holds, plain, updated

INDEXES = {"by_address": ("address_key", "request_id"), "open_requests": ("open_key", "due_at")}
Place = tuple[str, str]


class Refused(Exception):
    """AWS answers with an error; what is added stands beside it in the answer."""

    def __init__(self, code: str, status: int = 400, **added: Any) -> None:
        super().__init__(code)
        self.code, self.status, self.added = code, status, added


@dataclass
class _Table:
    items: dict[Place, Item] = field(default_factory=dict)
    indexed: dict[Place, Item] = field(default_factory=dict)
    on_the_way: deque[tuple[int, Place, Item | None]] = field(default_factory=deque)


class DynamoDBModel:
    """The calls that PynamoDB and the mutex make."""

    def __init__(self, steps: Callable[[], int] = lambda: 0, lag: int = 0) -> None:
        self._steps = steps
        self._lag = lag
        self._tables: dict[str, _Table] = {}
        self._tokens: set[str] = set()

    def items(self, table: str) -> list[Item]:
        """Everything in the table."""
        return list(self._table(table).items.values())

    def call(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        match operation:
            case "GetItem":
                item = self._table(asked["TableName"]).items.get(_place(asked["Key"]))
                return {} if item is None else {"Item": dict(item)}
            case "Query":
                return self._query(asked)
            case "Scan":
                found = self.items(asked["TableName"])
                return {"Items": found, "Count": len(found)}
            case "PutItem" | "UpdateItem" | "DeleteItem":
                new = self._write({operation.removesuffix("Item"): asked})
                return {"Attributes": new} if asked.get("ReturnValues") == "ALL_NEW" else {}
            case "TransactWriteItems":
                return self._transact(asked)
        raise AssertionError(f"the model does not know {operation}")

    def _transact(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        token = asked.get("ClientRequestToken", "")
        if token in self._tokens:
            return {}
        reasons = [
            {"Code": "None" if self._may(write) else "ConditionalCheckFailed"}
            for write in asked["TransactItems"]
        ]
        if any(reason["Code"] != "None" for reason in reasons):
            raise Refused("TransactionCanceledException", CancellationReasons=reasons)
        for write in asked["TransactItems"]:
            self._write(write)
        self._tokens |= {token} - {""}
        return {}

    def _may(self, write: Mapping[str, Any]) -> bool:
        ((_, asked),) = write.items()
        old = self._table(asked["TableName"]).items.get(_place(asked.get("Item") or asked["Key"]))
        return holds(asked.get("ConditionExpression"), Terms(asked), old or {})

    def _write(self, write: Mapping[str, Any]) -> Item | None:
        ((kind, asked),) = write.items()
        table, place = self._table(asked["TableName"]), _place(asked.get("Item") or asked["Key"])
        old = table.items.get(place)
        if not self._may(write):
            shown = asked.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and old
            told: Item = {"Item": old} if shown else {}
            raise Refused("ConditionalCheckFailedException", **told)
        match kind:
            case "Put":
                new: Item | None = dict(asked["Item"])
            case "Update":
                start = old or dict(asked["Key"])
                new = updated(asked["UpdateExpression"], Terms(asked), start)
            case "Delete":
                new = None
            case _:
                new = old
        if new is None:
            table.items.pop(place, None)
        else:
            table.items[place] = new
        table.on_the_way.append((self._steps() + self._lag, place, new))
        return new

    def _query(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        table = self._table(asked["TableName"])
        index = asked.get("IndexName")
        if index is None:
            held, order = table.items, ("pk", "sk")
        else:
            assert not asked.get("ConsistentRead"), "an index is never consistent"
            held, order = self._index(table), INDEXES[index]
        terms = Terms(asked)
        found = [
            item
            for item in held.values()
            if all(name in item for name in order)
            and holds(asked["KeyConditionExpression"], terms, item)
            and holds(asked.get("FilterExpression"), terms, item)
        ]
        found.sort(key=lambda item: (plain(item[order[1]]), plain(item["pk"]), plain(item["sk"])))
        return {"Items": found, "Count": len(found), "ScannedCount": len(found)}

    def _index(self, table: _Table) -> dict[Place, Item]:
        while table.on_the_way and table.on_the_way[0][0] <= self._steps():
            _, place, item = table.on_the_way.popleft()
            if item is None:
                table.indexed.pop(place, None)
            else:
                table.indexed[place] = item
        return table.indexed

    def _table(self, name: str) -> _Table:
        return self._tables.setdefault(name, _Table())


def _place(key: Mapping[str, Any]) -> Place:
    return str(plain(key["pk"])), str(plain(key["sk"]))
