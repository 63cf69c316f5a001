"""A data map that no parameter holds: the parameter names it, and by its hash nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities import parameters

from erasure_shared import wiring
from erasure_shared.data_map import LARGEST_BYTES, DataMapObject
from erasure_shared.errors import Rejected
from erasure_shared.schemas import read_schema
from tests.aws import moto_account

EXAMPLE: dict[str, Any] = read_schema("data_map.json")
BUCKET = "erasure-dev-artifacts-1"


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ERASURE_DATA_MAP", "/data-map")
    with moto_account(monkeypatch):
        boto3.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        a_minute_later()
        yield
    a_minute_later()


def a_minute_later() -> None:
    """What Powertools holds is too old to be used."""
    powertools: Any = parameters
    powertools.clear_caches()


def put(text: str, *, under: str | None = None) -> DataMapObject:
    stored = DataMapObject.of(BUCKET, text if under is None else under)
    boto3.client("s3").put_object(Bucket=BUCKET, Key=stored.key, Body=text.encode())
    return stored


def name(value: str) -> None:
    boto3.client("ssm").put_parameter(Name="/data-map", Type="String", Value=value, Overwrite=True)


def stores() -> set[str]:
    return {store.name for store in wiring.data_map().stores}


def one_store(store: str) -> str:
    return json.dumps(EXAMPLE | {"stores": [EXAMPLE["stores"][0] | {"name": store}]})


def test_an_object_that_the_parameter_names_is_the_data_map() -> None:
    name(put(json.dumps(EXAMPLE)).uri)

    assert stores() == {store["name"] for store in EXAMPLE["stores"]}


def test_a_changed_map_is_read_again_without_a_deployment() -> None:
    name(put(one_store("before")).uri)
    before = stores()
    name(put(one_store("after")).uri)

    a_minute_later()

    assert (before, stores()) == ({"before"}, {"after"})


def test_an_object_is_read_once_and_a_small_map_may_take_its_place() -> None:
    stored = put(one_store("large"))
    name(stored.uri)
    first = stores()
    boto3.client("s3").delete_object(Bucket=BUCKET, Key=stored.key)
    a_minute_later()
    again = stores()
    name(one_store("small"))
    a_minute_later()

    assert (first, again, stores()) == ({"large"}, {"large"}, {"small"})


def test_what_was_put_in_its_place_is_refused() -> None:
    name(put(one_store("forged"), under=one_store("true")).uri)

    with pytest.raises(Rejected, match="not the one deployed"):
        wiring.data_map()


def test_an_object_beyond_measure_is_refused() -> None:
    name(put(" " * (LARGEST_BYTES + 1)).uri)

    with pytest.raises(Rejected, match="too large"):
        wiring.data_map()


@pytest.mark.parametrize(
    "address",
    [
        "s3://bucket/data-map/latest.json",
        f"s3://bucket/elsewhere/{'0' * 64}.json",
        f"s3://bucket/data-map/{'0' * 64}.json?versionId=1",
        f"s3://bucket/data-map/../{'0' * 64}.json",
    ],
)
def test_an_address_that_does_not_say_the_content_is_refused(address: str) -> None:
    with pytest.raises(Rejected, match=r"is not s3://BUCKET/data-map/SHA256\.json"):
        DataMapObject.named_by(address)


def test_an_address_is_read_as_it_was_written() -> None:
    stored = DataMapObject.of(BUCKET, "{}")

    assert DataMapObject.named_by(stored.uri) == stored
    assert DataMapObject.named_by("{}") is None
