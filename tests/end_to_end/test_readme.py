"""The commands of README.md do what it says, as a newcomer would type them."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.demo.road import wait_until

ROOT = Path(__file__).resolve().parents[2]
ENV_FILE = ROOT / ".local" / "env"
ARROW_TYPES = {  # what Firehose writes for the Glue types of our table
    "string": "string",
    "int": "int32",
    "timestamp": "timestamp[ns]",
    "decimal(18,2)": "decimal128(18, 2)",
    "array<string>": "list",
    "struct<street:string,city:string,postal_code:string,country:string>": "struct",
    "array<struct<purpose:string,granted:boolean,at:timestamp>>": "list",
}


def blocks(language: str) -> list[str]:
    """The fenced blocks of README.md in that language."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def shell(script: str) -> str:
    """Run a script as somebody would who has just sourced `.local/env`."""
    done = subprocess.run(
        ["bash", "-euc", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """The exports of `make up`, which runs meanwhile."""
    up = subprocess.Popen(
        ["make", "up"], cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True
    )
    wait_until(
        lambda: ENV_FILE.exists() or up.poll() is not None, what="make up is ready", at_most_s=120
    )
    assert up.poll() is None
    exported = shell(f"source {ENV_FILE}; env -0").split("\0")
    yield dict(line.split("=", 1) for line in exported if "=" in line)
    os.killpg(up.pid, signal.SIGINT)
    up.wait(timeout=60)
    assert not ENV_FILE.exists()


@pytest.fixture(scope="module")
def after_the_commands(environment: dict[str, str]) -> dict[str, str]:
    """Every command of the section "Use it" has been typed, in order."""
    source, feed, publish, follow = blocks("bash")
    shell(source + feed)
    wait_until(
        lambda: bool(lake_objects(environment)), what="the record lands in the lake", at_most_s=60
    )
    shell(source + publish)
    (python,) = blocks("python")
    subprocess.run([sys.executable, "-c", python], env=os.environ | environment, check=True)
    wait_until(
        lambda: status(source, "case-1") == status(source, "case-2") == "COMPLETED",
        what="both cases are completed",
        at_most_s=120,
    )
    return {"printed": shell(source + follow), "source": source}


def status(source: str, request_id: str) -> str:
    """What `erasure status` says of a request; nothing while it is not recorded yet."""
    printed = shell(f"{source}erasure status {request_id} --output json || test $? = 3")
    return str(json.loads(printed).get("status", "")) if printed.startswith("{") else ""


def lake_objects(environment: dict[str, str]) -> list[Any]:
    """The objects of the lake with their bodies."""
    s3 = boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_DEFAULT_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    bucket = environment["ERASURE_LAKE_BUCKET"]
    listed = s3.list_object_versions(Bucket=bucket, Prefix="profiles/")
    return [
        s3.get_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])["Body"]
        for version in listed.get("Versions", [])
    ]


def test_a_record_lands_as_gzip_parquet_with_the_columns_of_the_glue_table(
    environment: dict[str, str],
) -> None:
    source, feed, *_ = blocks("bash")
    shell(source + feed)
    wait_until(
        lambda: bool(lake_objects(environment)), what="the record lands in the lake", at_most_s=60
    )

    file = pq.ParquetFile(io.BytesIO(lake_objects(environment)[0].read()))

    declared = json.loads((ROOT / "schemas/tables/profiles.json").read_text(encoding="utf-8"))
    found = [(field.name, str(field.type).split("<")[0]) for field in file.schema_arrow]
    assert found == [
        (column["Name"], ARROW_TYPES[column["Type"]].split("<")[0]) for column in declared
    ]
    assert file.metadata.row_group(0).column(0).compression == "GZIP"


def test_the_requests_of_the_readme_are_completed(after_the_commands: dict[str, str]) -> None:
    assert "case-1" in after_the_commands["printed"]
    assert "COMPLETED" in after_the_commands["printed"].upper()


def test_the_person_of_the_readme_is_erased(
    environment: dict[str, str], after_the_commands: dict[str, str]
) -> None:
    assert after_the_commands
    assert lake_objects(environment) == []


def test_make_demo_proves_the_erasure() -> None:
    done = subprocess.run(
        ["make", "demo"], cwd=ROOT, capture_output=True, text=True, timeout=400, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "BROKEN" not in done.stdout
    assert "proven in" in done.stdout


def test_the_engine_erases_from_a_file_as_the_readme_says(tmp_path: Path) -> None:
    (command,) = [
        line for block in blocks("console") for line in block.splitlines() if "parquet" in line
    ]
    table = pa.table({"profile_id": ["p-1", "p-2", "p-1"], "email": ["a", "b", "a"]})
    pq.write_table(table, tmp_path / "people.parquet")
    (tmp_path / "ids.txt").write_text("p-1\n", encoding="utf-8")
    program, *arguments = command.split()

    done = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert pq.read_table(tmp_path / "rest.parquet").column("profile_id").to_pylist() == ["p-2"]


def test_every_make_target_that_the_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`?\bmake ([a-z-]+)", (ROOT / "README.md").read_text()))

    assert named
    assert named <= targets
