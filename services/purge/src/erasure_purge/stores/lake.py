"""Objects on S3. Every write states the version it replaces; every removal names a version id."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, cast
from urllib.parse import urlencode

from botocore.config import Config
from botocore.exceptions import ClientError

from erasure_purge.core import HINDRANCES, ObjectUri, StoredObject, Version
from erasure_shared.errors import Rejected, RetryLater

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PATIENT = Config(connect_timeout=2, read_timeout=30, retries={"mode": "standard"})
"""For a part of an object; S3 answers a write when it has stored all of it."""

NONCE = "erasure-nonce"
_MULTIPART_FROM_BYTES = 64 * 1024 * 1024
_PART_BYTES = 16 * 1024 * 1024
_COPY_BYTES = 1024 * 1024
_DELETIONS_PER_CALL = 1_000  # DeleteObjects, service quota
_UNVERSIONED = "null"
_LOST_RACE = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412", "409", "404"}
_GONE = {"NoSuchKey", "NoSuchVersion", "PreconditionFailed", "404", "412"}
_REFUSED = {"AccessDenied", "InvalidRequest", "ObjectLocked", "MethodNotAllowed"}
_ARCHIVED_CODE = "OBJECT_ARCHIVED"
_ARCHIVED = {"GLACIER", "DEEP_ARCHIVE"}
_KEPT_HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "WebsiteRedirectLocation",
    "StorageClass",
    "ServerSideEncryption",
    "SSEKMSKeyId",
    "BucketKeyEnabled",
)


class S3Lake:
    """The lake's objects."""

    def __init__(self, client: S3Client) -> None:
        self._s3 = client

    def versions(self, uri: ObjectUri) -> tuple[Version, ...]:
        """The history of just this key: its neighbours (`part-1`, `part-10`) come after it."""
        pages = self._s3.get_paginator("list_object_versions").paginate(
            Bucket=uri.bucket, Prefix=uri.key
        )
        history: list[Version] = []
        for page in pages:
            entries: list[Any] = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            own = [entry for entry in entries if entry["Key"] == uri.key]
            history += [
                Version(entry["VersionId"], bool(entry["IsLatest"]), entry.get("ETag"))
                for entry in own
            ]
            if len(own) < len(entries):
                break
        return tuple(history)

    def find(self, uri: ObjectUri) -> StoredObject | None:
        """The object as it is now, or None."""
        try:
            head = self._s3.head_object(Bucket=uri.bucket, Key=uri.key)
        except ClientError as error:
            if _code(error) in {"404", "NoSuchKey"}:
                return None
            if _code(error) == "400":  # a body is not sent with HEAD, so nothing says more
                raise Rejected(
                    "the object is encrypted with a key that only its writer has",
                    reason_code="CUSTOMER_KEY",
                ) from None
            raise
        return self._stored(uri, cast("Mapping[str, Any]", head))

    @contextmanager
    def read(self, stored: StoredObject) -> Iterator[BinaryIO]:
        """The content of just this version, in a temporary file."""
        with TemporaryFile() as file:
            self._check_room(stored, file.fileno())
            body = self._get(stored)
            shutil.copyfileobj(body, file, _COPY_BYTES)
            file.seek(0)
            yield cast("BinaryIO", file)

    def replace(self, stored: StoredObject, body: BinaryIO, nonce: str) -> StoredObject | None:
        """Put the body in its place; None if it is no longer what was read.

        A response that was lost makes botocore repeat its own success, which S3 then refuses:
        the nonce tells.
        """
        size_bytes = body.seek(0, 2)
        body.seek(0)
        headers = dict(stored.headers)
        headers["Metadata"] = {**headers.get("Metadata", {}), NONCE: nonce}
        write = self._put if size_bytes <= _MULTIPART_FROM_BYTES else self._put_parts
        try:
            response = write(stored, body, headers)
        except ClientError as error:
            if _code(error) not in _LOST_RACE:
                raise
            now = self.find(stored.uri)
            return now if now is not None and now.nonce == nonce else None
        version_id = response.get("VersionId", _UNVERSIONED)
        return StoredObject(stored.uri, response["ETag"], version_id, size_bytes, nonce)

    def delete(self, stored: StoredObject) -> str | None:
        """Delete it if it is what was read; the version id of the marker."""
        try:
            response = self._s3.delete_object(
                Bucket=stored.uri.bucket, Key=stored.uri.key, IfMatch=stored.etag
            )
        except ClientError as error:
            if _code(error) in _LOST_RACE:
                return None
            raise
        return response.get("VersionId", _UNVERSIONED)

    def remove_versions(self, uri: ObjectUri, version_ids: Sequence[str]) -> None:
        """Remove these versions for ever; repeating changes nothing."""
        for start in range(0, len(version_ids), _DELETIONS_PER_CALL):
            batch = version_ids[start : start + _DELETIONS_PER_CALL]
            response = self._s3.delete_objects(
                Bucket=uri.bucket,
                Delete={
                    "Objects": [{"Key": uri.key, "VersionId": version} for version in batch],
                    "Quiet": True,
                },
            )
            codes = {error.get("Code", "") for error in response.get("Errors", ())}
            if codes:
                _not_removed(codes)

    def _stored(self, uri: ObjectUri, head: Mapping[str, Any]) -> StoredObject:
        headers = {name: head[name] for name in _KEPT_HEADERS if head.get(name)}
        headers["Metadata"] = dict(head.get("Metadata", {}))
        version_id = head.get("VersionId", _UNVERSIONED)
        if head.get("TagCount"):
            tags = self._s3.get_object_tagging(
                Bucket=uri.bucket,
                Key=uri.key,
                **({} if version_id == _UNVERSIONED else {"VersionId": version_id}),
            )["TagSet"]
            headers["Tagging"] = urlencode([(tag["Key"], tag["Value"]) for tag in tags])
        return StoredObject(
            uri=uri,
            etag=head["ETag"],
            version_id=version_id,
            size_bytes=int(head["ContentLength"]),
            nonce=headers["Metadata"].get(NONCE),
            headers=headers,
            hindrance=_hindrance(head),
        )

    def _get(self, stored: StoredObject) -> Any:
        pinned: dict[str, Any] = _place(stored) | {"IfMatch": stored.etag}
        if stored.version_id != _UNVERSIONED:
            pinned["VersionId"] = stored.version_id
        try:
            return self._s3.get_object(**pinned)["Body"]
        except ClientError as error:
            if _code(error) == "InvalidObjectState":
                raise Rejected(HINDRANCES[_ARCHIVED_CODE], reason_code=_ARCHIVED_CODE) from None
            if _code(error) in _GONE:
                raise RetryLater(
                    "the object changed while it was opened", reason_code="OBJECT_CHANGED"
                ) from None
            raise

    def _check_room(self, stored: StoredObject, descriptor: int) -> None:
        """The copy and its rewrite lie on the function's own disk."""
        disk = os.fstatvfs(descriptor)
        if 2 * stored.size_bytes > disk.f_bavail * disk.f_frsize:
            raise Rejected(
                "the object does not fit on the function's disk twice: give it more",
                size_bytes=stored.size_bytes,
                reason_code="OBJECT_TOO_LARGE",
            )

    def _put(
        self, stored: StoredObject, body: BinaryIO, headers: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        response = self._s3.put_object(
            Bucket=stored.uri.bucket,
            Key=stored.uri.key,
            Body=body,
            IfMatch=stored.etag,
            **headers,
        )
        return cast("Mapping[str, Any]", response)

    def _put_parts(
        self, stored: StoredObject, body: BinaryIO, headers: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """An upload that did not succeed leaves no parts behind, which would cost and hold data."""
        place = _place(stored)
        upload_id = self._s3.create_multipart_upload(**place, **headers)["UploadId"]
        try:
            parts: list[Any] = []
            while part := body.read(_PART_BYTES):
                number = len(parts) + 1
                answer = self._s3.upload_part(
                    **place, UploadId=upload_id, PartNumber=number, Body=part
                )
                parts.append({"ETag": answer["ETag"], "PartNumber": number})
            response = self._s3.complete_multipart_upload(
                **place,
                UploadId=upload_id,
                MultipartUpload={"Parts": parts},
                IfMatch=stored.etag,
            )
        except BaseException:
            self._abort(place, upload_id)
            raise
        return cast("Mapping[str, Any]", response)

    def _abort(self, place: Mapping[str, Any], upload_id: str) -> None:
        """Nothing to abort after a success whose response was lost."""
        try:
            self._s3.abort_multipart_upload(**place, UploadId=upload_id)
        except ClientError as error:
            if _code(error) != "NoSuchUpload":
                raise


def _place(stored: StoredObject) -> dict[str, Any]:
    return {"Bucket": stored.uri.bucket, "Key": stored.uri.key}


def _hindrance(head: Mapping[str, Any]) -> str | None:
    """Why the object must not be touched; its older version could not be removed afterwards."""
    is_restored = 'ongoing-request="false"' in head.get("Restore", "")
    if head.get("ArchiveStatus") or (head.get("StorageClass") in _ARCHIVED and not is_restored):
        return _ARCHIVED_CODE
    if head.get("ObjectLockLegalHoldStatus") == "ON":
        return "LEGAL_HOLD"
    until = head.get("ObjectLockRetainUntilDate")
    if until is not None and until > datetime.now(UTC):
        return "OBJECT_LOCKED"
    return None


def _not_removed(codes: set[str]) -> NoReturn:
    if codes & _REFUSED:
        raise Rejected(
            "S3 refuses to remove an older version: Object Lock or a policy protects it",
            reason_code="VERSION_LOCKED",
        )
    raise RetryLater("S3 did not remove every older version", reason_code="VERSIONS_LEFT")


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
