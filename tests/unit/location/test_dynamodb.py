"""The search of DynamoDB tables, on moto."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr

from erasure_location.core.deadline import Deadline
from erasure_location.stores.dynamodb import DynamoDBSearch
from erasure_location.use_case import Extent
from erasure_shared.data_map import DynamoDBStore
from erasure_shared.errors import OutOfTime, Rejected, RetryLater
from erasure_shared.locations import Found, StoreKind
from tests.aws import moto_account
from tests.synthetic import AWKWARD_IDS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoDBClient]:
    with moto_account(monkeypatch):
        yield boto3.client("dynamodb")


def create(
    client: Any,
    key: Mapping[str, str],
    *items: Mapping[str, Any],
    index: tuple[str, str] | None = None,
) -> None:
    """A table whose key is `{attribute: type}`, hash key first, with the items."""
    attributes = dict(key)
    options: dict[str, Any] = {}
    if index is not None:
        attributes[index[1]] = "S"
        options["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index[0],
                "KeySchema": [{"AttributeName": index[1], "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ]
    client.create_table(
        TableName="accounts",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": name, "KeyType": kind}
            for name, kind in zip(key, ("HASH", "RANGE"), strict=False)
        ],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": kind} for name, kind in attributes.items()
        ],
        **options,
    )
    for item in items:
        client.put_item(TableName="accounts", Item=item)


def store(**changes: str) -> DynamoDBStore:
    names = {"table": "accounts", "id_attribute": "profile_id", **changes}
    return DynamoDBStore.model_validate({"kind": "dynamodb", "name": "accounts", **names})


def find(client: Any, store: DynamoDBStore, *ids: str, left_s: float = 60.0) -> tuple[Found, ...]:
    subjects = [SecretStr(profile_id) for profile_id in ids]
    return DynamoDBSearch(client).find(store, subjects, Deadline(lambda: left_s))


def keys(found: Found) -> list[tuple[str, Mapping[str, Mapping[str, str]] | None]]:
    return [(item.profile_id.get_secret_value(), item.key) for item in found.identifiers]


def account(profile_id: str, account_id: str) -> dict[str, Any]:
    return {
        "profile_id": {"S": profile_id},
        "account_id": {"S": account_id},
        "holder": {"S": "Ann Exempel"},
    }


def test_every_item_of_a_subject_is_found_with_its_primary_key(dynamodb: DynamoDBClient) -> None:
    key = {"profile_id": "S", "account_id": "S"}
    create(dynamodb, key, account("ann", "1"), account("ann", "2"), account("zoe", "3"))

    [found] = find(dynamodb, store(), "ann", "nobody")

    assert found.kind is StoreKind.DYNAMODB
    assert found.address == "dynamodb://accounts"
    assert keys(found) == [
        ("ann", {"profile_id": {"S": "ann"}, "account_id": {"S": "1"}}),
        ("ann", {"profile_id": {"S": "ann"}, "account_id": {"S": "2"}}),
    ]


def test_a_survey_counts_the_items_of_the_subjects(dynamodb: DynamoDBClient) -> None:
    key = {"profile_id": "S", "account_id": "S"}
    create(dynamodb, key, account("ann", "1"), account("ann", "2"), account("zoe", "3"))
    subjects = [SecretStr("ann"), SecretStr("nobody")]

    extent = DynamoDBSearch(dynamodb).survey(store(), subjects, Deadline(lambda: 60.0))

    assert (extent.locations, extent.rows) == (1, 2)


def test_a_survey_of_nobody_counts_nothing(dynamodb: DynamoDBClient) -> None:
    create(dynamodb, {"profile_id": "S"}, {"profile_id": {"S": "zoe"}})

    extent = DynamoDBSearch(dynamodb).survey(store(), [SecretStr("ann")], Deadline(lambda: 60.0))

    assert extent == Extent()


def test_items_are_found_through_an_index_by_the_key_of_the_table(
    dynamodb: DynamoDBClient,
) -> None:
    sessions = [
        {"session_id": {"S": "s1"}, "profile_id": {"S": "ann"}},
        {"session_id": {"S": "s2"}, "profile_id": {"S": "zoe"}},
    ]
    create(dynamodb, {"session_id": "S"}, *sessions, index=("by_profile", "profile_id"))

    [found] = find(dynamodb, store(index="by_profile"), "ann")

    assert keys(found) == [("ann", {"session_id": {"S": "s1"}})]


def test_nobody_found_is_no_finding(dynamodb: DynamoDBClient) -> None:
    create(dynamodb, {"profile_id": "S"})

    assert find(dynamodb, store(), "ann") == ()


def test_awkward_ids_are_found_literally(dynamodb: DynamoDBClient) -> None:
    create(dynamodb, {"profile_id": "S"}, *({"profile_id": {"S": name}} for name in AWKWARD_IDS))

    [found] = find(dynamodb, store(), *AWKWARD_IDS, "somebody else")

    assert {profile_id for profile_id, _ in keys(found)} == set(AWKWARD_IDS)


def test_a_number_is_found_by_its_text(dynamodb: DynamoDBClient) -> None:
    create(dynamodb, {"profile_id": "N"}, {"profile_id": {"N": "12"}}, {"profile_id": {"N": "3"}})

    [found] = find(dynamodb, store(), "12", "0012", "12.0", "+12", "-0", "ann", "1e1", "9" * 39)

    assert keys(found) == [("12", {"profile_id": {"N": "12"}})]


def test_a_binary_sort_key_is_kept_as_base64(dynamodb: DynamoDBClient) -> None:
    key = {"profile_id": "S", "device": "B"}
    create(dynamodb, key, {"profile_id": {"S": "ann"}, "device": {"B": b"\x00\xff"}})

    [found] = find(dynamodb, store(), "ann")

    [(_, primary_key)] = keys(found)
    assert primary_key is not None
    assert base64.b64decode(primary_key["device"]["B"]) == b"\x00\xff"


def test_attribute_names_that_are_reserved_words_are_no_trouble(dynamodb: DynamoDBClient) -> None:
    create(dynamodb, {"user": "S", "date": "S"}, {"user": {"S": "ann"}, "date": {"S": "today"}})

    [found] = find(dynamodb, store(id_attribute="user"), "ann")

    assert keys(found) == [("ann", {"user": {"S": "ann"}, "date": {"S": "today"}})]


def test_more_items_than_a_page_holds_are_all_found(dynamodb: DynamoDBClient) -> None:
    key = {"profile_id": "S", "account_id": "S"}
    create(dynamodb, key)
    for number in range(5):
        item = {**account("ann", str(number)), "note": {"S": "x" * 390_000}}  # a page has 1 MB
        dynamodb.put_item(TableName="accounts", Item=item)

    [found] = find(dynamodb, store(), "ann")

    assert len(found.identifiers) == 5


CROWD = [f"nobody-{number}" for number in range(600)]


@dataclass
class Counting:
    """A client that counts its scans and queries, and may not be allowed to scan."""

    client: Any
    may_scan: bool = True
    scans: int = 0
    queries: int = 0

    def describe_table(self, **request: Any) -> Any:
        return self.client.describe_table(**request)

    def scan(self, **request: Any) -> Any:
        self.scans += 1
        if not self.may_scan:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "Scan")
        return self.client.scan(**request)

    def get_paginator(self, name: str) -> Any:
        self.queries += 1
        return self.client.get_paginator(name)


def test_a_small_table_is_read_whole_for_many_subjects(dynamodb: DynamoDBClient) -> None:
    key = {"profile_id": "S", "account_id": "S"}
    create(dynamodb, key, account("ann", "1"), account("ann", "2"), account("zoe", "3"))
    client = Counting(dynamodb)

    [found] = find(client, store(), *CROWD, "ann")

    assert [profile_id for profile_id, _ in keys(found)] == ["ann", "ann"]
    assert (client.scans, client.queries) == (1, 0)


def test_an_index_is_read_whole_for_many_subjects(dynamodb: DynamoDBClient) -> None:
    session = {"session_id": {"S": "s1"}, "profile_id": {"S": "ann"}}
    anonymous = {"session_id": {"S": "s2"}}
    create(dynamodb, {"session_id": "S"}, session, anonymous, index=("by_profile", "profile_id"))

    [found] = find(Counting(dynamodb), store(index="by_profile"), *CROWD, "ann")

    assert keys(found) == [("ann", {"session_id": {"S": "s1"}})]


def test_numbers_are_found_in_a_table_that_is_read_whole(dynamodb: DynamoDBClient) -> None:
    create(dynamodb, {"profile_id": "N"}, {"profile_id": {"N": "12"}}, {"profile_id": {"N": "3"}})

    [found] = find(dynamodb, store(), *CROWD, "12", "0003")

    assert keys(found) == [("12", {"profile_id": {"N": "12"}})]


def test_a_table_too_large_to_be_read_whole_is_asked_for_each_subject(
    dynamodb: DynamoDBClient,
) -> None:
    key = {"profile_id": "S", "account_id": "S"}
    create(dynamodb, key)
    for number in range(7):  # three pages, where 300 subjects are worth one
        item = {**account("ann", str(number)), "note": {"S": "x" * 390_000}}
        dynamodb.put_item(TableName="accounts", Item=item)
    client = Counting(dynamodb)

    [found] = find(client, store(), *CROWD[:300], "ann")

    assert len(found.identifiers) == 7
    assert (client.scans, client.queries) == (1, 301)


def test_who_may_not_read_a_table_whole_asks_for_each_subject(dynamodb: DynamoDBClient) -> None:
    create(dynamodb, {"profile_id": "S"}, {"profile_id": {"S": "ann"}})

    [found] = find(Counting(dynamodb, may_scan=False), store(), *CROWD, "ann")

    assert keys(found) == [("ann", {"profile_id": {"S": "ann"}})]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"table": "missing"}, "DYNAMODB_ResourceNotFoundException"),
        ({"index": "missing"}, "DYNAMODB_NO_INDEX"),
        ({"id_attribute": "holder"}, "DYNAMODB_NO_KEY"),
    ],
)
def test_what_is_not_as_the_data_map_says_is_for_a_person_to_repair(
    dynamodb: DynamoDBClient, changes: dict[str, str], code: str
) -> None:
    create(dynamodb, {"profile_id": "S"})

    with pytest.raises(Rejected) as refusal:
        find(dynamodb, store(**changes), "ann")

    assert refusal.value.reason_code == code


def test_no_id_is_binary(dynamodb: DynamoDBClient) -> None:
    create(dynamodb, {"profile_id": "B"})

    with pytest.raises(Rejected) as refusal:
        find(dynamodb, store(), "ann")

    assert refusal.value.reason_code == "UNSUPPORTED_ID_TYPE"


def test_no_query_is_started_when_the_time_is_up(dynamodb: DynamoDBClient) -> None:
    create(dynamodb, {"profile_id": "S"})

    with pytest.raises(OutOfTime):
        find(dynamodb, store(), "ann", left_s=1.0)


@pytest.mark.parametrize(
    "code", ["ProvisionedThroughputExceededException", "ThrottlingException", "InternalServerError"]
)
def test_a_busy_table_is_searched_again_later(dynamodb: DynamoDBClient, code: str) -> None:
    create(dynamodb, {"profile_id": "S"})

    with pytest.raises(RetryLater) as later:
        find(Refusing(dynamodb, code), store(), "ann")

    assert later.value.reason_code == f"DYNAMODB_{code}"


class Refusing:
    """A client that describes tables and refuses queries."""

    def __init__(self, client: DynamoDBClient, code: str) -> None:
        self.describe_table = client.describe_table
        self._code = code

    def get_paginator(self, name: str) -> Refusing:
        return self

    def paginate(self, **_: object) -> Iterator[None]:
        raise ClientError(
            {"Error": {"Code": self._code, "Message": "profile_id = canary"}}, "Query"
        )
