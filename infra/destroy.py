"""`make destroy`: removes one service, or a stage; data stays unless one is told twice.

What stays (tables, lake, key of the digests, KMS key) is taken up again by the next deployment of
the platform, which is told the lake and the two keys; the tables it finds by
their names.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import boto3
from botocore.exceptions import ClientError

from erasure_shared.locations import CLOSED
from erasure_shared.tables import REQUEST_SK
from infra.change_sets import NotConfirmed
from infra.command_line import agreed, exit_code, parser
from infra.deployment import PLATFORM, WAVES, Deployer
from infra.stage_files import BadInput, checked_name
from infra.zips import SERVICES

# These hold requests, or messages about them; the others may go while requests are open.
_HOLD_REQUESTS = ("location", "purge", PLATFORM)
_READS_DEAD_LETTERS_OF = ("location", "purge")
_QUEUES = ("location", "location-dead-letters", "purge", "purge-dead-letters")
_ABSENT = ("NoSuchBucket", "404", "ResourceNotFoundException", "QueueDoesNotExist")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: removed; 1: refused or failed, and a message says why; 2: somebody said no."""
    options = parser("make destroy", SERVICES)
    options.add_argument("--data", action="store_true", help="tables and buckets, too (once)")
    options.add_argument("--really", metavar="STAGE", help="the stage again, for --data (twice)")
    given = options.parse_args(arguments)
    return exit_code(
        "make destroy",
        lambda: destroy(
            given.stage, given.service, data=given.data, really=given.really, yes=given.yes
        ),
    )


def destroy(
    stage: str, service: str | None, *, data: bool, really: str | None, yes: bool
) -> Iterator[str]:
    """Ask, and remove; what happened, line by line.

    Raises:
        BadInput: saying why it may not go.
        DeploymentFailed: a stack could not be removed.
        NotConfirmed: somebody said no.
    """
    if data and really != stage:
        raise BadInput(
            f"DATA=delete removes every record of {stage} for good; "
            f"if you mean it, say REALLY={stage}, too"
        )
    destroyer = Destroyer(checked_name(stage))
    stacks = destroyer.plan(service, data=data)
    what = ", ".join(stacks) + (" AND ALL THEIR DATA" if data else "")
    if not yes and not agreed(f"Remove {what}?"):
        raise NotConfirmed("nothing was removed")
    yield from destroyer.destroy(stacks, data=data)


class Destroyer:
    """Removes stacks of one stage."""

    def __init__(self, stage: str) -> None:
        session = boto3.Session()
        self._stage = stage
        self._deployer = Deployer(stage)
        self._dynamodb: Any = session.client("dynamodb")
        self._sqs: Any = session.client("sqs")
        self._s3: Any = session.client("s3")
        self._kms: Any = session.client("kms")
        self._secrets: Any = session.client("secretsmanager")

    def plan(self, service: str | None, *, data: bool) -> list[str]:
        """What would go, in order: users before what they use.

        Raises:
            BadInput: saying why it may not go.
        """
        if service and service not in SERVICES:
            raise BadInput(f"SERVICE={service}: there are {', '.join(SERVICES)}")
        if service and data:
            raise BadInput("DATA=delete is for a whole stage, without SERVICE")
        last_first = [name for wave in reversed(WAVES) for name in wave]
        exist = [name for name in last_first if self._deployer.described(name)]
        stacks = [name for name in exist if service in (None, name)]
        if not stacks:
            what = f"{service} of the stage {self._stage}" if service else f"stage {self._stage}"
            raise BadInput(f"{what} is not deployed")
        if service in _READS_DEAD_LETTERS_OF and "adjudication" in exist:
            raise BadInput(f"adjudication collects the dead letters of {service}: remove it first")
        if set(stacks) & set(_HOLD_REQUESTS):
            self._refuse_while_requests_are_open()
        return stacks

    def destroy(self, stacks: Sequence[str], *, data: bool) -> Iterator[str]:
        """Remove them; what happened, line by line.

        Raises:
            DeploymentFailed: a stack could not be removed.
        """
        kept = self._deployer.outputs(PLATFORM) if PLATFORM in stacks else {}
        platform = self._deployer.described(PLATFORM)
        parameters = platform.get("Parameters", []) if platform else []
        told = {each["ParameterKey"]: each["ParameterValue"] for each in parameters}
        for name in stacks:
            if name == PLATFORM:
                self._empty(kept["AthenaBucket"])
            self._deployer.delete(name)
            yield f"removed {self._deployer.stack(name)}"
        if PLATFORM not in stacks:
            return
        if not data:
            yield from self._what_stays(kept, told)
            return
        yield from self._delete_data(kept, told)

    def _what_stays(self, kept: dict[str, str], told: dict[str, str]) -> Iterator[str]:
        for name in ("GdprTable", "ErrorTable", "LakeBucket", "DigestSecretArn"):
            yield f"kept {kept[name]}"
        again = {
            "ExistingDigestSecretArn": kept["DigestSecretArn"],
            "ExistingLakeBucket": kept["LakeBucket"],
        }
        if told.get("Encryption", "key") == "key":
            yield f"kept {kept['KeyArn']}"
            again["ExistingKeyArn"] = kept["KeyArn"]
        yield f'name these when you deploy again: "platform": {json.dumps(again)}'

    def _delete_data(self, kept: dict[str, str], told: dict[str, str]) -> Iterator[str]:
        for name in ("GdprTable", "ErrorTable"):
            table = kept[name]
            self._dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
            self._dynamodb.delete_table(TableName=table)
            yield f"deleted the table {table}"
        self._secrets.delete_secret(SecretId=kept["DigestSecretArn"], RecoveryWindowInDays=30)
        yield f"deleted {kept['DigestSecretArn']}; it can be restored for 30 days"
        if not told.get("ExistingLakeBucket"):
            self._delete_bucket(kept["LakeBucket"])
            yield f"deleted the bucket {kept['LakeBucket']}"
        artifacts = self._deployer.artifacts.bucket
        self._delete_bucket(artifacts)
        yield f"deleted the bucket {artifacts}"
        if told.get("Encryption", "key") == "key" and not told.get("ExistingKeyArn"):
            self._kms.schedule_key_deletion(KeyId=kept["KeyArn"], PendingWindowInDays=30)
            yield f"{kept['KeyArn']} will be deleted in 30 days; until then it can be kept"

    def _refuse_while_requests_are_open(self) -> None:
        requests, messages = self._open_requests(), self._messages()
        if requests or messages:
            raise BadInput(
                f"stage {self._stage}: {requests} requests are open and {messages} messages are in "
                "the queues; wait until they are done, or decide what failed: "
                f"erasure errors list --stage {self._stage}"
            )

    def _open_requests(self) -> int:
        closed = {f":c{number}": {"S": str(status)} for number, status in enumerate(CLOSED)}
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._deployer.outputs(PLATFORM)["GdprTable"],
            FilterExpression=f"sk = :request AND NOT #status IN ({', '.join(closed)})",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":request": {"S": REQUEST_SK}, **closed},
            Select="COUNT",
        )
        return sum(page["Count"] for page in pages)

    def _messages(self) -> int:
        counted = 0
        for name in _QUEUES:
            try:
                url = self._sqs.get_queue_url(QueueName=f"erasure-{self._stage}-{name}")["QueueUrl"]
            except ClientError as error:
                if any(
                    code in error.response["Error"]["Code"] for code in ("NonExistent", *_ABSENT)
                ):
                    continue
                raise
            attributes = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
            counted += sum(
                int(value)
                for attribute, value in attributes["Attributes"].items()
                if attribute.startswith("ApproximateNumberOfMessages")
            )
        return counted

    def _delete_bucket(self, bucket: str) -> None:
        self._empty(bucket)
        try:
            self._s3.delete_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _ABSENT:
                raise

    def _empty(self, bucket: str) -> None:
        """Every version of everything in it."""
        try:
            for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                names = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
                if names:
                    self._s3.delete_objects(Bucket=bucket, Delete={"Objects": names, "Quiet": True})
        except ClientError as error:
            if error.response["Error"]["Code"] not in _ABSENT:
                raise


if __name__ == "__main__":
    sys.exit(main())
