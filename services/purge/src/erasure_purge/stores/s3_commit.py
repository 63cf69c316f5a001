"""Commits a replacement on S3: what did not change is copied inside S3, only what is new travels.

    pieces ─► parts ─► UploadPartCopy | UploadPart ─► CompleteMultipartUpload, If-Match

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

from erasure_purge.content import Piece, Replacement
from erasure_purge.core import ObjectUri, StoredObject
from erasure_purge.parquet import Copy
from erasure_purge.stores.s3 import code_of, place, version

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIN_PART_BYTES = 5 * 1024 * 1024
MAX_PART_BYTES = 5 * 1024**3
MAX_PARTS = 10_000
SPLICE_FROM_BYTES = 20 * 1024 * 1024  # below, one conditional PUT is quicker than many calls
_UPLOAD_BYTES = 16 * 1024 * 1024  # of a part held in memory
_COPY_BYTES = 512 * 1024 * 1024  # in one call: seconds, well within the client's patience


@dataclass(frozen=True)
class CopyPart:
    """A part that S3 copies from the old object."""

    offset: int
    length: int


@dataclass(frozen=True)
class UploadPart:
    """A part that is sent: new bytes, and old ones too few to be copied alone."""

    pieces: tuple[Piece, ...]

    @property
    def length(self) -> int:
        """Bytes of the part."""
        return sum(piece.length for piece in self.pieces)


Part = CopyPart | UploadPart


def parts_of(pieces: Sequence[Piece], min_bytes: int = MIN_PART_BYTES) -> list[Part]:
    """The pieces as parts of a multipart upload: each but the last of at least `min_bytes`.

    A change smaller than a part takes old bytes along; neighbouring small changes share a part.
    """
    copied_from, sent, copied = min_bytes, max(_UPLOAD_BYTES, min_bytes), _COPY_BYTES
    while True:
        parts = list(_parts(pieces, min_bytes, copied_from, sent, copied))
        if len(parts) <= MAX_PARTS:
            return parts
        copied_from, sent, copied = 2 * copied_from, 2 * sent, min(2 * copied, MAX_PART_BYTES)


def _parts(
    pieces: Sequence[Piece], min_bytes: int, copied_from: int, sent: int, copied: int
) -> Iterator[Part]:
    pending: list[Piece] = []
    size = 0
    for piece in pieces:
        if isinstance(piece, Copy):
            offset, length = piece.offset, piece.length
            missing = max(0, min_bytes - size) if pending else 0
            if length - missing >= copied_from:
                if missing:
                    pending.append(Copy(offset, missing))
                if pending:
                    yield UploadPart(tuple(pending))
                    pending, size = [], 0
                yield from _copies(offset + missing, length - missing, copied, min_bytes)
                continue
        pending.append(piece)
        size += piece.length
        if size >= sent:
            yield UploadPart(tuple(pending))
            pending, size = [], 0
    if pending:
        yield UploadPart(tuple(pending))


def _copies(offset: int, length: int, longest: int, min_bytes: int) -> Iterator[CopyPart]:
    """A long range in parts; what is left over is no less than a part."""
    while length > longest:
        yield CopyPart(offset, longest - min_bytes)
        offset += longest - min_bytes
        length -= longest - min_bytes
    yield CopyPart(offset, length)


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
