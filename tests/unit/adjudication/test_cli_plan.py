"""`erasure plan`: asks the location function, prices its answer, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import pytest

from erasure_adjudication.cli import planner
from tests.unit.adjudication.installed import ATHENA_BUCKET, bodies_in, erasure
from tests.unit.adjudication.world import CANARY, World

LAKE = {
    "store": "profiles_lake",
    "kind": "s3",
    "locations": 12,
    "rows": 340,
    "size_bytes": 1_540_000_000,
    "largest_bytes": 130_000_000,
    "scanned_bytes": 40_000_000_000,
    "unreadable": 0,
    "search_s": 30.0,
}
ACCOUNTS = LAKE | {
    "store": "loyalty_accounts",
    "kind": "dynamodb",
    "locations": 1,
    "rows": 7,
    "size_bytes": 1_400,
    "largest_bytes": 1_400,
    "scanned_bytes": 0,
    "search_s": 0.5,
}
NOBODY = ACCOUNTS | {
    "store": "bookings",
    "kind": "postgresql",
    "locations": 0,
    "rows": 0,
    "size_bytes": 0,
    "largest_bytes": 0,
}
LOST = {
    "store": "old_accounts",
    "kind": "dynamodb",
    "reason_code": "DYNAMODB_ResourceNotFoundException",
    "reason": "the table does not exist",
    "search_s": 0.1,
}


@dataclass
class FakeFunction:
    """A location function at an address of its own that answers as it is told."""

    answer: Any = field(default_factory=lambda: {"subjects": 2, "stores": [LAKE, ACCOUNTS, NOBODY]})
    failed: bool = False
    asked: list[tuple[str, Any]] = field(default_factory=list)
    lists: list[list[str]] = field(default_factory=list)

    def invoke(self, path: str, question: bytes) -> bytes:
        document = json.loads(question)
        self.asked.append((path.split("/")[3], document))
        if uri := document["plan"].get("subjects_uri"):
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
            self.lists.append([json.loads(line)["profile_id"] for line in body.splitlines()])
        return json.dumps(self.answer).encode()


@contextmanager
def serving(function: FakeFunction) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = self.rfile.read(int(self.headers["Content-Length"]))
            body = function.invoke(self.path, question)
            self.send_response(200)
            if function.failed:
                self.send_header("X-Amz-Function-Error", "Unhandled")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def function(installed: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeFunction]:
    function = FakeFunction()
    with serving(function) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        yield function


def test_a_plan_tells_locations_rows_bytes_dollars_and_minutes(function: FakeFunction) -> None:
    result = erasure("plan", "--profile-id", CANARY, "--profile-id", "bob")

    rows = [line.split() for line in result.output.splitlines()]
    assert result.exit_code == 0
    assert "Plan for 2 subjects. Nothing was changed." in result.output
    assert ["profiles_lake", "12", "objects", "340", "1.5", "GB", "$0.21"] in rows
    assert ["loyalty_accounts", "1", "table", "7", "-", "less", "than", "$0.01"] in rows
    assert ["bookings", "nobody", "-", "-", "less", "than", "$0.01"] in rows
    assert "In all about 2 minutes and $0.21." in result.output
    assert "list prices of us-east-1" in result.output


def test_the_function_of_the_stage_is_asked_about_the_people(function: FakeFunction) -> None:
    result = erasure("plan", "--subjects", "-", stdin=f"{CANARY}\nbob\n")

    people = [{"profile_id": CANARY}, {"profile_id": "bob"}]
    assert function.asked == [("erasure-local-location", {"plan": {"subjects": people}})]
    assert CANARY not in result.output


def test_a_plan_publishes_nothing(function: FakeFunction) -> None:
    erasure("plan", "--profile-id", CANARY)

    assert bodies_in("heard") == []


def test_more_people_than_an_invocation_takes_are_a_list_that_is_deleted_again(
    function: FakeFunction, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(planner, "LARGEST_QUESTION_BYTES", 50)
    file = tmp_path / "people"
    file.write_text(f"{CANARY}\nbob\n")

    erasure("plan", "--subjects", str(file))

    assert function.lists == [[CANARY, "bob"]]
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=ATHENA_BUCKET)


def test_a_plan_for_programs_has_every_line_of_its_price(function: FakeFunction) -> None:
    result = erasure("plan", "--profile-id", CANARY, "--output", "json")

    plan = json.loads(result.output)
    assert plan["subjects"] == 2
    assert plan["usd"] == pytest.approx(sum(line["usd"] for line in plan["lines"]))
    assert plan["usd"] == pytest.approx(sum(store["usd"] for store in plan["stores"]))
    assert plan["prices"]["region"] == "us-east-1"


def test_a_store_that_cannot_be_searched_makes_the_plan_incomplete(
    function: FakeFunction,
) -> None:
    function.answer["stores"].append(LOST)

    result = erasure("plan", "--profile-id", CANARY)

    assert result.exit_code == 1
    assert "the table does not exist" in result.output
    assert "In all at least 2 minutes" in result.output
    assert "the plan is incomplete" in result.output


def test_objects_that_cannot_be_read_are_told(function: FakeFunction) -> None:
    function.answer["stores"][0] = LAKE | {"unreadable": 2}

    result = erasure("plan", "--profile-id", CANARY)

    assert "2 objects cannot be read" in result.output


def test_the_functions_reason_is_told(function: FakeFunction) -> None:
    reason = {"reason_code": "POSTGRESQL_DOWN", "reason": "PostgreSQL does not answer"}
    function.answer = {"error": reason}

    result = erasure("plan", "--profile-id", CANARY)

    assert result.exit_code == 1
    assert "error: PostgreSQL does not answer" in result.output


def test_what_a_crashed_function_says_is_not_repeated(function: FakeFunction) -> None:
    function.failed, function.answer = True, {"errorMessage": f"KeyError: {CANARY}"}

    result = erasure("plan", "--profile-id", CANARY)

    assert result.exit_code == 1
    assert "the location function failed" in result.output
    assert CANARY not in result.output


def test_nobody_named_is_a_wrong_command_line(function: FakeFunction) -> None:
    result = erasure("plan")

    assert result.exit_code == 2
    assert function.asked == []
