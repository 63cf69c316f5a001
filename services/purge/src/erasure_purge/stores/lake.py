"""Objects on S3. Every write states the version it replaces; every removal names a version id."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn, cast
from urllib.parse import urlencode

from botocore.exceptions import ClientError

from erasure_purge.content import Replacement
from erasure_purge.core import UNVERSIONED, Commit, ObjectUri, StoredObject, Version
from erasure_purge.parquet.metadata import id_texts
from erasure_purge.stores.parts import MIN_PART_BYTES
from erasure_purge.stores.s3 import LOST_RACE, code_of, place, version
from erasure_purge.stores.s3_commit import SPLICE_FROM_BYTES, S3Commit
from erasure_purge.stores.s3_content import ARCHIVED_CODE, WHOLE_UP_TO_BYTES, S3Content
from erasure_shared.errors import Rejected, RetryLater

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NONCE = "erasure-nonce"
FORGOTTEN_AFTER = timedelta(hours=1)
"""No lock lives so long, so an upload of this age is nobody's who could still commit it: an
invocation lasts a quarter of an hour. Completed later, it would bring the erased back."""

_DELETIONS_PER_CALL = 1_000  # DeleteObjects, service quota
_REFUSED = {"AccessDenied", "InvalidRequest", "ObjectLocked", "MethodNotAllowed"}
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
_GRANTS = {
    "FULL_CONTROL": "GrantFullControl",
    "READ": "GrantRead",
    "READ_ACP": "GrantReadACP",
    "WRITE_ACP": "GrantWriteACP",
}
_GRANTEES = {"CanonicalUser": "ID", "Group": "URI"}


class S3Lake:
    """The lake's objects. Sizes from which things are done otherwise are arguments for tests."""

    def __init__(
        self,
        client: S3Client,
        *,
        whole_up_to_bytes: int = WHOLE_UP_TO_BYTES,
        splice_from_bytes: int = SPLICE_FROM_BYTES,
        min_part_bytes: int = MIN_PART_BYTES,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._s3 = client
        self._whole_up_to_bytes = whole_up_to_bytes
        self._min_part_bytes = min_part_bytes
        self._commit = S3Commit(client, splice_from_bytes, min_part_bytes)
        self._now = now

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
            if code_of(error) in {"404", "NoSuchKey"}:
                return None
            if code_of(error) == "400":  # a body is not sent with HEAD, so nothing says more
                raise Rejected(
                    "the object is encrypted with a key that only its writer has",
                    reason_code="CUSTOMER_KEY",
                ) from None
            raise
        return _stored(uri, cast("Mapping[str, Any]", head), self._now())

    def open(self, stored: StoredObject) -> S3Content:
        """The content of just this version: nothing is read before it is asked for."""
        least = self._min_part_bytes
        return S3Content(self._s3, stored, self._whole_up_to_bytes, least_copy_bytes=least)

    def names(self, stored: StoredObject, ids: Collection[str]) -> bool:
        """Whether its user metadata or a tag quotes one of the ids, by the rules for a file's own
        metadata: both would outlive the rows.
        """
        metadata = stored.headers.get("Metadata", {})
        words = [pair for pair in metadata.items() if pair[0] != NONCE] + self._tags(stored)
        beside = "\0".join(word for pair in words for word in pair).encode()
        return any(text in beside for text in id_texts(ids))

    def replace(self, stored: StoredObject, replacement: Replacement, nonce: str) -> Commit | None:
        """Put the replacement in its place; None if it is no longer what was read.

        A response that was lost makes botocore repeat its own success, which S3 then refuses:
        the nonce tells.
        """
        metadata = {"Metadata": {**stored.headers.get("Metadata", {}), NONCE: nonce}}
        try:
            headers = self._kept_headers(stored) | metadata
            sent = self._commit.write(stored, replacement, headers)
        except RetryLater:
            return None  # old bytes were wanted that are not there any more
        except ClientError as error:
            if code_of(error) not in LOST_RACE:
                raise
            now = self.find(stored.uri)
            return Commit(now) if now is not None and now.nonce == nonce else None
        version_id = sent.answer.get("VersionId", UNVERSIONED)
        written = StoredObject(
            stored.uri, sent.answer["ETag"], version_id, replacement.size_bytes, nonce
        )
        return Commit(written, sent.bytes_uploaded, sent.bytes_copied)

    def delete(self, stored: StoredObject) -> str | None:
        """Delete it if it is what was read; the version id of the marker."""
        try:
            response = self._s3.delete_object(**place(stored), IfMatch=stored.etag)
        except ClientError as error:
            if code_of(error) in LOST_RACE:
                return None
            raise
        return response.get("VersionId", UNVERSIONED)

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

    def abort_forgotten(self, uri: ObjectUri) -> int:
        """Abort uploads of just this key that nobody can still be at; how many there were."""
        return self._commit.abort_forgotten(uri, self._now() - FORGOTTEN_AFTER)

    def _kept_headers(self, stored: StoredObject) -> dict[str, Any]:
        """What is not content, tags and grants included, as arguments of the write itself: there
        is no moment without them.
        """
        tags = {"Tagging": urlencode(self._tags(stored))} if stored.has_tags else {}
        acl = self._s3.get_object_acl(**place(stored), **version(stored))
        return {**stored.headers, **tags, **_grants(cast("Mapping[str, Any]", acl))}

    def _tags(self, stored: StoredObject) -> list[tuple[str, str]]:
        if not stored.has_tags:
            return []
        listed = self._s3.get_object_tagging(**place(stored), **version(stored))["TagSet"]
        return [(tag["Key"], tag["Value"]) for tag in listed]


def _stored(uri: ObjectUri, head: Mapping[str, Any], now: datetime) -> StoredObject:
    headers = {name: head[name] for name in _KEPT_HEADERS if head.get(name)}
    headers["Metadata"] = dict(head.get("Metadata", {}))
    archived_as = headers.pop("StorageClass") if headers.get("StorageClass") in _ARCHIVED else None
    return StoredObject(
        uri=uri,
        etag=head["ETag"],
        version_id=head.get("VersionId", UNVERSIONED),
        size_bytes=int(head["ContentLength"]),
        nonce=headers["Metadata"].get(NONCE),
        headers=headers,
        has_tags=bool(head.get("TagCount")),
        hindrance=_hindrance(head, now),
        restored_from=archived_as,
    )


def _grants(acl: Mapping[str, Any]) -> dict[str, str]:
    """Arguments that grant what an ACL grants; none where it grants nothing but the owner's due.

    That is the answer of every bucket whose ownership is "bucket owner enforced", too, which
    refuses a write with grants.
    """
    owner = acl.get("Owner", {}).get("ID")
    grants = acl.get("Grants", ())
    if all(g["Permission"] == "FULL_CONTROL" and g["Grantee"].get("ID") == owner for g in grants):
        return {}
    arguments: dict[str, list[str]] = {}
    for grant in grants:
        if grant["Permission"] not in _GRANTS or grant["Grantee"].get("Type") not in _GRANTEES:
            raise Rejected("the object's ACL grants what is unknown", reason_code="UNKNOWN_GRANT")
        arguments.setdefault(_GRANTS[grant["Permission"]], []).append(_grantee(grant["Grantee"]))
    return {name: ", ".join(grantees) for name, grantees in arguments.items()}


def _grantee(grantee: Mapping[str, Any]) -> str:
    name = _GRANTEES[grantee["Type"]]
    return f'{name.lower()}="{grantee[name]}"'


def _hindrance(head: Mapping[str, Any], now: datetime) -> str | None:
    """Why the object must not be touched; its older version could not be removed afterwards."""
    is_restored = 'ongoing-request="false"' in head.get("Restore", "")
    if head.get("ArchiveStatus") or (head.get("StorageClass") in _ARCHIVED and not is_restored):
        return ARCHIVED_CODE
    if head.get("ObjectLockLegalHoldStatus") == "ON":
        return "LEGAL_HOLD"
    until = head.get("ObjectLockRetainUntilDate")
    if until is not None and until > now:
        return "OBJECT_LOCKED"
    return None


def _not_removed(codes: set[str]) -> NoReturn:
    if codes & _REFUSED:
        raise Rejected(
            "S3 refuses to remove an older version: Object Lock or a policy protects it",
            reason_code="VERSION_LOCKED",
        )
    raise RetryLater("S3 did not remove every older version", reason_code="VERSIONS_LEFT")
