"""Deploys the stacks of a stage through CloudFormation, in AWS and in the local cloud alike.

Repeating it is safe: what did not change is left alone, and a parameter that is not named keeps
the value it has.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError, WaiterError

from infra.zips import ROOT, SERVICES, build_all

__all__ = ["Deployer", "DeploymentFailed", "build_all", "deploy_all"]

# Each waits for the ones before it: adjudication reads the queues of location and purge.
WAVES: tuple[tuple[str, ...], ...] = (
    ("platform",),
    ("ingestion", "location", "purge"),
    ("adjudication",),
)
_LOOKED_UP = "AWS::SSM::Parameter::Value<"
_STAGE_OF_THE_DEFAULTS = "/erasure/prod/"
_NEVER_WORKED = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
_NOTHING_TO_DO = "No updates are to be performed"
_CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
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

    `parameters` are those of the templates, by stack ("platform", "purge", ...).

    Raises:
        DeploymentFailed: names the stack, the resource and the reason.
    """
    given = parameters or {}
    unknown = sorted({*given, *zips} - {"platform", *SERVICES})
    if unknown:
        raise DeploymentFailed(f"no such stack: {', '.join(unknown)}")
    deployer = Deployer(stage)
    outputs: dict[str, str] = {}
    for wave in WAVES:
        stacks = [name for name in wave if name == "platform" or name in zips]
        with ThreadPoolExecutor(max_workers=len(WAVES[1])) as pool:
            deployed = pool.map(
                lambda name: deployer.deploy(name, zips.get(name), given.get(name, {})), stacks
            )
            for stack_outputs in deployed:
                outputs |= stack_outputs
    return outputs


class Deployer:
    """Deploys the stacks of one stage into the account and region that boto3 finds."""

    def __init__(self, stage: str, *, templates: Path = ROOT / "infra") -> None:
        session = boto3.Session()
        self.stage = stage
        self.templates = templates
        self.region = session.region_name
        self.cloudformation = session.client("cloudformation")
        self.s3 = session.client("s3")
        self.account = session.client("sts").get_caller_identity()["Account"]

    def deploy(self, name: str, code: Path | None, parameters: Parameters) -> dict[str, str]:
        """Creates or updates the stack of that name; its outputs.

        Raises:
            DeploymentFailed: names the stack, the resource and the reason.
        """
        template = (self.templates / f"{name}.yaml").read_text(encoding="utf-8")
        values = {"Stage": self.stage, **parameters}
        if code is not None:
            values |= {"CodeBucket": self._artifacts_bucket(), "CodeKey": self._upload(name, code)}
        stack = f"erasure-{self.stage}-{name}"
        try:
            self._put(stack, template, values)
        except ClientError as error:
            raise DeploymentFailed(f"{stack}: {error.response['Error']['Message']}") from error
        return self._outputs(stack)

    def _put(self, stack: str, template: str, values: Parameters) -> None:
        known = self._described(stack)
        if known and known["StackStatus"] in _NEVER_WORKED:
            self._delete(stack)
            known = None
        arguments = {
            "StackName": stack,
            "TemplateBody": template,
            "Parameters": self._parameters(stack, template, values, known),
            "Capabilities": _CAPABILITIES,
            "Tags": [{"Key": "erasure:stage", "Value": self.stage}],
        }
        if known is None:
            started = self.cloudformation.create_stack(**arguments)
        else:
            try:
                started = self.cloudformation.update_stack(**arguments)
            except ClientError as error:
                if _NOTHING_TO_DO in error.response["Error"]["Message"]:
                    return
                raise
        self._wait(stack, started["StackId"])

    def _parameters(
        self, stack: str, template: str, values: Parameters, known: dict[str, Any] | None
    ) -> list[dict[str, Any]]:
        """Given values, names of looked-up ones in this stage, and the rest as it was."""
        summary = self.cloudformation.get_template_summary(TemplateBody=template)
        declared = {each["ParameterKey"]: each for each in summary["Parameters"]}
        unknown = sorted(set(values) - set(declared))
        if unknown:
            raise DeploymentFailed(f"{stack}: its template has no parameter {', '.join(unknown)}")
        looked_up = {
            key: each["DefaultValue"].replace(_STAGE_OF_THE_DEFAULTS, f"/erasure/{self.stage}/")
            for key, each in declared.items()
            if each["ParameterType"].startswith(_LOOKED_UP)
        }
        chosen = looked_up | dict(values)
        before = {each["ParameterKey"] for each in (known or {}).get("Parameters", [])}
        kept = sorted(before & set(declared) - set(chosen))
        return [
            *({"ParameterKey": key, "ParameterValue": value} for key, value in chosen.items()),
            *({"ParameterKey": key, "UsePreviousValue": True} for key in kept),
        ]

    def _wait(self, stack: str, stack_id: str) -> None:
        pause_s, deadline = 0.1, time.monotonic() + _LONGEST_WAIT_S
        while (status := self._described(stack_id)["StackStatus"]).endswith("_IN_PROGRESS"):
            if time.monotonic() > deadline:
                raise DeploymentFailed(f"{stack}: still {status} after {_LONGEST_WAIT_S:.0f} s")
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 5.0)
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise DeploymentFailed(f"{stack}: {status}; {self._reason(stack_id)}")

    def _reason(self, stack_id: str) -> str:
        """What failed first: later failures are its consequences."""
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(
            StackName=stack_id
        )
        events = [event for page in pages for event in page["StackEvents"]]
        failures = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
        if not failures:
            return "CloudFormation gives no reason"
        first = min(failures, key=lambda event: event["Timestamp"])
        return (
            f"{first['LogicalResourceId']} ({first['ResourceType']}):"
            f" {first.get('ResourceStatusReason', first['ResourceStatus'])}"
        )

    def _described(self, stack: str) -> Any:
        """The stack as CloudFormation describes it, None if there is none."""
        try:
            return self.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return None
            raise

    def _delete(self, stack: str) -> None:
        """Removes what a failed creation left; CloudFormation cannot update it."""
        self.cloudformation.delete_stack(StackName=stack)
        try:
            self.cloudformation.get_waiter("stack_delete_complete").wait(
                StackName=stack, WaiterConfig={"Delay": 2, "MaxAttempts": 300}
            )
        except WaiterError as error:
            raise DeploymentFailed(f"{stack}: what an earlier failure left cannot go") from error

    def _outputs(self, stack: str) -> dict[str, str]:
        outputs: Sequence[Mapping[str, str]] = self._described(stack).get("Outputs", [])
        return {each["OutputKey"]: each["OutputValue"] for each in outputs}

    def _upload(self, name: str, code: Path) -> str:
        """Puts the zip where its content says; the key."""
        with code.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        bucket, key = self._artifacts_bucket(), f"{name}/{digest}.zip"
        if not self._exists(bucket, key):
            self.s3.upload_file(str(code), bucket, key)
        return key

    def _exists(self, bucket: str, key: str) -> bool:
        return bool(self.s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("KeyCount"))

    def _artifacts_bucket(self) -> str:
        """The bucket of the code, made when it is not there yet."""
        bucket = f"erasure-{self.stage}-artifacts-{self.account}"
        place: dict[str, Any] = {}
        if self.region != "us-east-1":
            place["CreateBucketConfiguration"] = {"LocationConstraint": self.region}
        try:
            self.s3.create_bucket(Bucket=bucket, **place)
        except (self.s3.exceptions.BucketAlreadyOwnedByYou, self.s3.exceptions.BucketAlreadyExists):
            self.s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=self.account)
            return bucket
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
