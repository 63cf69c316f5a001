"""The dry run: counts of what an erasure would touch, and not a trace of having looked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.aws import GDPR_TABLE
from tests.unit.location.deployment import (
    ATHENA_BUCKET,
    BOOKINGS,
    CANARY,
    LOYALTY,
    Deployment,
    deployed,
    store,
)


@pytest.fixture
def function() -> Iterator[Deployment]:
    with deployed() as function:
        yield function


def people(*names: str) -> dict[str, Any]:
    return {"subjects": [{"profile_id": name} for name in names]}


def test_a_plan_counts_what_an_erasure_would_touch(function: Deployment) -> None:
    store(CANARY, "bob", "zoe")

    plan = function.plan(people(CANARY, "bob", "nobody"))

    [accounts] = plan["stores"]
    assert plan["subjects"] == 3
    assert (accounts["store"], accounts["kind"]) == ("loyalty_accounts", "dynamodb")
    assert (accounts["locations"], accounts["rows"]) == (1, 2)
    assert accounts["search_s"] >= 0


def test_a_plan_records_nothing_and_publishes_nothing(function: Deployment) -> None:
    store(CANARY)

    function.plan(people(CANARY))

    assert boto3.client("dynamodb").scan(TableName=GDPR_TABLE)["Items"] == []
    assert function.events() == []


def test_a_plan_is_made_for_a_list_on_s3_as_well(function: Deployment) -> None:
    store(CANARY)
    body = json.dumps({"profile_id": CANARY}).encode()
    boto3.client("s3").put_object(Bucket=ATHENA_BUCKET, Key="requests/p.jsonl", Body=body)

    plan = function.plan({"subjects_uri": f"s3://{ATHENA_BUCKET}/requests/p.jsonl"})

    assert plan["stores"][0]["rows"] == 1


def test_a_store_that_cannot_be_searched_is_told_beside_the_others(function: Deployment) -> None:
    store(CANARY)
    function.declare(LOYALTY, LOYALTY | {"name": "missing", "table": "missing_table"})

    plan = function.plan(people(CANARY))

    accounts, missing = plan["stores"]
    assert accounts["rows"] == 1
    assert missing["reason_code"] == "DYNAMODB_ResourceNotFoundException"
    assert "rows" not in missing


def test_a_store_that_cannot_answer_now_leaves_no_plan_but_a_reason(function: Deployment) -> None:
    function.declare(LOYALTY, BOOKINGS)

    plan = function.plan(people(CANARY))

    assert plan["error"]["reason_code"] == "POSTGRESQL_DOWN"


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({}, "either subjects or subjects_uri"),
        (people("ann") | {"subjects_uri": "s3://b/k"}, "either subjects or subjects_uri"),
        (people("ann", "bob", "ann"), "must be distinct"),
        (people(), "subjects"),
        ({"subjects": [{"profile_id": ""}]}, "subjects.0.profile_id"),
        ({"subjects_uri": "https://canary"}, "subjects_uri"),
        ({"subjects_uri": f"s3://{ATHENA_BUCKET}/canary"}, "no such object"),
        (["canary"], "plan is not valid"),
    ],
)
def test_a_question_that_makes_no_sense_is_answered_with_the_rule_it_breaks(
    function: Deployment, question: object, words: str
) -> None:
    plan = function.plan(question)

    assert words in plan["error"]["reason"]
    assert "canary" not in str(plan)


def test_nobody_is_named_in_plans_or_logs(
    function: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    store(CANARY)

    plans = [function.plan(people(CANARY)), function.plan(people(CANARY, CANARY))]

    said = [str(plans), function.logs.getvalue(), capsys.readouterr().out]
    assert "erasure planned" in said[1]
    assert "anary" not in "".join(said)
