"""The lines of the README's deployment section, typed as they stand there, into an empty cloud."""

from __future__ import annotations

import io
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.demo.road import Road, wait_until
from infra.local.cloud import LocalCloud
from tests import synthetic

ROOT = Path(__file__).resolve().parents[2]
SECTION = re.compile(r"^## Deploy it\n(.*?)^## ", flags=re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"^```console\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
STACKS = {
    f"erasure-dev-{name}" for name in ("platform", "ingestion", "location", "purge", "adjudication")
}


def lines() -> list[str]:
    """The commands of the section, in order."""
    (section,) = SECTION.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    (block,) = BLOCK.findall(section)
    return [line for line in block.splitlines() if line.strip()]


@dataclass
class Walk:
    """What each line printed, and what there was when it had."""

    printed: dict[str, str] = field(default_factory=dict)
    stacks: dict[str, set[str]] = field(default_factory=dict)
    status: str = ""
    left_of_subjects: dict[str, int] = field(default_factory=dict)
    left_of_others: dict[str, int] = field(default_factory=dict)


def stacks(cloud: LocalCloud) -> set[str]:
    described = cloud.client("cloudformation").describe_stacks()["Stacks"]
    return {each["StackName"] for each in described if each["StackStatus"] != "DELETE_COMPLETE"}


def typed(line: str) -> str:
    """What a line prints to somebody who says yes whenever asked."""
    done = subprocess.run(
        ["bash", "-euc", line],
        cwd=ROOT,
        input="y\n" * 10,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def walk(empty_cloud: LocalCloud) -> Walk:
    """All lines, one after the other; ten people are erased once everything is deployed."""
    first, *others, last = lines()
    walk = Walk()

    def walked(line: str) -> None:
        walk.printed[line] = typed(line)
        walk.stacks[line] = stacks(empty_cloud)

    walked(first)
    road = Road(empty_cloud)
    everyone = synthetic.people(30, seed=21)
    ids = [person.profile_id for person in everyone]
    road.stores.seed(everyone)
    road.stores.replace_object("profiles/dt=2026-11-01/some.parquet", parquet(ids))
    road.request("as-the-readme-says", ids[:10])
    for line in others:
        walked(line)
    wait_until(
        lambda: road.is_closed("as-the-readme-says"), what="the request closes", at_most_s=120
    )
    walk.status = road.status("as-the-readme-says")
    for store, holding in road.stores.holdings(ids[:10]).items():
        walk.left_of_subjects[store] = holding.rows_of_subjects
        walk.left_of_others[store] = holding.rows_of_others
    road.wait_for_idle_queues()
    walked(last)
    return walk


def parquet(ids: list[str]) -> bytes:
    table: Any = pa.table({"profile_id": ids, "email": ["somebody@example.org"] * len(ids)})
    output = io.BytesIO()
    pq.write_table(table, output)
    return output.getvalue()


def test_the_first_line_shows_and_deploys_every_stack(walk: Walk) -> None:
    first = lines()[0]

    assert walk.stacks[first] == STACKS
    for stack in STACKS:
        assert f"{stack}: new, " in walk.printed[first]
        assert f"Deploy {stack}? [y/N]" in walk.printed[first]


def test_what_was_deployed_erases_people_and_nobody_else(walk: Walk) -> None:
    assert walk.status == "COMPLETED"
    assert set(walk.left_of_subjects.values()) == {0}
    assert all(walk.left_of_others.values())


def test_one_service_is_deployed_while_the_others_stay(walk: Walk) -> None:
    (line,) = [line for line in lines() if "SERVICE=" in line]

    assert walk.stacks[line] == STACKS
    assert "PurgeVersion = " in walk.printed[line]
    assert "LocationVersion" not in walk.printed[line]


def test_the_data_map_of_the_stage_agrees_with_the_stores(walk: Walk) -> None:
    (line,) = [line for line in lines() if "lint-data-map" in line]

    assert "0 gaps between the data map and what there is." in walk.printed[line]


def test_the_last_line_removes_the_stacks_and_keeps_the_data(
    walk: Walk, empty_cloud: LocalCloud
) -> None:
    last = lines()[-1]

    assert walk.stacks[last] == set()
    tables = set(empty_cloud.client("dynamodb").list_tables()["TableNames"])
    assert {"erasure-dev-gdpr", "erasure-dev-errors"} <= tables
    empty_cloud.client("s3").head_bucket(Bucket=empty_cloud.environment["ERASURE_LAKE_BUCKET"])
    assert "kept arn:aws:kms:" in walk.printed[last]
