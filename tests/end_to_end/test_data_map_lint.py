"""`make lint-data-map` on the local cloud: clean as deployed, and every planted gap is found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra.local.cloud import LocalCloud
from infra.local.paths import ROOT

Lint = Callable[..., tuple[int, str]]


@pytest.fixture
def lint(cloud: LocalCloud) -> Lint:
    def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "infra.data_map_lint", *arguments]
        done = subprocess.run(
            command,
            env=os.environ | dict(cloud.environment) | {"NO_COLOR": "1"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture
def sql(cloud: LocalCloud) -> Iterator[psycopg.Connection]:
    with psycopg.connect(cloud.environment["ERASURE_PG_DSN"], autocommit=True) as connection:
        yield connection


@pytest.fixture
def deployed(cloud: LocalCloud) -> dict[str, Any]:
    name = f"/erasure/{cloud.stage}/data-map"
    value = cloud.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    document: dict[str, Any] = json.loads(value)
    return document


def test_the_deployed_map_has_no_gap(lint: Lint) -> None:
    code, said = lint()

    assert (code, said.splitlines()[-1]) == (0, "0 gaps between the data map and what there is.")


def test_a_table_and_a_column_that_came_later_are_gaps(lint: Lint, sql: psycopg.Connection) -> None:
    sql.execute("CREATE TABLE public.newsletter (email text)")
    sql.execute("ALTER TABLE public.customers ADD COLUMN birthday date")

    code, said = lint()

    sql.execute("DROP TABLE public.newsletter")
    sql.execute("ALTER TABLE public.customers DROP COLUMN birthday")
    assert code == 1
    assert "postgresql public.newsletter: is neither declared nor ignored" in said
    assert "customers (postgresql public.customers): column birthday is not classified" in said
    assert "2 gaps" in said


def test_an_attribute_and_a_table_of_dynamodb_that_came_later_are_gaps(
    lint: Lint, cloud: LocalCloud
) -> None:
    dynamodb = cloud.client("dynamodb")
    key = {"session_id": {"S": "lint"}}
    dynamodb.put_item(TableName="web_sessions", Item=key | {"canary_7f3a": {"S": "canary"}})
    dynamodb.create_table(
        TableName="orders",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )

    code, said = lint()

    dynamodb.delete_item(TableName="web_sessions", Key=key)
    dynamodb.delete_table(TableName="orders")
    assert code == 1
    assert "dynamodb orders: is neither declared nor ignored" in said
    assert "column canary_7f3a is not classified" in said


def test_a_map_in_a_file_is_compared_before_it_is_deployed(
    lint: Lint, deployed: dict[str, Any], tmp_path: Path
) -> None:
    deployed["stores"][0]["table"] = "profile"
    deployed["stores"][2]["index"] = "by_person"
    file = tmp_path / "data_map.json"
    file.write_text(json.dumps(deployed))

    code, said = lint("--file", str(file))

    assert code == 1
    assert ".profile): the table does not exist" in said
    assert ".profiles: is neither declared nor ignored" in said
    assert "the index by_person does not exist" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--stage", "nowhere"), "AWS refused GetParameter: ParameterNotFound"),
        (("--file", "missing.json"), "the file cannot be read"),
        (("--file", "README.md"), "the data map is not JSON"),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(
    lint: Lint, arguments: tuple[str, ...], words: str
) -> None:
    code, said = lint(*arguments)

    assert code == 2
    assert words in said
    assert "Traceback" not in said
