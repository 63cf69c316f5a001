"""One versioned bucket of S3 in memory: conditional writes, markers, removal by version id."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from botocore.response import StreamingBody

from tests.property.purge.dynamodb_model import Refused

_NOW = datetime(2026, 11, 1, tzinfo=UTC)

_OWNER = {"ID": "owner"}
_GRANT = {"Grantee": _OWNER | {"Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}


@dataclass(frozen=True)
class Entry:
    """A version, or a marker that says that the object was deleted."""

    version_id: str
    content: bytes | None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        return '"' + hashlib.md5(self.content or b"", usedforsecurity=False).hexdigest() + '"'


class S3Model:
    """The calls that purging makes for objects that are written in one piece."""

    def __init__(self) -> None:
        self._entries: dict[str, list[Entry]] = {}
        self._newest = 0
        self.refused_writes = 0

    def history(self, key: str) -> list[Entry]:
        """Newest first."""
        return list(self._entries.get(key, ()))

    def present(self, key: str) -> bytes | None:
        """The object as readers see it."""
        history = self._entries.get(key)
        return history[0].content if history else None

    @property
    def newest(self) -> int:
        """The number of the last version that was written to the bucket."""
        return self._newest

    def present_keys(self) -> list[str]:
        """Of every object that readers see."""
        return sorted(key for key in self._entries if self.present(key) is not None)

    def add(
        self, key: str, content: bytes | None, metadata: Mapping[str, str] | None = None
    ) -> Entry:
        """A new version, whatever was there."""
        self._newest += 1
        entry = Entry(f"v{self._newest}", content, dict(metadata or {}))
        self._entries.setdefault(key, []).insert(0, entry)
        return entry

    def call(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        answers: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "HeadObject": lambda asked: _described(self._find(asked)),
            "GetObject": self._get,
            "PutObject": self._put,
            "DeleteObject": self._delete,
            "DeleteObjects": self._remove,
            "ListObjectVersions": self._list,
            "GetObjectAcl": lambda _: {"Owner": _OWNER, "Grants": [_GRANT]},
            "ListMultipartUploads": lambda _: {},
        }
        return answers[operation](asked)

    def _put(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._check(asked)
        entry = self.add(asked["Key"], bytes(asked["Body"]), asked.get("Metadata"))
        return {"ETag": entry.etag, "VersionId": entry.version_id}

    def _delete(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._check(asked)
        return {"VersionId": self.add(asked["Key"], None).version_id, "DeleteMarker": True}

    def _find(self, asked: Mapping[str, Any]) -> Entry:
        history = self._entries.get(asked["Key"], [])
        wanted = asked.get("VersionId")
        for entry in history if wanted else history[:1]:
            if entry.content is not None and wanted in (None, entry.version_id):
                if asked.get("IfMatch") not in (None, entry.etag):
                    raise Refused("PreconditionFailed", 412)
                return entry
        raise Refused("NoSuchVersion" if wanted else "NoSuchKey", 404)

    def _get(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        entry = self._find(asked)
        content = entry.content or b""
        if wanted := asked.get("Range"):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            content = content[int(first) : int(last) + 1]
        body = StreamingBody(BytesIO(content), len(content))
        return _described(entry) | {"Body": body, "ContentLength": len(content)}

    def _check(self, asked: Mapping[str, Any]) -> None:
        if "IfMatch" not in asked:
            return
        history = self._entries.get(asked["Key"], [])
        if not history or history[0].content is None:
            self.refused_writes += 1
            raise Refused("NoSuchKey", 404)
        if history[0].etag != asked["IfMatch"]:
            self.refused_writes += 1
            raise Refused("PreconditionFailed", 412)

    def _remove(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        for one in asked["Delete"]["Objects"]:
            history = self._entries.get(one["Key"], [])
            history[:] = [entry for entry in history if entry.version_id != one["VersionId"]]
        return {}

    def _list(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        versions, markers = [], []
        for key in sorted(self._entries):
            if key.startswith(asked["Prefix"]):
                for number, entry in enumerate(self._entries[key]):
                    shown = {"Key": key, "VersionId": entry.version_id, "IsLatest": number == 0}
                    if entry.content is None:
                        markers.append(shown)
                    else:
                        versions.append(shown | {"ETag": entry.etag, "Size": len(entry.content)})
        return {"Versions": versions, "DeleteMarkers": markers, "IsTruncated": False}


def _described(entry: Entry) -> dict[str, Any]:
    return {
        "ETag": entry.etag,
        "VersionId": entry.version_id,
        "ContentLength": len(entry.content or b""),
        "Metadata": dict(entry.metadata),
        "LastModified": _NOW,
    }
