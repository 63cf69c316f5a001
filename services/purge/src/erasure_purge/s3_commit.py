"""Commits a plan on S3: what did not change is copied inside S3, only what is new travels.

    segments ─► parts ─► UploadPartCopy | UploadPart ─► CompleteMultipartUpload, If-Match

The object is old or new, never between: nothing is visible before the last call, and that call is
conditional on the version that was read. Limits: docs.aws.amazon.com/AmazonS3/latest/userguide/
qfacts.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from erasure_purge.core import ObjectUri, StoredObject
from erasure_purge.parquet import Copy, ErasurePlan, planned_bytes
from erasure_purge.parquet.segments import Segment
from erasure_purge.stores.lake import NONCE, S3Lake
from erasure_shared.errors import RetryLater

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIN_PART_BYTES = 5 * 1024 * 1024
MAX_PART_BYTES = 5 * 1024**3
MAX_PARTS = 10_000
SPLICE_FROM_BYTES = 20 * 1024 * 1024  # below, one conditional PUT is quicker than many calls
_UPLOAD_BYTES = 64 * 1024 * 1024  # of a part held in memory
_UNVERSIONED = "null"
_LOST_RACE = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412", "409", "404"}
_GONE = {"NoSuchKey", "NoSuchVersion", "PreconditionFailed", "404", "412"}


@dataclass(frozen=True)
class CopyPart:
    """A part that S3 copies from the old object."""

    offset: int
    length: int


@dataclass(frozen=True)
class UploadPart:
    """A part that is sent: new bytes, and old ones too few to be copied alone."""

    pieces: tuple[Segment, ...]

    @property
    def length(self) -> int:
        """Bytes of the part."""
        return sum(piece.length for piece in self.pieces)


Part = CopyPart | UploadPart


def parts_of(segments: Sequence[Segment], min_bytes: int = MIN_PART_BYTES) -> list[Part]:
    """The segments as parts of a multipart upload: each but the last of at least `min_bytes`.

    A change smaller than a part takes old bytes along; neighbouring small changes share a part.
    """
    copied_from = min_bytes
    while True:
        parts = list(_parts(segments, min_bytes, copied_from))
        if len(parts) <= MAX_PARTS:
            return parts
        copied_from *= 2


def _parts(segments: Sequence[Segment], min_bytes: int, copied_from: int) -> Iterator[Part]:
    pending: list[Segment] = []
    size = 0
    for segment in segments:
        if isinstance(segment, Copy):
            offset, length = segment.offset, segment.length
            missing = max(0, min_bytes - size) if pending else 0
            if length - missing >= copied_from:
                if missing:
                    pending.append(Copy(offset, missing))
                if pending:
                    yield UploadPart(tuple(pending))
                    pending, size = [], 0
                yield from _copies(offset + missing, length - missing, min_bytes)
                continue
        pending.append(segment)
        size += segment.length
        if size >= max(_UPLOAD_BYTES, min_bytes):
            yield UploadPart(tuple(pending))
            pending, size = [], 0
    if pending:
        yield UploadPart(tuple(pending))


def _copies(offset: int, length: int, min_bytes: int) -> Iterator[CopyPart]:
    """A long range in parts that S3 still copies; what is left over is no less than a part."""
    while length > MAX_PART_BYTES:
        yield CopyPart(offset, MAX_PART_BYTES - min_bytes)
        offset += MAX_PART_BYTES - min_bytes
        length -= MAX_PART_BYTES - min_bytes
    yield CopyPart(offset, length)


class S3Source:
    """One version of an object, read by range."""

    def __init__(self, client: S3Client, stored: StoredObject) -> None:
        self._s3 = client
        self._stored = stored
        self.size_bytes = stored.size_bytes

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes, as long as the object is the one that was met.

        Pinned by its ETag, not by a version id, which would go on answering after an overwrite.

        Raises:
            RetryLater: the object changed meanwhile.
        """
        if length == 0:
            return b""
        try:
            response = self._s3.get_object(
                Bucket=self._stored.uri.bucket,
                Key=self._stored.uri.key,
                Range=f"bytes={offset}-{offset + length - 1}",
                IfMatch=self._stored.etag,
            )
            return response["Body"].read()
        except ClientError as error:
            if _code(error) in _GONE:
                raise RetryLater(
                    "the object changed while it was read", reason_code="OBJECT_CHANGED"
                ) from None
            raise


@dataclass(frozen=True)
class Sent:
    """What a commit cost."""

    uploaded_bytes: int
    copied_bytes: int
    parts: int


class S3Commit:
    """Writes planned objects."""

    def __init__(self, client: S3Client, min_part_bytes: int = MIN_PART_BYTES) -> None:
        self._s3 = client
        self._lake = S3Lake(client)
        self._min_part_bytes = min_part_bytes
        self.sent = Sent(0, 0, 0)

    def replace(self, stored: StoredObject, plan: ErasurePlan, nonce: str) -> StoredObject | None:
        """Put the planned object in its place; None if it is no longer what was planned from.

        A response that was lost makes botocore repeat its own success, which S3 then refuses:
        the nonce tells. An upload that did not succeed leaves no parts behind.
        """
        headers = dict(stored.headers)
        headers["Metadata"] = {**headers.get("Metadata", {}), NONCE: nonce}
        write = self._put if plan.size_bytes < SPLICE_FROM_BYTES else self._splice
        try:
            response = write(stored, plan, headers)
        except RetryLater:
            return None  # old bytes were wanted that are not there any more
        except ClientError as error:
            if _code(error) not in _LOST_RACE:
                raise
            now = self._lake.find(stored.uri)
            return now if now is not None and now.nonce == nonce else None
        version_id = response.get("VersionId", _UNVERSIONED)
        return StoredObject(stored.uri, response["ETag"], version_id, plan.size_bytes, nonce)

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
        self, stored: StoredObject, plan: ErasurePlan, headers: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        body = b"".join(planned_bytes(plan, S3Source(self._s3, stored)))
        response = self._s3.put_object(
            Bucket=stored.uri.bucket,
            Key=stored.uri.key,
            Body=body,
            IfMatch=stored.etag,
            **headers,
        )
        self.sent = Sent(len(body), 0, 1)
        return cast("Mapping[str, Any]", response)

    def _splice(
        self, stored: StoredObject, plan: ErasurePlan, headers: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        uri = stored.uri
        created = self._s3.create_multipart_upload(Bucket=uri.bucket, Key=uri.key, **headers)
        upload_id = created["UploadId"]
        parts = parts_of(plan.segments, self._min_part_bytes)
        try:
            done: list[Any] = [
                {"PartNumber": number, "ETag": self._send(stored, part, upload_id, number)}
                for number, part in enumerate(parts, start=1)
            ]
            response = self._s3.complete_multipart_upload(
                Bucket=uri.bucket,
                Key=uri.key,
                UploadId=upload_id,
                MultipartUpload={"Parts": done},
                IfMatch=stored.etag,
            )
        except BaseException:
            self._abort(uri, upload_id)
            raise
        copied = sum(part.length for part in parts if isinstance(part, CopyPart))
        self.sent = Sent(plan.size_bytes - copied, copied, len(parts))
        return cast("Mapping[str, Any]", response)

    def _send(self, stored: StoredObject, part: Part, upload_id: str, number: int) -> str:
        """Store one part; its ETag."""
        place: dict[str, Any] = {
            "Bucket": stored.uri.bucket,
            "Key": stored.uri.key,
            "UploadId": upload_id,
            "PartNumber": number,
        }
        if isinstance(part, UploadPart):
            source = S3Source(self._s3, stored)
            body = b"".join(
                source.read(piece.offset, piece.length) if isinstance(piece, Copy) else piece.data
                for piece in part.pieces
            )
            return self._s3.upload_part(**place, Body=body)["ETag"]
        source_version: Any = {
            "Bucket": stored.uri.bucket,
            "Key": stored.uri.key,
            **_version(stored),
        }
        answer = self._s3.upload_part_copy(
            **place,
            CopySource=source_version,
            CopySourceRange=f"bytes={part.offset}-{part.offset + part.length - 1}",
            CopySourceIfMatch=stored.etag,
        )
        return answer["CopyPartResult"]["ETag"]

    def _abort(self, uri: ObjectUri, upload_id: str) -> None:
        """Nothing to abort after a success whose response was lost."""
        try:
            self._s3.abort_multipart_upload(Bucket=uri.bucket, Key=uri.key, UploadId=upload_id)
        except ClientError as error:
            if _code(error) != "NoSuchUpload":
                raise


def _version(stored: StoredObject) -> dict[str, Any]:
    return {} if stored.version_id == _UNVERSIONED else {"VersionId": stored.version_id}


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
