"""A data map that no parameter can hold: it lies in S3, and all works as with a small one."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from erasure_shared.data_map import LARGEST_BYTES, DataMapObject
from infra.demo.road import Road, wait_until
from infra.local.cloud import LocalCloud
from tests import synthetic

ROOT = Path(__file__).resolve().parents[2]
SMALL: dict[str, Any] = json.loads((ROOT / "schemas/data_map.dev.json").read_text("utf-8"))
PEOPLE = 12
MAKES_OWN = re.compile(r"make(\[\d+\])?: \*\*\*")


def made(target: str, **variables: str) -> subprocess.CompletedProcess[str]:
    given = [f"{name}={value}" for name, value in variables.items()]
    return subprocess.run(
        ["make", "--no-print-directory", target, "STAGE=dev", *given],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def large() -> dict[str, Any]:
    """The stores of the stage, and a hundred tables that hold nothing about people."""
    ignored = [
        {"kind": "dynamodb", "table": f"warehouse_stock_{number:03}", "reason": "goods, no people"}
        for number in range(100)
    ]
    return SMALL | {"ignored_tables": ignored}


def refusal(folder: Path, content: object) -> str:
    """What deploying such a data map is answered, in one line."""
    file = folder / "map.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return said(made("deploy", MAP=str(file), YES="1"))


def said(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode != 0
    (line,) = [line for line in done.stderr.splitlines() if not MAKES_OWN.match(line)]
    return line


def test_a_bad_data_map_is_refused_before_anything_is_created(
    empty_cloud: LocalCloud, tmp_path: Path
) -> None:
    bad_kind = large()
    bad_kind["stores"] = [SMALL["stores"][0] | {"kind": "mongodb"}]
    no_column = large()
    no_column["stores"] = [*SMALL["stores"][:-1], SMALL["stores"][-1] | {"id_column": "person"}]
    too_large = large()
    too_large["ignored_tables"] = large()["ignored_tables"] * (LARGEST_BYTES // 5_000)
    somewhere = DataMapObject("erasure-dev-artifacts-123456789012", "0" * 64).uri
    elsewhere = DataMapObject("somebody-elses", "0" * 64).uri

    refused = [
        (refusal(tmp_path, "{"), "the data map is not JSON"),
        (refusal(tmp_path, bad_kind), "stores.0: Input tag 'mongodb'"),
        (refusal(tmp_path, no_column), "store customers: table customers has no column person"),
        (refusal(tmp_path, too_large), "a data map has at most 1,000,000 bytes"),
        (said(made("deploy", MAP="nowhere.json", YES="1")), "nowhere.json does not exist"),
        (
            said(made("deploy", PARAMETERS=f"platform.DataMap={somewhere}", YES="1")),
            "there is no such thing in this account",
        ),
        (
            said(made("deploy", PARAMETERS=f"platform.DataMap={elsewhere}", YES="1")),
            "it must be in erasure-dev-artifacts-123456789012",
        ),
    ]

    assert [(line, words) for line, words in refused if words not in line] == []
    assert empty_cloud.client("cloudformation").describe_stacks()["Stacks"] == []
    assert empty_cloud.client("s3").list_buckets()["Buckets"] == []


@dataclass(frozen=True)
class Installed:
    """A stage with a large data map, and what its deployment printed."""

    cloud: LocalCloud
    road: Road
    document: dict[str, Any]
    printed: str


@pytest.fixture(scope="module")
def installed(empty_cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    file = tmp_path_factory.mktemp("maps") / "data_map.json"
    file.write_text(json.dumps(large(), indent=2))
    done = made("deploy", MAP=str(file), YES="1")
    assert done.returncode == 0, done.stdout + done.stderr
    road = Road(empty_cloud)
    road.stores.seed(synthetic.people(PEOPLE, seed=31))
    return Installed(empty_cloud, road, large(), done.stdout)


def test_it_goes_into_s3_and_the_deployment_says_so(installed: Installed) -> None:
    ssm, s3 = installed.cloud.client("ssm"), installed.cloud.client("s3")
    value = ssm.get_parameter(Name="/erasure/dev/data-map")["Parameter"]["Value"]
    stored = DataMapObject.named_by(value)

    assert stored is not None
    text = stored.text(s3)
    head = s3.head_object(Bucket=stored.bucket, Key=stored.key)
    assert len(text) > 8_192
    assert json.loads(text) == installed.document
    assert (
        head["SSEKMSKeyId"]
        == installed.cloud.client("ssm").get_parameter(Name="/erasure/dev/key-arn")["Parameter"][
            "Value"
        ]
    )
    assert s3.get_bucket_versioning(Bucket=stored.bucket)["Status"] == "Enabled"
    assert f"{len(text):,} bytes, a parameter holds 4,096" in installed.printed


def test_a_request_is_planned_and_completed(installed: Installed) -> None:
    road = installed.road
    subjects = [person.profile_id for person in synthetic.people(PEOPLE, seed=31)][:4]

    planned = json.loads(road.erasure("plan", "--profile-id", subjects[0], "--output", "json"))
    road.request("by-a-large-map", subjects)
    wait_until(lambda: road.is_closed("by-a-large-map"), what="the request closes", at_most_s=90)

    assert {store["store"] for store in planned["stores"]} >= {"customers", "loyalty_accounts"}
    assert road.status("by-a-large-map") == "COMPLETED"
    held = road.stores.holdings(subjects).values()
    assert sum(holding.rows_of_subjects for holding in held) == 0
    assert sum(holding.rows_of_others for holding in held) > 0


def test_it_is_compared_with_the_stores(installed: Installed) -> None:
    done = made("lint-data-map")

    assert installed.document
    assert done.stdout.splitlines()[-1] == "0 gaps between the data map and what there is."


def test_a_small_one_takes_its_place_again(installed: Installed, tmp_path: Path) -> None:
    done = made("deploy", SERVICE="platform", YES="1")

    value = installed.cloud.client("ssm").get_parameter(Name="/erasure/dev/data-map")
    assert done.returncode == 0
    assert "~ DataMapParameter (AWS::SSM::Parameter)" in done.stdout
    assert json.loads(value["Parameter"]["Value"]) == SMALL
