"""Services come and go one by one, while the others work on: no message is lost.

It runs the commands of the README's deployment section.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.demo.road import Road, wait_until
from infra.local.cloud import LocalCloud
from tests import synthetic

ROOT = Path(__file__).resolve().parents[2]
MAKE = ("make", "--no-print-directory")
UPDATE = ("SERVICE=purge", "STAGE=local", "YES=1")
PEOPLE = 120
RECORDS = 1_500


def make(target: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What people type, against the local cloud."""
    given = [f"{name}={value}" for name, value in variables.items()]
    return subprocess.run(
        [*MAKE, target, *given],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def done(target: str, **variables: str) -> str:
    finished = make(target, STAGE="local", YES="1", **variables)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def batch(road: Road) -> list[str]:
    """People in the lake, to be erased."""
    everyone = synthetic.people(PEOPLE, seed=11)
    had = road.stores.lake_row_count()
    road.stores.stream(synthetic.records(everyone, RECORDS, seed=11), lambda _: None)
    wait_until(
        lambda: road.stores.lake_row_count() >= had + RECORDS,
        what="the records arrive in the lake",
        at_most_s=90,
    )
    return [person.profile_id for person in everyone]


def completed(road: Road, *request_ids: str) -> None:
    wait_until(
        lambda: all(map(road.is_closed, request_ids)),
        what=f"{', '.join(request_ids)} close",
        at_most_s=150,
        look=lambda: None,
    )
    assert {road.status(each) for each in request_ids} == {"COMPLETED"}


def test_purge_is_updated_while_a_batch_runs_and_messages_sent_meanwhile_are_processed(
    road: Road, batch: list[str], cloud: LocalCloud
) -> None:
    road.request("before-the-update", batch[:40])
    changed = cloud.client("lambda").get_function_configuration(FunctionName="erasure-local-purge")
    memory = 2560 if changed["MemorySize"] != 2560 else 2048
    updating = subprocess.Popen(
        [*MAKE, "deploy", *UPDATE, f"PARAMETERS=purge.MemoryMegabytes={memory}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    for number in range(4):
        road.request(f"during-the-update-{number}", batch[40 + 10 * number : 50 + 10 * number])
    printed, _ = updating.communicate(timeout=300)

    assert updating.returncode == 0
    assert "~ Function (AWS::Lambda::Function)" in printed
    now = cloud.client("lambda").get_function_configuration(FunctionName="erasure-local-purge")
    assert now["MemorySize"] == memory
    completed(road, "before-the-update", *(f"during-the-update-{n}" for n in range(4)))


@dataclass(frozen=True)
class Meanwhile:
    """What was printed when adjudication went and came back, and what failed without it."""

    removed: str
    deployed: str
    request_id: str
    broken_key: str
    intact: bytes


@pytest.fixture(scope="module")
def meanwhile(road: Road, batch: list[str], cloud: LocalCloud) -> Meanwhile:
    key = road.stores.lake_keys()[0]
    intact = road.stores.object(key)
    removed = done("destroy", SERVICE="adjudication")
    road.stores.replace_object(key, intact[: len(intact) // 2])
    road.request("without-adjudication", batch[80:100])
    wait_until(
        lambda: dead_letters(cloud) > 0, what="something fails without adjudication", at_most_s=120
    )
    deployed = done("deploy", SERVICE="adjudication")
    wait_until(
        lambda: bool(errors_of(road, "without-adjudication")),
        what="the error is recorded",
        at_most_s=90,
    )
    return Meanwhile(removed, deployed, "without-adjudication", key, intact)


def errors_of(road: Road, request_id: str) -> list[dict[str, Any]]:
    return [error for error in road.open_errors() if error["request_id"] == request_id]


def test_adjudication_finds_the_dead_letters_of_the_time_when_it_was_not_there(
    road: Road, meanwhile: Meanwhile
) -> None:
    assert "removed erasure-local-adjudication" in meanwhile.removed
    assert "AdjudicationVersion = " in meanwhile.deployed
    assert errors_of(road, meanwhile.request_id)


def test_a_stage_with_an_open_request_is_not_removed(
    cloud: LocalCloud, meanwhile: Meanwhile
) -> None:
    before = stacks(cloud)

    refused = make("destroy", STAGE="local", YES="1")

    assert meanwhile.request_id
    assert refused.returncode != 0
    assert "requests are open" in refused.stderr
    assert stacks(cloud) == before


def test_what_failed_meanwhile_is_retried_and_completed(road: Road, meanwhile: Meanwhile) -> None:
    road.stores.replace_object(meanwhile.broken_key, meanwhile.intact)

    for error in errors_of(road, meanwhile.request_id):
        road.erasure("errors", "retry", error["error_id"])

    completed(road, meanwhile.request_id)


def dead_letters(cloud: LocalCloud) -> int:
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName="erasure-local-purge-dead-letters")["QueueUrl"]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def test_deploying_what_is_deployed_changes_nothing(road: Road) -> None:
    done("deploy", SERVICE="location")

    assert done("deploy", SERVICE="location").startswith("nothing to change")


def test_nothing_is_deployed_without_a_yes(road: Road) -> None:
    refused = make(
        "deploy", STAGE="local", SERVICE="location", PARAMETERS="location.MemoryMegabytes=1536"
    )

    assert "~ Function (AWS::Lambda::Function)" in refused.stdout
    assert "make deploy: not deployed: erasure-local-location" in refused.stderr
    assert refused.returncode != 0


def test_data_is_not_deleted_unless_one_is_told_twice() -> None:
    refused = make("destroy", STAGE="local", YES="1", DATA="delete")

    assert refused.returncode != 0
    assert "say REALLY=local, too" in refused.stderr


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"STAGE": "Prod"}, "a stage is a lower-case letter"),
        ({"STAGE": "nowhere"}, "no stage nowhere: infra/stages has dev, prod"),
        ({"STAGE": "dev", "SERVICE": "purge"}, "the stage dev has no platform yet"),
        ({"STAGE": "local", "SERVICE": "purgatory"}, "SERVICE=purgatory: there are platform"),
    ],
)
def test_what_cannot_be_deployed_is_said_in_one_line(
    cloud: LocalCloud, road: Road, variables: dict[str, str], message: str
) -> None:
    before = stacks(cloud)

    refused = make("deploy", YES="1", **variables)

    assert refused.returncode != 0
    said = [line for line in refused.stderr.splitlines() if line.startswith("make deploy:")]
    assert len(said) == 1
    assert message in said[0]
    assert stacks(cloud) == before


def stacks(cloud: LocalCloud) -> set[str]:
    described = cloud.client("cloudformation").describe_stacks()["Stacks"]
    return {each["StackName"] for each in described if each["StackStatus"] != "DELETE_COMPLETE"}


def test_the_watch_counts_what_waits_for_people(cloud: LocalCloud, meanwhile: Meanwhile) -> None:
    answer = cloud.client("lambda").invoke(FunctionName="erasure-local-watch", Payload=b"{}")

    assert meanwhile.request_id
    assert set(json.loads(answer["Payload"].read())) == {
        "open_errors",
        "errors_overdue",
        "open_requests",
        "requests_due_soon",
    }
