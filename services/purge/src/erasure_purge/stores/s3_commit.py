"""Commits a replacement on S3: what did not change is copied inside S3, only what is new travels.

    pieces ─► parts ─► UploadPartCopy | UploadPart ─► CompleteMultipartUpload, If-Match

The object is old or new, never between: nothing is visible before the last call, and that call is
conditional on the version that was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from erasure_purge.content import Replacement
from erasure_purge.core import ObjectUri, StoredObject
from erasure_purge.stores.parts import MIN_PART_BYTES, CopyPart, Part, UploadPart, parts_of
from erasure_purge.stores.s3 import code_of, place, version

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SPLICE_FROM_BYTES = 20 * 1024 * 1024  # below, one conditional PUT is quicker than many calls


@dataclass(frozen=True)
class Sent:
    """What a commit says: S3's answer, and how many bytes travelled or were copied."""

    answer: Mapping[str, Any]
    bytes_uploaded: int
    bytes_copied: int = 0


class S3Commit:
    """Writes replacements; `ClientError` where S3 refuses, for instance after a lost race."""

    def __init__(
        self,
        client: S3Client,
        splice_from_bytes: int = SPLICE_FROM_BYTES,
        min_part_bytes: int = MIN_PART_BYTES,
    ) -> None:
        self._s3 = client
        self._splice_from_bytes = splice_from_bytes
        self._min_part_bytes = min_part_bytes

    def write(
        self, stored: StoredObject, replacement: Replacement, headers: Mapping[str, Any]
    ) -> Sent:
        """Replace the stored version. An upload that did not succeed leaves no parts behind."""
        if replacement.size_bytes < self._splice_from_bytes:
            return self._put(stored, replacement, headers)
        return self._splice(stored, replacement, headers)

    def abort_forgotten(self, uri: ObjectUri, started_before: datetime) -> int:
        """Abort uploads of just this key that a crash left behind; how many there were."""
        pages = self._s3.get_paginator("list_multipart_uploads").paginate(
            Bucket=uri.bucket, Prefix=uri.key
        )
        forgotten = [
            upload["UploadId"]
            for page in pages
            for upload in page.get("Uploads", ())
            if upload["Key"] == uri.key and upload["Initiated"] < started_before
        ]
        for upload_id in forgotten:
            self._abort(uri, upload_id)
        return len(forgotten)

    def _put(
        self, stored: StoredObject, replacement: Replacement, headers: Mapping[str, Any]
    ) -> Sent:
        answer = self._s3.put_object(
            **place(stored),
            Body=replacement.read(0, replacement.size_bytes),
            IfMatch=stored.etag,
            **headers,
        )
        return Sent(cast("Mapping[str, Any]", answer), replacement.size_bytes)

    def _splice(
        self, stored: StoredObject, replacement: Replacement, headers: Mapping[str, Any]
    ) -> Sent:
        upload_id = self._s3.create_multipart_upload(**place(stored), **headers)["UploadId"]
        parts = parts_of(replacement.pieces, self._min_part_bytes)
        try:
            done: list[Any] = [
                {
                    "PartNumber": number,
                    "ETag": self._send(stored, replacement, part, upload_id, number),
                }
                for number, part in enumerate(parts, start=1)
            ]
            answer = self._s3.complete_multipart_upload(
                **place(stored),
                UploadId=upload_id,
                MultipartUpload={"Parts": done},
                IfMatch=stored.etag,
            )
        except BaseException:
            self._abort(stored.uri, upload_id)
            raise
        copied = sum(part.length for part in parts if isinstance(part, CopyPart))
        return Sent(cast("Mapping[str, Any]", answer), replacement.size_bytes - copied, copied)

    def _send(
        self,
        stored: StoredObject,
        replacement: Replacement,
        part: Part,
        upload_id: str,
        number: int,
    ) -> str:
        """Store one part; its ETag."""
        where: dict[str, Any] = place(stored) | {"UploadId": upload_id, "PartNumber": number}
        if isinstance(part, UploadPart):
            body = b"".join(map(replacement.bytes_of, part.pieces))
            return self._s3.upload_part(**where, Body=body)["ETag"]
        old: Any = place(stored) | version(stored)
        answer = self._s3.upload_part_copy(
            **where,
            CopySource=old,
            CopySourceRange=f"bytes={part.offset}-{part.offset + part.length - 1}",
            CopySourceIfMatch=stored.etag,
        )
        return answer["CopyPartResult"]["ETag"]

    def _abort(self, uri: ObjectUri, upload_id: str) -> None:
        """Nothing to abort after a success whose response was lost."""
        try:
            self._s3.abort_multipart_upload(Bucket=uri.bucket, Key=uri.key, UploadId=upload_id)
        except ClientError as error:
            if code_of(error) != "NoSuchUpload":
                raise
