"""A dry run through the deployed location function: it counts what is there and changes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.demo.road import Road, wait_until
from infra.demo.stores import Holding
from infra.local.cloud import LocalCloud
from tests import synthetic

PEOPLE, RECORDS = 40, 400
HOLDINGS = {
    "profiles_lake": "S3 lake (Parquet)",
    "loyalty_accounts": "DynamoDB loyalty_accounts",
    "web_sessions": "DynamoDB web_sessions",
    "bookings": "PostgreSQL bookings",
    "customers": "PostgreSQL customers",
}


@dataclass(frozen=True)
class Planned:
    """A plan for ten people, and what was there before and after it was made."""

    people: list[str]
    stores: dict[str, Any]
    document: dict[str, Any]
    text: str
    before: tuple[dict[str, Holding], list[str]]
    after: tuple[dict[str, Holding], list[str]]


@pytest.fixture(scope="module")
def planned(cloud: LocalCloud, road: Road, tmp_path_factory: pytest.TempPathFactory) -> Planned:
    everyone = synthetic.people(PEOPLE, seed=5, awkward=True)
    road.stores.seed(everyone)
    had = road.stores.lake_row_count()
    road.stores.stream(synthetic.records(everyone, RECORDS, seed=5), lambda _: None)
    wait_until(
        lambda: road.stores.lake_row_count() >= had + RECORDS,
        what="the records arrive in the lake",
        at_most_s=90,
    )
    road.wait_for_idle_queues()
    people = [person.profile_id for person in everyone[:10]]
    file: Path = tmp_path_factory.mktemp("plan") / "people.jsonl"
    file.write_text("".join(json.dumps({"profile_id": each}) + "\n" for each in people))
    before = _everything(cloud, road, people)
    text = road.erasure("plan", "--subjects", str(file))
    document = json.loads(road.erasure("plan", "--subjects", str(file), "--output", "json"))
    stores = {store["store"]: store for store in document["stores"]}
    return Planned(people, stores, document, text, before, _everything(cloud, road, people))


def _everything(
    cloud: LocalCloud, road: Road, people: list[str]
) -> tuple[dict[str, Holding], list[str]]:
    """What the stores hold of the people, and every item of the GDPR table."""
    table = cloud.environment["ERASURE_GDPR_TABLE"]
    items = cloud.client("dynamodb").scan(TableName=table)["Items"]
    return road.stores.holdings(people), sorted(str(item) for item in items)


def test_every_row_of_the_people_is_counted_in_every_store(planned: Planned) -> None:
    held, _ = planned.before
    counted = {name: store["rows"] for name, store in planned.stores.items()}

    assert counted == {name: held[title].rows_of_subjects for name, title in HOLDINGS.items()}
    assert all(counted.values())


def test_the_objects_to_be_rewritten_are_measured(planned: Planned) -> None:
    lake = planned.stores["profiles_lake"]

    assert planned.document["subjects"] == len(planned.people)
    assert lake["locations"] >= 1
    assert lake["size_bytes"] >= lake["largest_bytes"] > 0
    assert lake["scanned_bytes"] > 0


def test_the_plan_has_a_price_and_a_duration(planned: Planned) -> None:
    assert 0 < planned.document["usd"] < 1
    assert 0 < planned.document["minutes"] < 30
    assert "In all about" in planned.text


def test_a_plan_changes_nothing(planned: Planned) -> None:
    assert planned.after == planned.before


def test_a_plan_leaves_nobodys_identifier_behind(road: Road, planned: Planned) -> None:
    assert road.identifiers_left_behind(planned.people) == {
        "GDPR, error and mutex table": 0,
        "log lines of the functions": 0,
        "Athena results and uploads": 0,
    }
    assert not any(person in planned.text + str(planned.document) for person in planned.people)
