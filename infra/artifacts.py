"""The bucket of a stage that holds what is deployed: the zips, and a data map too large for SSM."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from erasure_shared.data_map import DataMapObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LARGEST_PARAMETER_BYTES = 4_096
"""What a template parameter holds (CloudFormation quotas, "Parameter value length")."""


class NoBucket(Exception):
    """The bucket of the code cannot be made."""


def needs_an_object(data_map: str) -> bool:
    """Whether a data map is more than a template parameter holds."""
    return len(data_map.encode()) > LARGEST_PARAMETER_BYTES


class Artifacts:
    """The bucket; everything in it lies under the hash of its content and is never overwritten."""

    def __init__(self, session: boto3.Session, stage: str) -> None:
        self.stage = stage
        self.s3: S3Client = session.client("s3")
        self._region = session.region_name
        caller = session.client("sts").get_caller_identity()
        self.account = caller["Account"]
        self.partition = caller["Arn"].split(":")[1]
        self.bucket = f"erasure-{stage}-artifacts-{self.account}"

    def upload_code(self, name: str, code: Path) -> str:
        """Puts a zip where its content says; its key."""
        self._make_bucket()
        with code.open("rb") as file:
            key = f"{name}/{hashlib.file_digest(file, 'sha256').hexdigest()}.zip"
        if not self._has(key):
            self.s3.upload_file(str(code), self.bucket, key)
        return key

    def upload_data_map(self, text: str, *, key_arn: str | None) -> DataMapObject:
        """Puts a data map where its content says; encrypted with that key, or one that S3 keeps.

        One that is there already, but not under that key, is put again.
        """
        self._make_bucket()
        place = DataMapObject.of(self.bucket, text)
        if not self._has(place.key) or (key_arn and self._key_of(place.key) != key_arn):
            own_key: dict[str, Any] = {}
            if key_arn:
                own_key = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn}
            self.s3.put_object(
                Bucket=place.bucket,
                Key=place.key,
                Body=text.encode(),
                ContentType="application/json",
                **own_key,
            )
        return place

    def _key_of(self, key: str) -> str | None:
        return self.s3.head_object(Bucket=self.bucket, Key=key).get("SSEKMSKeyId")

    def _has(self, key: str) -> bool:
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1)
        return bool(found.get("KeyCount"))

    def _make_bucket(self) -> None:
        """Make it when it is not there yet; what protects it is set in any case.

        Raises:
            NoBucket: saying why.
        """
        place: dict[str, Any] = {}
        if self._region != "us-east-1":
            place["CreateBucketConfiguration"] = {"LocationConstraint": self._region}
        try:
            self.s3.create_bucket(Bucket=self.bucket, **place)
        except self.s3.exceptions.BucketAlreadyOwnedByYou:
            pass
        except ClientError as error:
            message = error.response["Error"]["Message"]
            raise NoBucket(f"no bucket {self.bucket} for the code: {message}") from error
        self.s3.put_public_access_block(
            Bucket=self.bucket,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
        )
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=self._encrypted_transport_only())
        self.s3.put_bucket_versioning(
            Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"}
        )

    def _encrypted_transport_only(self) -> str:
        arn = f"arn:{self.partition}:s3:::{self.bucket}"
        statement = {
            "Sid": "EncryptedTransportOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
