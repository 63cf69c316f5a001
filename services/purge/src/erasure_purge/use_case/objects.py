"""Purging an S3 object of everybody who is pending there, whichever request names them.

    lock ─► object ─► replacement, verified ─► note ─► commit if unchanged ─► read back
         ─► still the latest? ─► remove older versions ─► still the latest? ─► forgotten uploads
         ─► publish, mark ─► release

What somebody put over the commit by the last look is searched and purged, too. The order
is what makes a crash at any point harmless: nothing is removed before its replacement stands and
was read back, and nothing is marked before the last trace is removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from erasure_purge.core import (
    HINDRANCES,
    UNVERSIONED,
    Commit,
    Erasure,
    Note,
    ObjectUri,
    Share,
    StoredObject,
    Version,
    ids_of,
    outdated,
    seconds_for_a_step,
    seconds_to_commit,
    shares,
    stands,
)
from erasure_purge.use_case.ports import Held, Outcome, Ports, is_pending
from erasure_shared.data_map import S3Store
from erasure_shared.errors import Corrupted, Rejected, RetryLater
from erasure_shared.events import LocationPurged, RelocationRequested
from erasure_shared.locations import (
    Location,
    LocationStatus,
    PendingLocation,
    SearchedAgain,
)

_PLANS = 3


@dataclass(frozen=True)
class _Job:
    """The object, and whose rows go from it."""

    location: Location
    store: S3Store
    uri: ObjectUri
    pending: tuple[PendingLocation, ...]

    @property
    def own(self) -> PendingLocation:
        """The message's own location."""
        own_id = self.location.location_id
        return next(p for p in self.pending if p.location.location_id == own_id)

    def seen(self) -> _Job:
        """The same, once the object was seen: an earlier search for it says nothing any more."""
        own = self.own
        location = replace(own.location, searched_again=None)
        now = replace(own, location=location)
        return replace(self, pending=tuple(now if p is own else p for p in self.pending))


def purge_object(location: Location, store: S3Store, ports: Ports) -> Outcome:
    """Make the object hold nothing of its pending subjects, in its present or any older version.

    Raises:
        RetryLater: the lock, an unchanged object or the time is not to be had now.
        Rejected: the object cannot be rewritten, or an older version not be removed.
    """
    uri = ObjectUri.parse(location.address)
    with ports.locks.hold(location, ports.time_left_s()) as lock:
        pending = _pending(location, store, ports)
        if not pending:
            return Outcome()
        job = _Job(location, store, uri, pending)
        for _ in range(_PLANS):
            outcome = _purge_once(job, lock, ports)
            if isinstance(outcome, Outcome):
                return outcome
            job = outcome
        raise RetryLater("the object keeps changing", reason_code="OBJECT_CHANGED")


def _pending(location: Location, store: S3Store, ports: Ports) -> tuple[PendingLocation, ...]:
    """Everything pending at the address that is found by the same column.

    The message's own location is read by its key, because the index lags.
    """
    found = {p.location.location_id: p for p in ports.requests.pending_at(location.address)}
    own = ports.requests.location(location.request_id, location.location_id)
    if own is None or own.status is not LocationStatus.PENDING:
        return ()
    found[own.location_id] = PendingLocation(own, ports.requests.identifiers_of(own))
    pending = [p for p in found.values() if p.location.store == store.name]
    gone = [p for p in pending if p.location.subjects and not p.identifiers]
    if any(is_pending(p.location, ports) for p in gone):
        raise Rejected(
            "the identifiers of a pending location are gone", reason_code="IDENTIFIERS_GONE"
        )
    if any(p.location.location_id == own.location_id for p in gone):
        return ()
    return tuple(p for p in pending if p not in gone)


def _purge_once(job: _Job, lock: Held, ports: Ports) -> Outcome | _Job:
    """The outcome; or what is to be planned anew, because the object changed meanwhile."""
    stored = ports.lake.find(job.uri)
    if stored is None:
        return _vanished(job, ports)
    if job.own.location.searched_again is not None:
        ports.requests.note_seen(job.own.location)
        job = job.seen()
    if stored.hindrance is not None:
        raise Rejected(HINDRANCES[stored.hindrance], reason_code=stored.hindrance)
    ports.require_time(seconds_for_a_step(stored.size_bytes))
    ids = ids_of(identifier for p in job.pending for identifier in p.identifiers)
    with ports.lake.open(stored) as content:
        erasure = ports.erase(content, job.store.id_column, ids, ports.require_time)
        if not erasure.empties and ports.lake.names(stored, ids):
            raise Rejected(
                "the object's user metadata or a tag names a subject: change it, then retry",
                reason_code="ERASED_VALUE_IN_METADATA",
            )
        parts = shares(job.pending, erasure.rows_by_id, stored.nonce)
        committed = _commit(stored, erasure, parts, lock, ports)
        if committed is None:
            return job
        read_back = _read_back(committed, erasure, ports)
        bytes_read = content.bytes_read + read_back
    removed = _remove_older(stored, committed.stored, ports)
    if removed is None:
        lock.ensure_held()
        return _overwritten(job, parts, stored.etag if erasure.empties else "", ports)
    evidence = _evidence(erasure, stored, committed.stored) | {
        "bytes_uploaded": committed.bytes_uploaded,
        "bytes_copied": committed.bytes_copied,
        "bytes_read": bytes_read,
        "versions_removed": removed,
        "uploads_aborted": ports.lake.abort_forgotten(stored.uri),
    }
    return _settle(parts, evidence, removed, ports)


def _commit(
    stored: StoredObject,
    erasure: Erasure,
    parts: Sequence[Share],
    lock: Held,
    ports: Ports,
) -> Commit | None:
    """The object as it is after the commit; None if it changed since it was read."""
    replacement = erasure.replacement
    if replacement is None and not erasure.empties:
        return Commit(stored)
    if replacement is not None:
        ports.require_time(
            seconds_to_commit(replacement.size_bytes, replacement.new_bytes, replacement.new_pieces)
        )
    nonce = ports.new_nonce()
    for part in parts:
        note = Note(
            rows_done=part.rows_before,
            rows_planned=part.rows_now,
            nonce=nonce,
            emptied_etag=stored.etag if erasure.empties else "",
            rows_overwritten=part.rows_overwritten,
        )
        ports.requests.note_plan(part.pending.location, note.evidence())
    lock.ensure_held()
    if replacement is None:
        marker = ports.lake.delete(stored)
        return None if marker is None else Commit(StoredObject(stored.uri, "", marker, 0))
    return ports.lake.replace(stored, replacement, nonce)


def _read_back(committed: Commit, erasure: Erasure, ports: Ports) -> int:
    """S3 must hold the very bytes that were verified; how many were read for that.

    Of what S3 copied inside itself, only the surroundings of the new ranges are read, unless the
    proof is thorough (`Replacement.is_held_by`).
    """
    if erasure.replacement is None:
        return 0
    everywhere = erasure.thorough or not committed.bytes_copied
    with ports.lake.open(committed.stored) as content:
        if not erasure.replacement.is_held_by(content, everywhere=everywhere):
            raise Corrupted("S3 does not hold what was written", reason_code="READ_BACK_DIFFERS")
        return content.bytes_read


def _remove_older(stored: StoredObject, committed: StoredObject, ports: Ports) -> int | None:
    """Remove every older version by its id; then the marker of an object that has nothing left.

    What was read goes last: while it is there, an emptied object shows who emptied it.
    None: somebody wrote or deleted after the commit.
    """
    listed = ports.lake.versions(stored.uri)
    if not stands(committed, listed):
        return None
    older = outdated(listed)
    for last in (False, True):
        step = [version for version in older if (version == stored.version_id) is last]
        ports.lake.remove_versions(stored.uri, step)
    left = ports.lake.versions(stored.uri)
    if not stands(committed, left):
        return None
    if outdated(left):
        raise RetryLater("an older version is still there", reason_code="VERSIONS_LEFT")
    if not committed.size_bytes:
        # A marker whose id the next write takes over stays: that write could be what is removed.
        markers = [version.version_id for version in left if version.version_id != UNVERSIONED]
        ports.lake.remove_versions(stored.uri, markers)
    return len(older)


def _overwritten(job: _Job, parts: Sequence[Share], emptied_etag: str, ports: Ports) -> _Job:
    """The job anew; noted is what the commit took, for what lies over it does not tell."""
    pending = []
    for part in parts:
        location = part.pending.location
        note = Note(rows_overwritten=part.rows_erased, emptied_etag=emptied_etag).evidence()
        ports.requests.note_plan(location, note)
        pending.append(replace(part.pending, location=replace(location, evidence=note)))
    return replace(job, pending=tuple(pending))


def _vanished(job: _Job, ports: Ports) -> Outcome | _Job:
    """Absence alone is no success: the rows may have moved, so they are located again first.

    Raises:
        Rejected: whether the object was meant to go is for a person to say.
    """
    location = job.own.location
    if location.searched_again is None:
        ports.events.publish(
            RelocationRequested(request_id=location.request_id, location_id=location.location_id)
        )
        return Outcome(relocated=True)
    listed = ports.lake.versions(job.uri)
    if any(version.is_latest and not version.is_marker for version in listed):
        return job  # it came back
    contents = [version for version in listed if not version.is_marker]
    nonce = _emptied_with(job.pending, contents)
    _check_absence(location.searched_again, contents, emptied_by_us=nonce is not None)
    ports.lake.remove_versions(job.uri, [version.version_id for version in contents])
    markers = [version.version_id for version in listed if version.is_marker]
    ports.lake.remove_versions(job.uri, markers)
    evidence = {"vanished": True, "versions_removed": len(contents)}
    parts = shares([job.own], {}, nonce)
    return _settle(parts, evidence, len(contents), ports)


def _emptied_with(pending: Sequence[PendingLocation], contents: Sequence[Version]) -> str | None:
    """The nonce of the note by which we emptied the object, for whichever request it was."""
    for one in pending:
        note = Note.read(one.location.evidence)
        if note.emptied_etag and (not contents or contents[0].etag == note.emptied_etag):
            return note.nonce
    return None


def _check_absence(
    found: SearchedAgain, contents: Sequence[Version], *, emptied_by_us: bool
) -> None:
    """The history of an object goes only if its rows live on elsewhere, or we emptied it."""
    if found is SearchedAgain.SAME_ADDRESS:
        raise Rejected(
            "a search finds the subjects in the object, but S3 says that it is not there",
            reason_code="ADDRESS_DISAGREES",
        )
    if found is SearchedAgain.NOWHERE and contents and not emptied_by_us:
        raise Rejected(
            "somebody deleted the object, and older versions of it are left: restore it and retry, "
            "or remove them and retry",
            versions=len(contents),
            reason_code="OBJECT_DELETED",
        )


def _settle(
    parts: Sequence[Share], evidence: dict[str, Any], removed: int, ports: Ports
) -> Outcome:
    events = tuple(_event(part, evidence) for part in parts)
    ports.events.publish(*events)
    for part in parts:
        own = evidence | {"rows_erased": part.rows_erased}
        ports.requests.mark_purged(part.pending.location, part.rows_erased, own)
    return Outcome(purged=events, versions_removed=removed)


def _event(part: Share, evidence: dict[str, Any]) -> LocationPurged:
    location = part.pending.location
    return LocationPurged(
        request_id=location.request_id,
        location_id=location.location_id,
        store=location.store,
        rows_erased=part.rows_erased,
        bytes_before=evidence.get("bytes_before"),
        bytes_after=evidence.get("bytes_after"),
    )


def _evidence(erasure: Erasure, stored: StoredObject, committed: StoredObject) -> dict[str, Any]:
    """What is kept of the purge: numbers, reason codes and ETags."""
    evidence: dict[str, Any] = {
        "rows_before": erasure.rows_before,
        "rows_after": erasure.rows_after,
        "bytes_before": stored.size_bytes,
        "bytes_after": committed.size_bytes,
        "etag_before": stored.etag,
        "etag_after": committed.etag,
        "written_by": erasure.writer,
        **asdict(erasure.touched),
    }
    if erasure.replacement is not None:
        evidence["proof"] = "thorough" if erasure.thorough else "quick"
    if stored.restored_from and erasure.replacement is not None:
        evidence |= {"restored_from": stored.restored_from, "storage_class": "STANDARD"}
    return evidence
