"""DynamoDB as the mutex sees it: atomic conditional writes on one table, and a TTL sweeper.

It reads the very requests that `store.py` builds, so that a wrong condition shows as it would
in AWS. It knows exactly the expressions that the mutex may use, and refuses any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from botocore.exceptions import ClientError

Item = dict[str, Any]
Place = tuple[str, str]

_EXISTS_NOT = re.compile(r"attribute_not_exists\((#\w+)\)")
_EQUALS = re.compile(r"(#\w+) = (:\w+)")
_IS_IN = re.compile(r"(#\w+) IN \(([^)]*)\)")


class DynamoModel:
    """The part of boto3's client that the mutex calls; one call is one atomic step."""

    def __init__(self, *, tells_all_old: bool = True) -> None:
        self.items: dict[Place, Item] = {}
        self.repeated_requests = 0
        self._tells_all_old = tells_all_old

    def get_item(self, **request: Any) -> Item:
        assert request["ConsistentRead"], "a lock is never read eventually consistently"
        item = self.items.get(_place(request["Key"]))
        return {} if item is None else {"Item": dict(item)}

    def put_item(self, **request: Any) -> None:
        self._change(_place(request["Item"]), request, lambda _: dict(request["Item"]))

    def update_item(self, **request: Any) -> None:
        key, names, values = request["Key"], *_aliases(request)
        sets = request["UpdateExpression"].removeprefix("SET ").split(", ")
        pairs = [re.split(r"\s*=\s*", part) for part in sets]
        new = {names[name]: values[value] for name, value in pairs}
        self._change(_place(key), request, lambda old: {**key, **(old or {}), **new})

    def delete_item(self, **request: Any) -> None:
        self._change(_place(request["Key"]), request, lambda _: None)

    def sweep(self, now_s: float) -> None:
        """What DynamoDB's TTL does, at its leisure."""
        for place, item in list(self.items.items()):
            if float(item["ttl"]["N"]) < now_s:
                del self.items[place]

    def _change(
        self, place: Place, request: Item, change: Callable[[Item | None], Item | None]
    ) -> None:
        old = self.items.get(place)
        if not _holds(old, request):
            raise self._refused(old)
        new = change(old)
        if new is None:
            self.items.pop(place, None)
        else:
            self.items[place] = new

    def _refused(self, old: Item | None) -> ClientError:
        response: dict[str, Any] = {
            "Error": {"Code": "ConditionalCheckFailedException", "Message": ""},
            "ResponseMetadata": {"RetryAttempts": self.repeated_requests},
        }
        if old is not None and self._tells_all_old:
            response["Item"] = dict(old)
        return ClientError(cast("Any", response), "")


def _place(item: Mapping[str, Any]) -> Place:
    return item["pk"]["S"], item["sk"]["S"]


def _aliases(request: Item) -> tuple[dict[str, str], Item]:
    names = request.get("ExpressionAttributeNames", {})
    return names, request.get("ExpressionAttributeValues", {})


def _holds(old: Item | None, request: Item) -> bool:
    condition = request.get("ConditionExpression")
    names, values = _aliases(request)
    if condition is None:
        return True
    item = old or {}
    if found := _EXISTS_NOT.fullmatch(condition):
        return names[found[1]] not in item
    if found := _EQUALS.fullmatch(condition):
        return bool(item.get(names[found[1]]) == values[found[2]])
    if found := _IS_IN.fullmatch(condition):
        allowed = [values[name] for name in found[2].split(", ")]
        return item.get(names[found[1]]) in allowed
    raise AssertionError(f"the model does not know this condition: {condition}")
