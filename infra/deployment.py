"""Deploys the stacks of a stage through CloudFormation, in AWS and in the local cloud alike.

Repeating it is safe: what did not change is left alone, and a parameter that is not named keeps
the value it has.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError, WaiterError

from infra.change_sets import NOT_MADE_YET, ChangeSet, ChangeSets, DeploymentFailed
from infra.zips import ROOT, SERVICES, build_all

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef, StackTypeDef
    from mypy_boto3_s3 import S3Client

__all__ = ["Deployer", "DeploymentFailed", "build_all", "deploy_all"]

PLATFORM = "platform"
# Each waits for the ones before it: adjudication reads the queues of location and purge.
WAVES: tuple[tuple[str, ...], ...] = (
    (PLATFORM,),
    ("ingestion", "location", "purge"),
    ("adjudication",),
)
_LOOKED_UP = "AWS::SSM::Parameter::Value<"
_STAGE_OF_THE_DEFAULTS = "/erasure/prod/"
_NEVER_WORKED = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
# What every stack must be told alike, and the platform was told first.
_SAME_EVERYWHERE = ("Encryption",)

Parameters = Mapping[str, str]
Confirm = Callable[[ChangeSet], bool]


class NotConfirmed(Exception):
    """Somebody said no."""


def _without_asking(_change_set: ChangeSet) -> bool:
    return True


def deploy_all(
    stage: str,
    zips: Mapping[str, Path],
    parameters: Mapping[str, Parameters] | None = None,
    *,
    stacks: Sequence[str] = (PLATFORM, *SERVICES),
    confirm: Confirm = _without_asking,
) -> dict[str, str]:
    """Deploys the platform and every service that has a zip; the outputs of all stacks together.

    `parameters` are those of the templates, by stack ("platform", "purge", ...). The platform's
    first data map is schemas/data_map.json unless it is given. Each stack's changes are shown to
    `confirm` before they are made.

    Raises:
        DeploymentFailed: names the stack, the resource and the reason.
        NotConfirmed: what was confirmed before stays deployed.
    """
    given = {name: dict(values) for name, values in (parameters or {}).items()}
    unknown = sorted({*given, *zips, *stacks} - {PLATFORM, *SERVICES})
    if unknown:
        raise DeploymentFailed(f"no such stack: {', '.join(unknown)}")
    deployer = Deployer(stage)
    if deployer.described(PLATFORM) is None:
        given[PLATFORM] = _data_map_of_the_repository() | given.get(PLATFORM, {})
    code = {name: deployer.upload(name, zips[name]) for name in zips if name in stacks}

    def prepared(name: str) -> ChangeSet | None:
        shared = {} if name == PLATFORM else deployer.shared_with(name)
        return deployer.prepare(name, {**shared, **code.get(name, {}), **given.get(name, {})})

    outputs: dict[str, str] = {}
    for wave in WAVES:
        names = [name for name in wave if name in stacks and (name == PLATFORM or name in zips)]
        with ThreadPoolExecutor() as pool:
            change_sets = [each for each in pool.map(prepared, names) if each]
            refused = [each for each in change_sets if not confirm(each)]
            if refused:
                for each in change_sets:
                    deployer.change_sets.discard(each)
                raise NotConfirmed(", ".join(each.stack for each in refused))
            list(pool.map(deployer.change_sets.execute, change_sets))
        for name in names:
            outputs |= deployer.outputs(name)
    return outputs


def version_of(service: str) -> str:
    """The version in the service's pyproject.toml."""
    text = (ROOT / "services" / service / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["version"])


def _data_map_of_the_repository() -> dict[str, str]:
    """Without its blanks: a template parameter holds 4,096 bytes."""
    data_map = json.loads((ROOT / "schemas" / "data_map.json").read_text(encoding="utf-8"))
    return {"DataMap": json.dumps(data_map, separators=(",", ":"))}


class Deployer:
    """Deploys the stacks of one stage into the account and region that boto3 finds."""

    def __init__(self, stage: str, *, templates: Path = ROOT / "infra") -> None:
        session = boto3.Session()
        self.stage = stage
        self.templates = templates
        self.region = session.region_name
        self.cloudformation: CloudFormationClient = session.client("cloudformation")
        self.change_sets = ChangeSets(self.cloudformation)
        self.s3: S3Client = session.client("s3")
        self.ssm = session.client("ssm")
        caller = session.client("sts").get_caller_identity()
        self.account = caller["Account"]
        self.partition = caller["Arn"].split(":")[1]

    def upload(self, name: str, code: Path) -> dict[str, str]:
        """Puts a zip where its content says; the template parameters that name it."""
        bucket = self._artifacts_bucket()
        with code.open("rb") as file:
            key = f"{name}/{hashlib.file_digest(file, 'sha256').hexdigest()}.zip"
        if not self.s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("KeyCount"):
            self.s3.upload_file(str(code), bucket, key)
        return {"CodeBucket": bucket, "CodeKey": key, "ServiceVersion": version_of(name)}

    def deploy(self, name: str, parameters: Parameters) -> dict[str, str]:
        """Creates or updates the stack of that name; its outputs.

        Raises:
            DeploymentFailed: names the stack, the resource and the reason.
        """
        change_set = self.prepare(name, parameters)
        if change_set:
            self.change_sets.execute(change_set)
        return self.outputs(name)

    def prepare(self, name: str, parameters: Parameters) -> ChangeSet | None:
        """What deploying would change; None: nothing.

        Raises:
            DeploymentFailed: names the stack and the reason.
        """
        stack = self.stack(name)
        template = self._template(name)
        known = self.described(name)
        if known and known["StackStatus"] in _NEVER_WORKED:
            self.delete(name)
            known = None
        values = {"Stage": self.stage, **parameters}
        tags = {"erasure:stage": self.stage, "erasure:stack": name}
        if "ServiceVersion" in values:
            tags["erasure:version"] = values["ServiceVersion"]
        return self.change_sets.prepare(
            stack,
            template,
            self._parameters(stack, template, values, known),
            [{"Key": key, "Value": value} for key, value in tags.items()],
            known=known,
            takes_up_what_was_kept=name == PLATFORM,
        )

    def _template(self, name: str) -> str:
        """Table names are written out: CloudFormation takes up a table that was kept only if its
        template names it literally (ImportExistingResources of CreateChangeSet).
        """
        template = (self.templates / f"{name}.yaml").read_text(encoding="utf-8")
        return template.replace(
            "TableName: !Sub erasure-${Stage}-", f"TableName: erasure-{self.stage}-"
        )

    def stack(self, name: str) -> str:
        """CloudFormation's name of a stack of ours."""
        return f"erasure-{self.stage}-{name}"

    def outputs(self, name: str) -> dict[str, str]:
        """The outputs of a stack; none if there is no stack."""
        described = self.described(name)
        outputs = described.get("Outputs", []) if described else []
        return {each["OutputKey"]: each["OutputValue"] for each in outputs}

    def shared_with(self, name: str) -> dict[str, str]:
        """What a service's stack is told as the platform was: encryption, tables of the data map.

        Raises:
            DeploymentFailed: there is no platform.
        """
        platform = self.described(PLATFORM)
        if platform is None:
            raise DeploymentFailed(
                f"{self.stack(name)}: the stage {self.stage} has no platform yet; "
                f"make deploy SERVICE=platform STAGE={self.stage} comes first"
            )
        told = {
            each["ParameterKey"]: each["ParameterValue"]
            for each in platform.get("Parameters", [])
            if each["ParameterKey"] in _SAME_EVERYWHERE
        }
        if name in ("location", "purge"):
            told["DynamoDbTableArns"] = ",".join(self._tables_of_the_data_map())
        return told

    def _tables_of_the_data_map(self) -> list[str]:
        name = f"/erasure/{self.stage}/data-map"
        data_map = json.loads(self.ssm.get_parameter(Name=name)["Parameter"]["Value"])
        tables = {store["table"] for store in data_map["stores"] if store["kind"] == "dynamodb"}
        prefix = f"arn:{self.partition}:dynamodb:{self.region}:{self.account}:table/"
        return [prefix + table for table in sorted(tables)]

    def _parameters(
        self, stack: str, template: str, values: Parameters, known: StackTypeDef | None
    ) -> list[ParameterTypeDef]:
        """Given values, the names of looked-up ones in this stage, and the rest as it was."""
        summary = self.cloudformation.get_template_summary(TemplateBody=template)
        declared = {each["ParameterKey"]: each for each in summary["Parameters"]}
        unknown = sorted(set(values) - set(declared))
        if unknown:
            raise DeploymentFailed(f"{stack}: its template has no parameter {', '.join(unknown)}")
        chosen = {
            key: each["DefaultValue"].replace(_STAGE_OF_THE_DEFAULTS, f"/erasure/{self.stage}/")
            for key, each in declared.items()
            if each["ParameterType"].startswith(_LOOKED_UP)
        } | dict(values)
        before = {each["ParameterKey"] for each in known.get("Parameters", [])} if known else set()
        kept = sorted(before & set(declared) - set(chosen))
        named: list[ParameterTypeDef] = [
            {"ParameterKey": key, "ParameterValue": value} for key, value in chosen.items()
        ]
        unchanged: list[ParameterTypeDef] = [
            {"ParameterKey": key, "UsePreviousValue": True} for key in kept
        ]
        return named + unchanged

    def described(self, name: str) -> StackTypeDef | None:
        """The stack as CloudFormation describes it, None if there is none."""
        try:
            stacks = self.cloudformation.describe_stacks(StackName=self.stack(name))["Stacks"]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return None
            raise
        return None if stacks[0]["StackStatus"] == NOT_MADE_YET else stacks[0]

    def delete(self, name: str) -> None:
        """Removes a stack; what its template retains stays.

        Raises:
            DeploymentFailed: CloudFormation could not.
        """
        stack = self.stack(name)
        self.cloudformation.delete_stack(StackName=stack)
        try:
            self.cloudformation.get_waiter("stack_delete_complete").wait(
                StackName=stack, WaiterConfig={"Delay": 2, "MaxAttempts": 300}
            )
        except WaiterError as error:
            raise DeploymentFailed(f"{stack}: cannot be removed: {error}") from error

    def _artifacts_bucket(self) -> str:
        """The bucket of the code, made when it is not there yet."""
        bucket = f"erasure-{self.stage}-artifacts-{self.account}"
        place: dict[str, Any] = {}
        if self.region != "us-east-1":
            place["CreateBucketConfiguration"] = {"LocationConstraint": self.region}
        try:
            self.s3.create_bucket(Bucket=bucket, **place)
        except self.s3.exceptions.BucketAlreadyOwnedByYou:
            return bucket
        except ClientError as error:
            message = error.response["Error"]["Message"]
            raise DeploymentFailed(f"no bucket {bucket} for the code: {message}") from error
        self.s3.put_public_access_block(
            Bucket=bucket,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
        )
        self.s3.put_bucket_policy(Bucket=bucket, Policy=self._encrypted_transport_only(bucket))
        return bucket

    def _encrypted_transport_only(self, bucket: str) -> str:
        arn = f"arn:{self.partition}:s3:::{bucket}"
        statement = {
            "Sid": "EncryptedTransportOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
