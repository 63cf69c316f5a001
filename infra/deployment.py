"""Deploys the stacks of a stage through CloudFormation, in AWS and in the local cloud alike.

Repeating it is safe: what did not change is left alone, and a parameter that is not named keeps
the value it has.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError, WaiterError

from erasure_shared.data_map import DataMapObject
from infra.artifacts import Artifacts, NoBucket, needs_an_object
from infra.change_sets import (
    NOT_MADE_YET,
    ChangeSet,
    ChangeSets,
    DeploymentFailed,
    NotConfirmed,
)
from infra.zips import ROOT, SERVICES, build_all

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef, StackTypeDef

__all__ = ["Deployer", "DeploymentFailed", "NotConfirmed", "build_all", "deploy_all"]

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
    if PLATFORM in stacks:
        given[PLATFORM] = _with_a_data_map(deployer, given.get(PLATFORM, {}))
    code = {name: deployer.upload(name, zips[name]) for name in zips if name in stacks}

    def prepared(name: str) -> ChangeSet | None:
        if name == PLATFORM:
            return deployer.prepare(name, deployer.with_its_map_placed(given[PLATFORM]))
        shared = deployer.shared_with(name)
        return deployer.prepare(name, {**shared, **code.get(name, {}), **given.get(name, {})})

    outputs: dict[str, str] = {}
    for wave in WAVES:
        names = [name for name in wave if name in stacks and (name == PLATFORM or name in zips)]
        _carry_out(deployer, names, prepared, confirm)
        for name in names:
            outputs |= deployer.outputs(name)
        if PLATFORM in names:
            deployer.with_its_map_placed(given[PLATFORM])  # now under the platform's new key
    return outputs


def _carry_out(
    deployer: Deployer,
    names: Sequence[str],
    prepared: Callable[[str], ChangeSet | None],
    confirm: Confirm,
) -> None:
    """Stacks that do not need each other, at the same time; none if one is refused."""
    with ThreadPoolExecutor() as pool:
        change_sets = [each for each in pool.map(prepared, names) if each]
        refused = [each for each in change_sets if not confirm(each)]
        if refused:
            for each in change_sets:
                deployer.change_sets.discard(each)
            stacks = ", ".join(each.stack for each in refused)
            raise NotConfirmed(f"not deployed: {stacks}")
        list(pool.map(deployer.change_sets.execute, change_sets))


def version_of(service: str) -> str:
    """The version in the service's pyproject.toml."""
    text = (ROOT / "services" / service / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["version"])


def _with_a_data_map(deployer: Deployer, platform: Parameters) -> dict[str, str]:
    """A platform that is new and was given none starts with that of the repository."""
    if "DataMap" in platform or deployer.described(PLATFORM):
        return dict(platform)
    data_map = json.loads((ROOT / "schemas" / "data_map.json").read_text(encoding="utf-8"))
    return {"DataMap": json.dumps(data_map, separators=(",", ":")), **platform}


class Deployer:
    """Deploys the stacks of one stage into the account and region that boto3 finds."""

    def __init__(self, stage: str, *, templates: Path = ROOT / "infra") -> None:
        session = boto3.Session()
        self.stage = stage
        self.templates = templates
        self.region = session.region_name
        self.cloudformation: CloudFormationClient = session.client("cloudformation")
        self.change_sets = ChangeSets(self.cloudformation)
        self.ssm = session.client("ssm")
        self.artifacts = Artifacts(session, stage)

    def upload(self, name: str, code: Path) -> dict[str, str]:
        """Puts a zip where its content says; the template parameters that name it.

        Raises:
            DeploymentFailed: there is no bucket to put it in.
        """
        try:
            key = self.artifacts.upload_code(name, code)
        except NoBucket as wrong:
            raise DeploymentFailed(str(wrong)) from wrong
        return {
            "CodeBucket": self.artifacts.bucket,
            "CodeKey": key,
            "ServiceVersion": version_of(name),
        }

    def with_its_map_placed(self, platform: Parameters) -> dict[str, str]:
        """The platform's parameters; instead of a large data map, the address of its object in S3.

        The object is there before anything names it. It is encrypted with the key that the platform
        is given, else with its own, else, before it has one, with one that S3 keeps.

        Raises:
            DeploymentFailed: there is no bucket to put it in.
        """
        data_map = platform.get("DataMap", "")
        if not needs_an_object(data_map):
            return dict(platform)
        ours = self.outputs(PLATFORM).get("KeyArn", "")
        key_arn = platform.get("ExistingKeyArn") or (ours if ours.startswith("arn:") else None)
        try:
            stored = self.artifacts.upload_data_map(data_map, key_arn=key_arn)
        except NoBucket as wrong:
            raise DeploymentFailed(str(wrong)) from wrong
        return {**platform, "DataMap": stored.uri}

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
        value = self.ssm.get_parameter(Name=name)["Parameter"]["Value"]
        stored = DataMapObject.named_by(value)
        data_map = json.loads(stored.text(self.artifacts.s3) if stored else value)
        tables = {store["table"] for store in data_map["stores"] if store["kind"] == "dynamodb"}
        account = self.artifacts.account
        prefix = f"arn:{self.artifacts.partition}:dynamodb:{self.region}:{account}:table/"
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
