"""What is removed, what stays, and how it is taken up again."""

from __future__ import annotations

import json

import pytest

from infra.deployment import deploy_all
from infra.destroy import Destroyer, main
from infra.stage_files import BadInput
from tests.contract.local_cloud.cloud import Cloud, fresh_name

CLOSED = {
    "pk": {"S": "REQUEST#r1"},
    "sk": {"S": "REQUEST"},
    "status": {"S": "COMPLETED"},
}


@pytest.fixture(autouse=True)
def _credentials(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in cloud.emulator.credentials.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def stage(cloud: Cloud) -> str:
    """A platform with one closed request."""
    name = fresh_name().replace("-", "")[:16]
    deploy_all(name, {}, {"platform": {"DeletionProtection": "true"}})
    cloud.dynamodb.put_item(TableName=f"erasure-{name}-gdpr", Item=CLOSED)
    return name


def destroyed(stage: str, *, data: bool = False) -> list[str]:
    destroyer = Destroyer(stage)
    return list(destroyer.destroy(destroyer.plan(None, data=data), data=data))


def tables(cloud: Cloud) -> set[str]:
    return set(cloud.dynamodb.list_tables()["TableNames"])


def test_tables_lake_and_keys_outlive_the_stage(cloud: Cloud, stage: str) -> None:
    said = destroyed(stage)

    assert f"removed erasure-{stage}-platform" in said
    assert {f"erasure-{stage}-gdpr", f"erasure-{stage}-errors"} <= tables(cloud)
    cloud.s3.head_bucket(Bucket=f"erasure-{stage}-lake-123456789012")
    assert f"erasure-{stage}-mutex" not in tables(cloud)


def test_the_next_deployment_takes_up_what_was_kept(cloud: Cloud, stage: str) -> None:
    said = destroyed(stage)
    (told,) = [line for line in said if line.startswith("name these")]
    again = json.loads("{" + told.partition(": ")[2] + "}")

    outputs = deploy_all(stage, {}, again)

    assert outputs["KeyArn"] == again["platform"]["ExistingKeyArn"]
    key_of_the_item = {name: CLOSED[name] for name in ("pk", "sk")}
    found = cloud.dynamodb.get_item(TableName=f"erasure-{stage}-gdpr", Key=key_of_the_item)
    assert found["Item"] == CLOSED


def test_told_twice_everything_goes(cloud: Cloud, stage: str) -> None:
    lake = f"erasure-{stage}-lake-123456789012"
    for body in (b"one", b"two"):
        cloud.s3.put_object(Bucket=lake, Key="profiles/dt=2026-01-01/a", Body=body)
    cloud.s3.delete_object(Bucket=lake, Key="profiles/dt=2026-01-01/a")

    destroyed(stage, data=True)

    assert not {name for name in tables(cloud) if stage in name}
    assert not [b for b in cloud.s3.list_buckets()["Buckets"] if stage in b["Name"]]


def test_told_once_nothing_goes(
    cloud: Cloud, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([stage, "--yes", "--data"]) == 1

    assert f"say REALLY={stage}" in capsys.readouterr().err
    assert f"erasure-{stage}-mutex" in tables(cloud)


def test_a_stage_with_an_open_request_stays(cloud: Cloud, stage: str) -> None:
    opened = CLOSED | {"pk": {"S": "REQUEST#r2"}, "status": {"S": "PURGING"}}
    cloud.dynamodb.put_item(TableName=f"erasure-{stage}-gdpr", Item=opened)

    with pytest.raises(BadInput, match="1 requests are open"):
        Destroyer(stage).plan(None, data=False)


def test_what_is_not_deployed_cannot_be_removed(stage: str) -> None:
    with pytest.raises(BadInput, match=f"purge of the stage {stage} is not deployed"):
        Destroyer(stage).plan("purge", data=False)
