"""Deploying: the real templates, and what happens when something is wrong, on the emulator."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.deployment import Deployer, DeploymentFailed, NotConfirmed, deploy_all, version_of
from infra.zips import SERVICES
from tests.contract.local_cloud.cloud import Cloud, fresh_name

PLATFORM = """
Parameters:
  Stage: {Type: String}
  Bus: {Type: String, Default: none}
Resources:
  BusNameParameter:
    Type: AWS::SSM::Parameter
    Properties: {Name: !Sub '/erasure/${Stage}/bus-name', Type: String, Value: !Ref Bus}
Outputs:
  BusName: {Value: !Ref Bus}
"""
SERVICE = """
Parameters:
  Stage: {Type: String}
  BusName: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /erasure/prod/bus-name}
Resources:
  NoteParameter:
    Type: AWS::SSM::Parameter
    Properties: {Name: !Sub '/erasure/${Stage}/note', Type: String, Value: !Ref BusName}
Outputs:
  Note: {Value: !Ref BusName}
"""


@pytest.fixture(autouse=True)
def _credentials(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in cloud.emulator.credentials.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def deployer(tmp_path: Path) -> Deployer:
    (tmp_path / "platform.yaml").write_text(PLATFORM)
    (tmp_path / "purge.yaml").write_text(SERVICE)
    return Deployer(fresh_name().replace("-", ""), templates=tmp_path)


@pytest.fixture
def zips(cloud: Cloud, tmp_path: Path) -> Mapping[str, Path]:
    """Zips that answer any event, in place of the services'."""
    source = "def handler(event, context):\n    return {'batchItemFailures': []}\n"
    return {name: cloud_zip(tmp_path, name, source) for name in SERVICES}


def cloud_zip(directory: Path, service: str, source: str) -> Path:
    path = directory / f"{service}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"erasure_{service}/__init__.py", "")
        archive.writestr(f"erasure_{service}/handler.py", source)
    return path


def test_the_templates_deploy_and_the_functions_run(cloud: Cloud, zips: Mapping[str, Path]) -> None:
    outputs = deploy_all("trial", zips, {"platform": {"DeletionProtection": "false"}})

    for service in ("location", "purge", "adjudication"):
        function = outputs[f"{service.capitalize()}Function"]
        answer = cloud.lambda_.invoke(FunctionName=function, Payload=b'{"Records": []}')
        assert answer["Payload"].read() == b'{"batchItemFailures": []}'


LEAN = {
    "platform": {"Encryption": "aws", "PostgresqlHost": "proxy.example"},
    "ingestion": {"DeliveryMode": "direct"},
    "location": {"DatabaseUserArn": "arn:aws:rds-db:eu-west-1:123456789012:dbuser:p/erasure"},
    "purge": {"DatabaseUserArn": "arn:aws:rds-db:eu-west-1:123456789012:dbuser:p/erasure"},
}


def test_the_leanest_stage_has_no_key_no_password_and_no_stream(
    cloud: Cloud, zips: Mapping[str, Path]
) -> None:
    outputs = deploy_all("lean", zips, LEAN)

    function = cloud.lambda_.get_function_configuration(FunctionName="erasure-lean-purge")
    settings = function["Environment"]["Variables"]
    assert settings["ERASURE_POSTGRESQL_SECRET"] == "/erasure/lean/postgresql"
    assert outputs["KeyArn"] == "aws-keeps-the-keys"
    assert "StreamName" not in outputs
    assert outputs["DeliveryStreamName"] == "erasure-lean-profiles"


def test_a_stage_uses_the_lake_and_the_key_that_it_is_given(
    cloud: Cloud, zips: Mapping[str, Path]
) -> None:
    bucket, key = cloud.bucket(versioned=True), cloud.kms.create_key()["KeyMetadata"]["Arn"]
    cloud.glue.create_database(DatabaseInput={"Name": "warehouse"})
    own = {
        "ExistingLakeBucket": bucket,
        "ExistingKeyArn": key,
        "ExistingGlueDatabase": "warehouse",
        "AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:ours",
    }

    outputs = deploy_all("own", zips, {"platform": own})

    function = cloud.lambda_.get_function_configuration(FunctionName="erasure-own-location")
    assert function["Environment"]["Variables"]["ERASURE_GLUE_DATABASE"] == "warehouse"
    assert (outputs["LakeBucket"], outputs["KeyArn"]) == (bucket, key)
    buckets = {each["Name"] for each in cloud.s3.list_buckets()["Buckets"]}
    assert not {name for name in buckets if name.startswith("erasure-own-lake")}
    cloud.glue.get_table(DatabaseName="warehouse", Name="profiles")


def test_a_stack_says_which_version_of_the_code_it_runs(
    cloud: Cloud, zips: Mapping[str, Path]
) -> None:
    outputs = deploy_all("versions", zips)

    stacks = cloud.cloudformation.describe_stacks(StackName="erasure-versions-purge")["Stacks"]
    tags = {tag["Key"]: tag["Value"] for tag in stacks[0]["Tags"]}
    assert outputs["PurgeVersion"] == tags["erasure:version"] == version_of("purge")


def test_changes_that_nobody_confirms_are_not_made(cloud: Cloud, zips: Mapping[str, Path]) -> None:
    with pytest.raises(NotConfirmed, match="erasure-refused-platform"):
        deploy_all("refused", zips, confirm=lambda _: False)

    stacks = cloud.cloudformation.describe_stacks()["Stacks"]
    left = [each for each in stacks if each["StackName"].startswith("erasure-refused")]
    assert {each["StackStatus"] for each in left} <= {"DELETE_COMPLETE"}


def test_deploying_again_changes_nothing(cloud: Cloud, deployer: Deployer) -> None:
    first = deployer.deploy("platform", {"Bus": "one"})
    events_before = cloud.cloudformation.describe_stack_events(StackName=stack(deployer))

    again = deployer.deploy("platform", {"Bus": "one"})

    events_after = cloud.cloudformation.describe_stack_events(StackName=stack(deployer))
    assert again == first == {"BusName": "one"}
    assert events_after["StackEvents"] == events_before["StackEvents"]


def test_a_parameter_that_is_not_named_keeps_its_value(deployer: Deployer) -> None:
    deployer.deploy("platform", {"Bus": "one"})
    (deployer.templates / "platform.yaml").write_text(PLATFORM + "  More: {Value: more}\n")

    outputs = deployer.deploy("platform", {})

    assert outputs == {"BusName": "one", "More": "more"}


def test_a_service_looks_up_the_platform_of_its_own_stage(deployer: Deployer) -> None:
    deployer.deploy("platform", {"Bus": "ours"})

    assert deployer.deploy("purge", {}) == {"Note": "ours"}


def test_without_its_platform_a_service_is_refused_before_anything_exists(
    cloud: Cloud, deployer: Deployer
) -> None:
    with pytest.raises(DeploymentFailed, match=f"/erasure/{deployer.stage}/bus-name"):
        deployer.deploy("purge", {})

    names = [each["StackName"] for each in cloud.cloudformation.describe_stacks()["Stacks"]]
    assert stack(deployer, "purge") not in names


def test_a_parameter_that_the_template_does_not_have_is_refused(deployer: Deployer) -> None:
    with pytest.raises(DeploymentFailed, match="no parameter Bos"):
        deployer.deploy("platform", {"Bos": "typing error"})


def test_a_stack_that_does_not_exist_is_refused() -> None:
    with pytest.raises(DeploymentFailed, match="no such stack: purgatory"):
        deploy_all("trial", {}, {"purgatory": {}})


def test_a_failure_names_the_stack_the_resource_and_the_reason(
    cloud: Cloud, deployer: Deployer
) -> None:
    deployer.deploy("platform", {})
    taken = f"/erasure/{deployer.stage}/note"
    cloud.ssm.put_parameter(Name=taken, Type="String", Value="somebody else's")

    with pytest.raises(DeploymentFailed) as failed:
        deployer.deploy("purge", {})

    message = str(failed.value)
    assert message.startswith(f"{stack(deployer, 'purge')}: ROLLBACK_COMPLETE; NoteParameter ")
    assert "AlreadyExists" in message


def test_after_a_failed_creation_the_next_attempt_succeeds(
    cloud: Cloud, deployer: Deployer
) -> None:
    deployer.deploy("platform", {"Bus": "ours"})
    taken = f"/erasure/{deployer.stage}/note"
    cloud.ssm.put_parameter(Name=taken, Type="String", Value="somebody else's")
    with pytest.raises(DeploymentFailed):
        deployer.deploy("purge", {})
    cloud.ssm.delete_parameter(Name=taken)

    assert deployer.deploy("purge", {}) == {"Note": "ours"}


def test_a_failed_update_names_its_own_reason_and_the_old_stack_stays(
    cloud: Cloud, deployer: Deployer
) -> None:
    deployer.deploy("platform", {"Bus": "one"})
    broken = "  BusNameAgain:\n    Type: AWS::SSM::Parameter\n    Properties: {Name: !Sub "
    broken += "'/erasure/${Stage}/taken', Type: String, Value: x}\nOutputs:"
    taken = f"/erasure/{deployer.stage}/taken"
    cloud.ssm.put_parameter(Name=taken, Type="String", Value="somebody else's")
    (deployer.templates / "platform.yaml").write_text(PLATFORM.replace("Outputs:", broken))

    with pytest.raises(DeploymentFailed, match="UPDATE_ROLLBACK_COMPLETE; BusNameAgain "):
        deployer.deploy("platform", {"Bus": "two"})

    name = f"/erasure/{deployer.stage}/bus-name"
    assert cloud.ssm.get_parameter(Name=name)["Parameter"]["Value"] == "one"


def test_code_lies_under_its_content_in_a_bucket_that_nobody_else_reads(
    cloud: Cloud, deployer: Deployer, tmp_path: Path
) -> None:
    first = deployer.upload("purge", cloud_zip(tmp_path, "purge", "one = 1\n"))
    second = deployer.upload("purge", cloud_zip(tmp_path, "purge", "two = 2\n"))

    bucket = first["CodeBucket"]
    stored = cloud.s3.list_objects_v2(Bucket=bucket)["Contents"]
    access = cloud.s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert {each["Key"] for each in stored} == {first["CodeKey"], second["CodeKey"]}
    assert set(access.values()) == {True}


def stack(deployer: Deployer, name: str = "platform") -> str:
    return f"erasure-{deployer.stage}-{name}"
