"""`erasure request`: says exactly what is published, and never whom it names."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest

from erasure_shared.events import ErasureRequested
from tests.unit.adjudication.installed import ATHENA_BUCKET, erasure, heard
from tests.unit.adjudication.world import CANARY, World

AT = "2026-11-20T08:30:00Z"


def the_published() -> ErasureRequested:
    (event,) = heard()
    assert (event["source"], event["detail-type"]) == ("erasure.cli", "ErasureRequested")
    return ErasureRequested.read(event["detail"])


def names_of(event: ErasureRequested) -> list[str]:
    return [subject.profile_id.get_secret_value() for subject in event.subjects or ()]


def test_people_named_on_the_command_line_are_published(installed: World) -> None:
    result = erasure(
        *("request", "--profile-id", CANARY, "--profile-id", "bob"),
        *("--request-id", "r-1", "--received-at", AT),
    )

    assert result.exit_code == 0
    assert "Request r-1 published: 2 subjects." in result.output
    assert "erasure status r-1 --watch" in result.output
    assert CANARY not in result.output
    event = the_published()
    assert (event.request_id, names_of(event)) == ("r-1", [CANARY, "bob"])
    assert event.data()["received_at"] == AT


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("ann\nbob\n", ["ann", "bob"]),
        ("\ufeffann\r\n\r\n bob \r\n", ["ann", " bob "]),
        (
            '{"profile_id": "ann"}\n\n{"profile_id": "O\'Sample; \\"x\\" \\n😀"}\n',
            ["ann", 'O\'Sample; "x" \n😀'],
        ),
    ],
)
@pytest.mark.parametrize("by", ["file", "stdin"])
def test_people_are_read_line_by_line(
    installed: World, tmp_path: Path, text: str, names: list[str], by: str
) -> None:
    file = tmp_path / "subjects"
    file.write_bytes(text.encode())

    if by == "file":
        result = erasure("request", "--subjects", str(file))
    else:
        result = erasure("request", "--subjects", "-", stdin=text.encode())

    assert result.exit_code == 0, result.output
    assert names_of(the_published()) == names


def test_a_request_without_an_id_gets_a_new_one(installed: World) -> None:
    first = erasure("request", "--profile-id", "ann", "--output", "json")
    second = erasure("request", "--profile-id", "ann", "--output", "json")

    documents = [json.loads(result.output) for result in (first, second)]
    assert documents[0]["request_id"] != documents[1]["request_id"]
    assert {event["detail"]["data"]["request_id"] for event in heard()} == {
        document["request_id"] for document in documents
    }


@pytest.mark.parametrize(
    "names",
    [
        [f"p-{number}" for number in range(1_001)],
        [f"{number:03d}" + "😀" * 250 for number in range(100)],
    ],
    ids=["many", "large"],
)
def test_a_large_request_travels_as_a_claim_check_outside_of_the_lake(
    installed: World, names: list[str]
) -> None:
    result = erasure("request", "--subjects", "-", stdin="\n".join(names).encode())

    assert result.exit_code == 0, result.output
    event = the_published()
    assert event.subjects is None
    assert event.subjects_uri is not None
    bucket, _, key = event.subjects_uri.removeprefix("s3://").partition("/")
    assert (bucket, key.split("/")[0]) == (ATHENA_BUCKET, "requests")
    body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert [json.loads(line)["profile_id"] for line in body.splitlines()] == names


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no subject is named"),
        ("\n \n", "no subject is named"),
        (f"{CANARY}\nbob\n{CANARY}\n", "line 1 and line 3 name the same subject"),
        (f"bob\n{CANARY * 20}", "line 2 is not valid: profile_id:"),
        (f"bob\n{CANARY}\x00", "line 2 is not valid: profile_id: must not contain"),
        ('{"profile_id": "bob"}\n' + CANARY, "line 2 is not JSON"),
        ('{"profile_id": "bob"}\n{"' + CANARY + '": 1}', "line 2 is not valid: profile_id:"),
        ('{"profile_id": 1}', "line 1 is not valid: profile_id:"),
    ],
)
def test_a_bad_list_is_refused_by_line_and_rule(
    installed: World, text: str, complaint: str
) -> None:
    result = erasure("request", "--subjects", "-", stdin=text.encode())

    assert result.exit_code == 2
    assert complaint in result.stderr
    assert result.stderr.count("\n") == 1
    assert CANARY not in result.output
    assert heard() == []


def test_more_than_a_hundred_thousand_people_are_refused(installed: World) -> None:
    text = "\n".join(str(number) for number in range(100_001))

    result = erasure("request", "--subjects", "-", stdin=text.encode())

    assert result.exit_code == 2
    assert "at most 100,000 subjects" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "either --subjects or --profile-id"),
        (["--profile-id", "a", "--subjects", "-"], "either --subjects or --profile-id"),
        (["--profile-id", "a", "--request-id", "no blanks"], "request_id:"),
        (["--profile-id", "a", "--received-at", "yesterday"], "received_at: must be an RFC 3339"),
        (["--subjects", "/no/such/file"], "cannot be read: No such file"),
    ],
)
def test_a_wrong_command_line_is_said_to_be_wrong(
    installed: World, arguments: list[str], complaint: str
) -> None:
    result = erasure("request", *arguments, stdin=b"")

    assert result.exit_code == 2
    assert complaint in result.stderr


def test_text_that_is_not_utf_8_is_refused(installed: World) -> None:
    result = erasure("request", "--subjects", "-", stdin=b"\xff\xfe")

    assert result.exit_code == 2
    assert "is not UTF-8" in result.stderr


def test_nothing_stays_on_s3_when_the_bus_cannot_be_reached(
    installed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERASURE_BUS", "no-such-bus")
    text = "\n".join(str(number) for number in range(1_001))

    result = erasure("request", "--subjects", "-", stdin=text.encode())

    assert result.exit_code == 1
    assert boto3.client("s3").list_objects_v2(Bucket=ATHENA_BUCKET)["KeyCount"] == 0


def test_who_names_no_installation_is_told_how(
    installed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ERASURE_STAGE", "ERASURE_BUS"):
        monkeypatch.delenv(name)

    result = erasure("request", "--profile-id", "a")

    assert result.exit_code == 2
    assert "--stage" in result.stderr


def test_a_stage_is_looked_up_whatever_the_environment_says(
    installed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERASURE_BUS", "the-bus-of-another-stage")
    boto3.client("ssm").put_parameter(
        Name="/erasure/prod/bus-name", Value="erasure-local", Type="String"
    )

    result = erasure("request", "--profile-id", "ann", "--stage", "prod")
    unknown = erasure("request", "--profile-id", "ann", "--stage", "nowhere")

    assert result.exit_code == 0
    assert names_of(the_published()) == ["ann"]
    assert (unknown.exit_code, unknown.stderr.count("\n")) == (1, 1)
    assert "is the stage the right one?" in unknown.stderr
