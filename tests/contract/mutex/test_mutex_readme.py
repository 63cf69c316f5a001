"""The README's example runs as it is printed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from tests.contract.mutex.servers import ROOT

README = ROOT / "shared/README.md"


@pytest.fixture
def _locks_table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        boto3.client("dynamodb").create_table(
            TableName="locks",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        )
        yield


@pytest.mark.usefixtures("_locks_table")
def test_the_example_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    found = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None

    names: dict[str, object] = {}
    exec(compile(found[1], str(README), "exec"), names)

    assert names["committed"] == names["work"]
    assert capsys.readouterr().out == "None\n"


def test_the_mutex_imports_only_boto3_botocore_and_the_standard_library() -> None:
    imported = set()
    for module in (ROOT / "shared/src/erasure_shared/mutex").glob("*.py"):
        imported |= set(re.findall(r"^(?:from|import) (\w+)", module.read_text(), re.MULTILINE))

    foreign = imported - sys.stdlib_module_names - {"boto3", "botocore", "erasure_shared"}

    assert foreign == set()


def test_the_mutex_imports_nothing_else_of_the_shared_package() -> None:
    for module in (ROOT / "shared/src/erasure_shared/mutex").glob("*.py"):
        imports = re.findall(r"^from (erasure_shared\.\w+)", module.read_text(), re.MULTILINE)
        assert set(imports) <= {"erasure_shared.mutex"}


def test_importing_the_mutex_makes_no_client_and_starts_no_thread() -> None:
    script = """
import threading
import boto3
import erasure_shared.mutex
print(boto3.DEFAULT_SESSION, threading.active_count())
"""

    output = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert output.stdout == "None 1\n"
