"""The DynamoDB adapter: one method, one call. Refusals are answers, faults get a name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from erasure_shared.mutex.core import ttl_s
from erasure_shared.mutex.errors import MutexItemNotALock, MutexUnavailable
from erasure_shared.mutex.faults import named_fault
from erasure_shared.mutex.values import (
    Call,
    Delete,
    Failed,
    Insert,
    Lease,
    Look,
    Looked,
    Refused,
    Renew,
    Reply,
    TakeOver,
    Written,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

RVN = "revision_version_number"
STARTED = "lease_started"
DURATION = "lease_duration"
CLIENT = "client_name"
ATTRIBUTES = "attributes"
FIXED_NAMES = frozenset({RVN, STARTED, DURATION, CLIENT, ATTRIBUTES})

NO_SORT_KEY = "-"
"""Stored as the sort key of a `MutexKey` without one; a key with sort key "-" is the same lock."""

_RENEWAL = "SET #rvn = :rvn, #started = :started, #duration = :duration, #ttl = :ttl"

AttributeValue = str | int | bool
Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Names:
    """How the table calls its key, and its TTL attribute. An empty sk: the table has none."""

    table: str
    pk: str
    sk: str
    ttl: str

    def __post_init__(self) -> None:
        used = [name for name in (self.pk, self.sk, self.ttl) if name]
        if not self.table or not self.pk or not self.ttl:
            raise ValueError("table_name, pk_name and ttl_name must not be empty")
        if len(set(used)) < len(used) or FIXED_NAMES & set(used):
            raise ValueError(f"pk_name, sk_name, ttl_name must differ, and from {FIXED_NAMES}")


@dataclass(frozen=True, slots=True)
class StoredLock:
    """A lock's whole item, as an operator may want to see it."""

    partition_key: str
    sort_key: str | None
    lease: Lease
    client_name: str
    attributes: Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True)
class LockItem:
    """One lock's place in the table."""

    client: DynamoDBClient
    names: Names
    partition_key: str
    sort_key: str | None
    client_name: str = ""
    attributes: Mapping[str, AttributeValue] | None = None

    def carry_out(self, call: Call) -> Reply:
        """Do what the core asks for.

        Raises:
            MutexMisconfigured: it can never work; the message says what to fix.
        """
        try:
            return self._send(call)
        except MutexUnavailable as fault:
            return Failed(fault)

    def read(self) -> StoredLock | None:
        """The lock that stands here now."""
        with named_fault():
            item = self.client.get_item(
                TableName=self.names.table, Key=self._key(), ConsistentRead=True
            ).get("Item")
        return None if item is None else read_lock(item, self.names)

    def _send(self, call: Call) -> Reply:
        match call:
            case Look():
                return Looked(self._look())
            case Insert(lease):
                return self._write(lambda: self._put(lease, replacing=None))
            case TakeOver(lease, seen):
                return self._write(lambda: self._put(lease, replacing=seen))
            case Renew(lease, own):
                return self._write(lambda: self._update(lease, own))
            case Delete(own):
                return self._write(lambda: self._delete(own))

    def _look(self) -> Lease | None:
        stored = self.read()
        return None if stored is None else stored.lease

    def _write(self, write: Callable[[], object]) -> Written | Refused:
        with named_fault():
            try:
                write()
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise
                return self._refusal(error)
        return Written()

    def _refusal(self, error: ClientError) -> Refused:
        """What stands there. Stores that know no ALL_OLD do not say: look after it."""
        item = cast("Item | None", error.response.get("Item"))
        found = self._look() if item is None else read_lease(item)
        sent_before = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
        return Refused(found, repeated=sent_before)

    def _put(self, lease: Lease, *, replacing: str | None) -> None:
        """Write the whole item; under no circumstances over an item that is not a lock."""
        if replacing is None:
            condition: dict[str, Any] = {
                "ConditionExpression": "attribute_not_exists(#pk)",
                "ExpressionAttributeNames": {"#pk": self.names.pk},
            }
        else:
            condition = {
                "ConditionExpression": "#rvn = :expected",
                "ExpressionAttributeNames": {"#rvn": RVN},
                "ExpressionAttributeValues": {":expected": {"S": replacing}},
            }
        extra = {name: _written_attribute(value) for name, value in (self.attributes or {}).items()}
        self.client.put_item(
            TableName=self.names.table,
            Item={
                **self._key(),
                RVN: {"S": lease.rvn},
                STARTED: {"N": _number(lease.started_s)},
                DURATION: {"N": _number(lease.duration_s)},
                CLIENT: {"S": self.client_name},
                ATTRIBUTES: {"M": extra},
                self.names.ttl: {"N": str(ttl_s(lease))},
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **condition,
        )

    def _update(self, lease: Lease, expected: tuple[str, ...]) -> None:
        condition, values = _one_of(expected)
        self.client.update_item(
            TableName=self.names.table,
            Key=self._key(),
            UpdateExpression=_RENEWAL,
            ConditionExpression=condition,
            ExpressionAttributeNames={
                "#rvn": RVN,
                "#started": STARTED,
                "#duration": DURATION,
                "#ttl": self.names.ttl,
            },
            ExpressionAttributeValues={
                **values,
                ":rvn": {"S": lease.rvn},
                ":started": {"N": _number(lease.started_s)},
                ":duration": {"N": _number(lease.duration_s)},
                ":ttl": {"N": str(ttl_s(lease))},
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def _delete(self, expected: tuple[str, ...]) -> None:
        condition, values = _one_of(expected)
        self.client.delete_item(
            TableName=self.names.table,
            Key=self._key(),
            ConditionExpression=condition,
            ExpressionAttributeNames={"#rvn": RVN},
            ExpressionAttributeValues=values,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def _key(self) -> dict[str, Any]:
        key = {self.names.pk: {"S": self.partition_key}}
        if self.names.sk:
            key[self.names.sk] = {"S": self.sort_key or NO_SORT_KEY}
        return key


def scan_locks(client: DynamoDBClient, names: Names) -> Iterator[StoredLock]:
    """Every lock of the table, page by page; items that are no locks are passed over."""
    start: dict[str, Any] = {}
    while True:
        with named_fault():
            page = client.scan(
                TableName=names.table,
                ConsistentRead=True,
                FilterExpression="attribute_exists(#rvn)",
                ExpressionAttributeNames={"#rvn": RVN},
                **start,
            )
        yield from (read_lock(item, names) for item in page["Items"])
        if "LastEvaluatedKey" not in page:
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def read_lease(item: Item) -> Lease:
    """The lease that an item holds; other people's items are refused, not repaired."""
    try:
        lease = Lease(
            rvn=item[RVN]["S"],
            started_s=float(item[STARTED]["N"]),
            duration_s=float(item[DURATION]["N"]),
        )
    except (KeyError, TypeError, ValueError):
        raise MutexItemNotALock from None
    if not (math.isfinite(lease.started_s) and 0 < lease.duration_s < math.inf):
        raise MutexItemNotALock
    return lease


def read_lock(item: Item, names: Names) -> StoredLock:
    """The whole lock that an item holds."""
    sort_key = item[names.sk]["S"] if names.sk else NO_SORT_KEY
    return StoredLock(
        partition_key=item[names.pk]["S"],
        sort_key=None if sort_key == NO_SORT_KEY else sort_key,
        lease=read_lease(item),
        client_name=item.get(CLIENT, {}).get("S", ""),
        attributes={
            name: _read_attribute(value)
            for name, value in item.get(ATTRIBUTES, {}).get("M", {}).items()
        },
    )


def _one_of(expected: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    values = {f":own{index}": {"S": rvn} for index, rvn in enumerate(expected)}
    return f"#rvn IN ({', '.join(values)})", values


def _number(value: float) -> str:
    """Six decimals, so that a Decimal of 38 digits never meets a float's noise."""
    return f"{value:.6f}"


def _written_attribute(value: AttributeValue) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def _read_attribute(value: Mapping[str, Any]) -> AttributeValue:
    if "BOOL" in value:
        return bool(value["BOOL"])
    return int(Decimal(value["N"])) if "N" in value else str(value.get("S", ""))
