"""Deploys the stacks of a stage through CloudFormation, in AWS and in the local cloud alike.

Repeating it is safe: what did not change is left alone, and a parameter that is not named keeps
the value it has.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError, WaiterError

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
_NOTHING_TO_DO = "No updates are to be performed"
_LONGEST_WAIT_S = 1800.0

Parameters = Mapping[str, str]


class DeploymentFailed(Exception):
    """A stack could not be deployed."""


def deploy_all(
    stage: str,
    zips: Mapping[str, Path],
    parameters: Mapping[str, Parameters] | None = None,
) -> dict[str, str]:
    """Deploys the platform and every service that has a zip; the outputs of all stacks together.

    `parameters` are those of the templates, by stack ("platform", "purge", ...). The platform's
    data map is schemas/data_map.json unless it is given.

    Raises:
        DeploymentFailed: names the stack, the resource and the reason.
    """
    given = dict(parameters or {})
    given[PLATFORM] = _data_map_of_the_repository() | dict(given.get(PLATFORM, {}))
    unknown = sorted({*given, *zips} - {PLATFORM, *SERVICES})
    if unknown:
        raise DeploymentFailed(f"no such stack: {', '.join(unknown)}")
    deployer = Deployer(stage)
    code = {name: deployer.upload(name, path) for name, path in zips.items()}

    def deployed(name: str) -> dict[str, str]:
        return deployer.deploy(name, {**code.get(name, {}), **given.get(name, {})})

    outputs: dict[str, str] = {}
    for wave in WAVES:
        names = [name for name in wave if name == PLATFORM or name in zips]
        with ThreadPoolExecutor() as pool:
            for stack_outputs in pool.map(deployed, names):
                outputs |= stack_outputs
    return outputs


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
        self.s3: S3Client = session.client("s3")
        self.account = session.client("sts").get_caller_identity()["Account"]

    def upload(self, name: str, code: Path) -> dict[str, str]:
        """Puts a zip where its content says; the template parameters that name the place."""
        bucket = self._artifacts_bucket()
        with code.open("rb") as file:
            key = f"{name}/{hashlib.file_digest(file, 'sha256').hexdigest()}.zip"
        if not self.s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("KeyCount"):
            self.s3.upload_file(str(code), bucket, key)
        return {"CodeBucket": bucket, "CodeKey": key}

    def deploy(self, name: str, parameters: Parameters) -> dict[str, str]:
        """Creates or updates the stack of that name; its outputs.

        Raises:
            DeploymentFailed: names the stack, the resource and the reason.
        """
        stack = f"erasure-{self.stage}-{name}"
        template = (self.templates / f"{name}.yaml").read_text(encoding="utf-8")
        try:
            self._put(stack, template, {"Stage": self.stage, **parameters})
        except ClientError as error:
            raise DeploymentFailed(f"{stack}: {error.response['Error']['Message']}") from error
        described = self._described(stack)
        outputs = described.get("Outputs", []) if described else []
        return {each["OutputKey"]: each["OutputValue"] for each in outputs}

    def _put(self, stack: str, template: str, values: Parameters) -> None:
        known = self._described(stack)
        if known and known["StackStatus"] in _NEVER_WORKED:
            self._delete(stack)
            known = None
        operation = f"deploy-{uuid.uuid4()}"
        put = self.cloudformation.update_stack if known else self.cloudformation.create_stack
        try:
            started = put(
                StackName=stack,
                TemplateBody=template,
                Parameters=self._parameters(stack, template, values, known),
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
                Tags=[{"Key": "erasure:stage", "Value": self.stage}],
                ClientRequestToken=operation,
            )
        except ClientError as error:
            if _NOTHING_TO_DO in error.response["Error"]["Message"]:
                return
            raise
        self._wait(stack, started["StackId"], operation)

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

    def _wait(self, stack: str, stack_id: str, operation: str) -> None:
        pause_s, deadline = 0.1, time.monotonic() + _LONGEST_WAIT_S
        while (status := self._status(stack_id)).endswith("_IN_PROGRESS"):
            if time.monotonic() > deadline:
                raise DeploymentFailed(f"{stack}: still {status} after {_LONGEST_WAIT_S:.0f} s")
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 5.0)
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise DeploymentFailed(f"{stack}: {status}; {self._reason(stack_id, operation)}")

    def _reason(self, stack_id: str, operation: str) -> str:
        """What failed first in this operation: later failures are its consequences."""
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(
            StackName=stack_id
        )
        newest_first = [event for page in pages for event in page["StackEvents"]]
        failures = [
            event
            for event in newest_first
            if event.get("ResourceStatus", "").endswith("_FAILED")
            and event.get("ClientRequestToken", operation) == operation
        ]
        if not failures:
            return "CloudFormation gives no reason"
        first = failures[-1]
        resource = f"{first.get('LogicalResourceId')} ({first.get('ResourceType')})"
        return f"{resource}: {first.get('ResourceStatusReason', first.get('ResourceStatus'))}"

    def _status(self, stack_id: str) -> str:
        described = self._described(stack_id)
        return described["StackStatus"] if described else "gone"

    def _described(self, stack: str) -> StackTypeDef | None:
        """The stack as CloudFormation describes it, None if there is none."""
        try:
            stacks = self.cloudformation.describe_stacks(StackName=stack)["Stacks"]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return None
            raise
        return stacks[0]

    def _delete(self, stack: str) -> None:
        """Removes what a failed creation left; CloudFormation cannot update it."""
        self.cloudformation.delete_stack(StackName=stack)
        try:
            self.cloudformation.get_waiter("stack_delete_complete").wait(
                StackName=stack, WaiterConfig={"Delay": 2, "MaxAttempts": 300}
            )
        except WaiterError as error:
            raise DeploymentFailed(f"{stack}: what an earlier failure left cannot go") from error

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
        return bucket
