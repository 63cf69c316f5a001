"""Erasing items of DynamoDB tables, on moto and on MiniStack."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import boto3
import pytest
from moto import mock_aws
from pydantic import SecretStr

from erasure_purge.stores.dynamodb import DynamoDBItems
from erasure_shared.data_map import DynamoDBStore
from erasure_shared.errors import Rejected
from erasure_shared.locations import Identifier
from tests.synthetic import AWKWARD_IDS

pytestmark = pytest.mark.local_cloud
_numbers = count(1)


@pytest.fixture(params=["moto", "ministack"])
def dynamodb(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "ministack":
        yield request.getfixturevalue("purge_cloud").dynamodb
    else:
        with mock_aws():
            yield boto3.client(
                "dynamodb",
                "eu-west-1",
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
            )


def accounts(dynamodb: Any, id_type: str = "S") -> DynamoDBStore:
    """A table whose hash key is the id."""
    table = f"accounts-{next(_numbers)}"
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "profile_id", "AttributeType": id_type},
            {"AttributeName": "account_id", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "profile_id", "KeyType": "HASH"},
            {"AttributeName": "account_id", "KeyType": "RANGE"},
        ],
    )
    return DynamoDBStore(name="accounts", kind="dynamodb", table=table, id_attribute="profile_id")


def sessions(dynamodb: Any) -> DynamoDBStore:
    """A table that knows the id by an index; its own key is of bytes."""
    table = f"sessions-{next(_numbers)}"
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "session_id", "AttributeType": "B"},
            {"AttributeName": "profile_id", "AttributeType": "S"},
        ],
        KeySchema=[{"AttributeName": "session_id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_profile",
                "KeySchema": [{"AttributeName": "profile_id", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    return DynamoDBStore(
        name="sessions",
        kind="dynamodb",
        table=table,
        id_attribute="profile_id",
        index="by_profile",
    )


def add_account(dynamodb: Any, store: DynamoDBStore, owner: dict[str, str], account: str) -> None:
    dynamodb.put_item(
        TableName=store.table, Item={"profile_id": owner, "account_id": {"S": account}}
    )


def add_session(dynamodb: Any, store: DynamoDBStore, owner: str, session: bytes) -> None:
    dynamodb.put_item(
        TableName=store.table, Item={"session_id": {"B": session}, "profile_id": {"S": owner}}
    )


def owners(dynamodb: Any, store: DynamoDBStore) -> list[str]:
    items = dynamodb.scan(TableName=store.table)["Items"]
    return sorted(value for item in items for value in item["profile_id"].values())


def somebody(name: str, key: Any = None) -> Identifier:
    return Identifier(SecretStr(name), key)


def erase(dynamodb: Any, store: DynamoDBStore, *whom: Identifier) -> int:
    return DynamoDBItems(dynamodb).erase(store, whom)


def test_all_items_of_the_subjects_go_and_no_others(dynamodb: Any) -> None:
    store = accounts(dynamodb)
    for owner, account in [("ann", "1"), ("ann", "2"), ("bob", "1"), ("annie", "1")]:
        add_account(dynamodb, store, {"S": owner}, account)

    deleted = erase(dynamodb, store, somebody("ann"), somebody("nobody"))

    assert deleted == 2
    assert owners(dynamodb, store) == ["annie", "bob"]
    assert erase(dynamodb, store, somebody("ann")) == 0


def test_awkward_identifiers_are_found(dynamodb: Any) -> None:
    store = accounts(dynamodb)
    for name in AWKWARD_IDS:
        add_account(dynamodb, store, {"S": name}, "1")

    deleted = erase(dynamodb, store, *map(somebody, AWKWARD_IDS))

    assert deleted == len(AWKWARD_IDS)


def test_an_item_is_reached_by_the_index_and_by_the_key_that_was_recorded(dynamodb: Any) -> None:
    store = sessions(dynamodb)
    add_session(dynamodb, store, "ann", b"\x00\x01")
    add_session(dynamodb, store, "ann", b"\x00\x02")
    add_session(dynamodb, store, "bob", b"\x00\x03")

    deleted = erase(dynamodb, store, somebody("ann", {"session_id": {"B": "AAE="}}))

    assert deleted == 2
    assert owners(dynamodb, store) == ["bob"]


def test_an_item_that_is_another_persons_by_now_is_left_alone(dynamodb: Any) -> None:
    store = sessions(dynamodb)
    add_session(dynamodb, store, "bob", b"\x00\x01")

    deleted = erase(dynamodb, store, somebody("ann", {"session_id": {"B": "AAE="}}))

    assert deleted == 0
    assert owners(dynamodb, store) == ["bob"]


def test_numbers_are_compared_as_they_are_written(dynamodb: Any) -> None:
    store = accounts(dynamodb, "N")
    add_account(dynamodb, store, {"N": "12"}, "1")
    add_account(dynamodb, store, {"N": "13"}, "1")

    deleted = erase(dynamodb, store, *map(somebody, ("0012", "12.0", "twelve", "1e1", "13")))

    assert deleted == 1
    assert owners(dynamodb, store) == ["12"]


def test_a_table_that_does_not_exist_is_rejected(dynamodb: Any) -> None:
    store = DynamoDBStore(name="ghosts", kind="dynamodb", table="ghosts", id_attribute="profile_id")

    with pytest.raises(Rejected) as refusal:
        erase(dynamodb, store, somebody("ann"))

    assert refusal.value.reason_code == "TABLE_MISSING"
    assert "ann" not in str(refusal.value)


@pytest.mark.parametrize("index", [None, "no_such_index"])
def test_an_id_attribute_that_is_no_key_is_rejected(dynamodb: Any, index: str | None) -> None:
    table = sessions(dynamodb).table
    store = DynamoDBStore(
        name="sessions", kind="dynamodb", table=table, id_attribute="profile_id", index=index
    )

    with pytest.raises(Rejected) as refusal:
        erase(dynamodb, store, somebody("ann"))

    assert refusal.value.reason_code == "KEY_MISMATCH"


def test_many_subjects_go_at_a_time(dynamodb: Any) -> None:
    store = accounts(dynamodb)
    names = [f"person-{number}" for number in range(60)]
    for name in [*names, "bob"]:
        add_account(dynamodb, store, {"S": name}, "1")

    assert erase(dynamodb, store, *map(somebody, names)) == 60
    assert owners(dynamodb, store) == ["bob"]
