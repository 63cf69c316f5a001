"""Purge's decisions: values in, values out.

    pending locations at an address ─► whose rows go ─► note (before the commit) ─► evidence

The note is what makes a crash between commit and marking harmless for the counts: it says with
which nonce how many rows were to go, and the committed object carries that nonce.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from erasure_purge.content import Replacement
from erasure_shared.errors import Rejected
from erasure_shared.locations import Identifier, PendingLocation

UNVERSIONED = "null"
"""The version id of what is written while a bucket has no versions or suspends them; the next write
takes it over."""

HINDRANCES = {
    "OBJECT_ARCHIVED": "the object is archived: restore it first",
    "LEGAL_HOLD": "the object is under legal hold, so its present version could not be removed",
    "OBJECT_LOCKED": "the object is locked, so its present version could not be removed",
}
"""Why an object must not be touched, by reason code."""

_OVERHEAD_S = 3.0
_REWRITTEN_BYTES_PER_S = 2_000_000
_TRANSFERRED_BYTES_PER_S = 20_000_000
_COPIED_BYTES_PER_S = 50_000_000
_STEP_BYTES = 128 * 1024 * 1024
_PART_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True)
class Touched:
    """How much of a file an erasure changes, and why not less; numbers and reason codes alone.

    `unit` is the largest part that was written anew. `pages` are those of the row groups that lose
    rows: of the others none was looked at more than finding needs.
    """

    unit: str = "none"
    unit_reason: str = "NOBODY_FOUND"
    row_groups: int = 0
    row_groups_touched: int = 0
    pages: int = 0
    pages_touched: int = 0


@dataclass(frozen=True)
class Erasure:
    """What an engine found in a file, and what must take its place.

    Without a replacement the file stays, unless all its rows go. `thorough`: every remaining row
    was compared and every byte searched.
    """

    rows_before: int
    rows_by_id: Mapping[str, int] = field(repr=False)
    writer: str = ""
    replacement: Replacement | None = field(default=None, repr=False)
    touched: Touched = Touched()
    thorough: bool = False

    @property
    def rows_erased(self) -> int:
        """Rows that went."""
        return sum(self.rows_by_id.values())

    @property
    def rows_after(self) -> int:
        """Rows that are left."""
        return self.rows_before - self.rows_erased

    @property
    def empties(self) -> bool:
        """No row is left: the object goes instead of being replaced."""
        return self.rows_erased > 0 and not self.rows_after


@dataclass(frozen=True)
class ObjectUri:
    """Where an object lies."""

    bucket: str
    key: str = field(repr=False)

    @classmethod
    def parse(cls, address: str) -> ObjectUri:
        """The inverse of `str`.

        Raises:
            Rejected: it is no address of an object.
        """
        bucket, _, key = address.removeprefix("s3://").partition("/")
        if not address.startswith("s3://") or not bucket or not key:
            raise Rejected(
                "the location's address is not s3://bucket/key", reason_code="INVALID_ADDRESS"
            )
        return cls(bucket, key)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class StoredObject:
    """One version of an object, as it was met.

    `headers` are arguments of PutObject by which its replacement keeps what is not content.
    `hindrance` is one of `HINDRANCES`, or None. `restored_from` is the archive class of an object
    whose restored copy is read; its replacement is not archived.
    """

    uri: ObjectUri
    etag: str
    version_id: str
    size_bytes: int
    nonce: str | None = None
    headers: Mapping[str, Any] = field(default_factory=dict, repr=False)
    has_tags: bool = False
    hindrance: str | None = None
    restored_from: str | None = None


@dataclass(frozen=True)
class Commit:
    """A replacement that stands in its place, and what it cost to put it there."""

    stored: StoredObject
    bytes_uploaded: int = 0
    bytes_copied: int = 0


@dataclass(frozen=True)
class Version:
    """One entry of an object's history; a delete marker has no ETag."""

    version_id: str
    is_latest: bool
    etag: str | None

    @property
    def is_marker(self) -> bool:
        """Whether it says that the object was deleted."""
        return self.etag is None


@dataclass(frozen=True)
class Note:
    """What is recorded with a pending location before its object is replaced.

    `rows_done` went with earlier commits, `rows_planned` go with the commit named `nonce`. Of a
    table, `subjects_done` counts the subjects that were purged in earlier runs. `emptied_etag` is
    that of an object that loses all its rows, and so is deleted. `rows_overwritten` went with a
    commit that somebody overwrote: perhaps they came back, so they are not added to those that go
    again, but no fewer are counted.
    """

    rows_done: int = 0
    rows_planned: int = 0
    nonce: str = ""
    subjects_done: int = 0
    emptied_etag: str = ""
    rows_overwritten: int = 0

    @classmethod
    def read(cls, evidence: Mapping[str, Any] | None) -> Note:
        """The note in a pending location's evidence, or an empty one."""
        kept = (evidence or {}).get("note", {})
        return cls(
            rows_done=int(kept.get("rows_done", 0)),
            rows_planned=int(kept.get("rows_planned", 0)),
            nonce=str(kept.get("nonce", "")),
            subjects_done=int(kept.get("subjects_done", 0)),
            emptied_etag=str(kept.get("emptied_etag", "")),
            rows_overwritten=int(kept.get("rows_overwritten", 0)),
        )

    def rows_settled(self, nonce: str | None) -> int:
        """Rows that are known to be gone from the object that carries `nonce`."""
        is_committed = bool(nonce) and nonce == self.nonce
        return self.rows_done + (self.rows_planned if is_committed else 0)

    def evidence(self) -> dict[str, Any]:
        """As it is recorded."""
        return {"note": asdict(self)}


@dataclass(frozen=True)
class Share:
    """A pending location's part in the rewrite of its object."""

    pending: PendingLocation
    rows_before: int
    rows_now: int
    rows_overwritten: int = 0

    @property
    def rows_erased(self) -> int:
        """Rows of its own subjects, those of an interrupted run included."""
        return max(self.rows_before + self.rows_now, self.rows_overwritten)


def ids_of(identifiers: Iterable[Identifier]) -> frozenset[str]:
    """Everybody who is named, in clear: for an engine or a store, not for a log."""
    return frozenset(identifier.profile_id.get_secret_value() for identifier in identifiers)


def by_subject(identifiers: Iterable[Identifier]) -> tuple[tuple[Identifier, ...], ...]:
    """The identifiers of each subject, subjects in the order of their first."""
    subjects: dict[str, list[Identifier]] = {}
    for identifier in identifiers:
        subjects.setdefault(identifier.profile_id.get_secret_value(), []).append(identifier)
    return tuple(map(tuple, subjects.values()))


def shares(
    pending: Sequence[PendingLocation], rows_by_id: Mapping[str, int], nonce: str | None
) -> tuple[Share, ...]:
    """Each location's own rows: a subject of two requests counts for both.

    `nonce` is that of the object before this run touches it.
    """
    notes = [Note.read(one.location.evidence) for one in pending]
    return tuple(
        Share(
            one,
            rows_before=note.rows_settled(nonce),
            rows_now=sum(rows_by_id.get(text, 0) for text in ids_of(one.identifiers)),
            rows_overwritten=note.rows_overwritten,
        )
        for one, note in zip(pending, notes, strict=True)
    )


def stands(committed: StoredObject, listed: Iterable[Version]) -> bool:
    """Whether readers see what was committed; then every other version is older.

    Somebody may write, or delete, after a commit. A bucket without versions gives every content
    the same id, so the ETag counts, too; a marker has none, nor has what it is committed as.
    """
    latest = next((version for version in listed if version.is_latest), None)
    if latest is None:
        return not committed.etag
    return (latest.version_id, latest.etag or "") == (committed.version_id, committed.etag)


def outdated(listed: Iterable[Version]) -> tuple[str, ...]:
    """Versions that readers do not see any more."""
    return tuple(version.version_id for version in listed if not version.is_latest)


def seconds_for_a_step(size_bytes: int) -> float:
    """How long fetching a small object takes, or one column of one row group of a large one."""
    return _OVERHEAD_S + min(size_bytes, _STEP_BYTES) / _TRANSFERRED_BYTES_PER_S


def seconds_to_rewrite(size_bytes: int) -> float:
    """How long it takes to read all, to write it anew or to compare it row by row."""
    return _OVERHEAD_S + size_bytes / _REWRITTEN_BYTES_PER_S


def seconds_to_search(id_column_bytes: int) -> float:
    """How long it takes to read the id column, before and after."""
    return _OVERHEAD_S + 2 * id_column_bytes / _TRANSFERRED_BYTES_PER_S


def seconds_to_commit(size_bytes: int, new_bytes: int, new_ranges: int) -> float:
    """How long writing, copying what stays and reading back take; on the safe side.

    Each new range may take old bytes along, up to the smallest part of an upload.
    """
    travels = min(size_bytes, new_bytes + new_ranges * _PART_BYTES)
    copied = size_bytes - travels
    return _OVERHEAD_S + 2 * travels / _TRANSFERRED_BYTES_PER_S + copied / _COPIED_BYTES_PER_S
