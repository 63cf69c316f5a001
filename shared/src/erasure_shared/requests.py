"""Erasure requests and their locations in the GDPR table: every transition, and nothing else.

    request    LOCATING ──► PURGING ──► COMPLETED | COMPLETED_WITH_RETENTION
    location   PENDING ──► PURGED
                  │▲
                  ▼│ retry
               FAILED ──► RETAINED

Every transition is one conditional write, together with the request's counts in one transaction,
so a repeated or late message changes nothing.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import uuid4

from pydantic import SecretStr
from pynamodb.connection import Connection
from pynamodb.exceptions import PutError, TransactWriteError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from erasure_shared.errors import Rejected, RetryLater
from erasure_shared.events import ErasureCompleted, ErasureRequested
from erasure_shared.identifiers import (
    delete_parts,
    read_identifiers,
    read_text,
    replace_identifiers,
    write_identifiers,
    write_text,
)
from erasure_shared.locations import (
    CLOSED,
    Digest,
    Found,
    Identifier,
    Location,
    LocationStatus,
    PendingLocation,
    RequestStatus,
    SearchedAgain,
    StoreKind,
)
from erasure_shared.tables import (
    LOCATION_PREFIX,
    OPEN,
    REQUEST_SK,
    LocationItem,
    RequestItem,
    location_sk,
    request_pk,
)

_CONFLICT_ATTEMPTS = 12
_NOT_FOUND = "NOT_FOUND"
_MESSAGE = "MESSAGE"
_NOT_SEARCHED = "not searched"
"""In place of a store's name, which has no blanks: every store that was not searched."""


@dataclass(frozen=True)
class ErasureRequest:
    """An erasure request as it is recorded; times are RFC 3339 in UTC."""

    request_id: str
    status: RequestStatus
    received_at: str
    due_at: str
    subjects: int
    subjects_not_found: int | None
    stores_searched: frozenset[str]
    open_locations: int
    purged_locations: int
    retained_locations: int
    rows_erased: int
    completed_at: str | None
    reason_code: str | None
    reason: str | None


class Requests:
    """The GDPR table's requests; `bind_tables` comes first. One instance per thread is not needed.

    Raises (every method): RetryLater when other writers keep the request's counts busy;
    PynamoDB's own errors when the table cannot be reached.
    """

    def __init__(self, digest: Digest, now: Callable[[], datetime]) -> None:
        self._digest = digest
        self._now = now

    # --- the request

    def register(
        self,
        request_id: str,
        received_at: datetime,
        due_at: datetime,
        subjects: Sequence[SecretStr],
        subjects_uri: str | None = None,
    ) -> ErasureRequest:
        """Record a request once; the same request again is answered with what is recorded.

        `subjects_uri` is the list that the subjects came from, for `registered_from`.

        Raises:
            Rejected: another request is recorded under this id.
        """
        identifiers = [Identifier(subject) for subject in subjects]
        content = self._content_digest(received_at, identifiers)
        if (known := self._request_item(request_id)) is None:
            write_identifiers(request_pk(request_id), content, identifiers)
            origin = subjects_uri and self._list_digest(received_at, subjects_uri)
            known = self._create(request_id, received_at, due_at, content, len(subjects), origin)
        if known.content_digest != content:
            delete_parts(request_pk(request_id), content)
            raise Rejected(
                "request_id: is taken by a request with other subjects or another received_at",
                request_id=request_id,
                reason_code="REQUEST_ID_REUSED",
            )
        return _request(known)

    def registered_from(
        self, request_id: str, received_at: datetime, subjects_uri: str
    ) -> ErasureRequest | None:
        """The request, if it was recorded from this very list, which may be gone since."""
        item = self._request_item(request_id)
        if item is None or item.list_digest != self._list_digest(received_at, subjects_uri):
            return None
        return _request(item)

    def is_recorded(self, event: ErasureRequested) -> bool:
        """Whether the very request that the event asks for is recorded, and not just its id."""
        item = self._request_item(event.request_id)
        if item is None:
            return False
        if event.subjects_uri is not None:
            return item.list_digest == self._list_digest(event.received_at, event.subjects_uri)
        identifiers = [Identifier(subject.profile_id) for subject in event.subjects or ()]
        return item.content_digest == self._content_digest(event.received_at, identifiers)

    def find(self, request_id: str) -> ErasureRequest | None:
        """The request as it is recorded, or None."""
        item = self._request_item(request_id)
        return None if item is None else _request(item)

    def subjects_of(self, request_id: str) -> tuple[SecretStr, ...]:
        """Whom the request wants erased; none once it is closed."""
        item = self._request_item(request_id)
        if item is None or item.status in CLOSED:
            return ()
        parts = read_identifiers(request_pk(request_id), item.content_digest)
        return tuple(identifier.profile_id for identifier in parts)

    def note_search(self, request_id: str, store: str) -> None:
        """Record that a store has been searched for all subjects; repeating changes nothing."""
        item = RequestItem(request_pk(request_id), REQUEST_SK)
        item.update([RequestItem.stores_searched.add({store})], RequestItem.pk.exists())

    def note_failure(self, request_id: str, reason_code: str, reason: str) -> None:
        """Record why the request could not be located so far; a request unknown stays unknown."""
        item = RequestItem(request_pk(request_id), REQUEST_SK)
        actions: list[Action] = [
            RequestItem.reason_code.set(reason_code),
            RequestItem.reason.set(reason),
        ]
        _conditionally(lambda: item.update(actions, RequestItem.pk.exists()))

    def finish_locating(self, request_id: str) -> None:
        """LOCATING → PURGING, with the fact who was found nowhere; repeating changes nothing."""
        item = self._existing(request_id)
        if item.status != RequestStatus.LOCATING:
            return
        pk = request_pk(request_id)
        found = {
            identifier.profile_id
            for location in self.locations_of(request_id)
            for identifier in self.identifiers_of(location)
        }
        missing = [
            Identifier(subject) for subject in self.subjects_of(request_id) if subject not in found
        ]
        write_identifiers(pk, _NOT_FOUND, missing)
        actions: list[Action] = [
            RequestItem.status.set(RequestStatus.PURGING),
            RequestItem.subjects_not_found.set(len(missing)),
            RequestItem.reason.remove(),
            RequestItem.reason_code.remove(),
        ]
        _conditionally(lambda: item.update(actions, RequestItem.status == RequestStatus.LOCATING))

    def stop_locating(self, request_id: str, error_id: str, reason_code: str, reason: str) -> None:
        """LOCATING → PURGING by a person's decision about an error, in one transaction.

        One RETAINED location stands for the stores that were not searched; what was found in
        others stays pending. Who is found nowhere is not known then, and nobody is counted so.
        Repeating changes nothing.
        """
        item = self._existing(request_id)
        if item.status != RequestStatus.LOCATING:
            return
        location_id = self._not_searched_id(request_id)
        location = LocationItem(
            request_pk(request_id),
            location_sk(location_id),
            request_id=request_id,
            location_id=location_id,
            store=_NOT_SEARCHED,
            kind=StoreKind.SEARCH,
            address=f"search:{_NOT_SEARCHED}",
            status=LocationStatus.RETAINED,
            subjects=item.subjects,
            reason_code=reason_code,
            reason=reason,
            evidence={
                "error_id": error_id,
                "stores_searched": sorted(item.stores_searched or ()),
            },
            updated_at=self._stamp(),
        )
        actions: list[Action] = [
            RequestItem.status.set(RequestStatus.PURGING),
            RequestItem.subjects_not_found.set(0),
            RequestItem.retained_locations.add(1),
            RequestItem.reason.remove(),
            RequestItem.reason_code.remove(),
        ]

        def write(transaction: TransactWrite) -> None:
            transaction.save(location, LocationItem.pk.does_not_exist())
            transaction.update(item, actions, RequestItem.status == RequestStatus.LOCATING)

        _transact(write)

    def stopped_by(self, request_id: str) -> str | None:
        """The error whose dismissal stopped the locating, if any did."""
        location = self.location(request_id, self._not_searched_id(request_id))
        return None if location is None else str((location.evidence or {}).get("error_id"))

    def close_if_done(self, request_id: str) -> ErasureCompleted | None:
        """Close a request that has no open location, and return the event to be published.

        The event is returned until `note_announced` was called: at least once, never forgotten.
        Identifiers are replaced by their digests before the request counts as closed, and before
        that it stops to take locations, whose identifiers would be replaced unpurged.
        """
        item = self._existing(request_id)
        if item.status in CLOSED:
            return _unannounced(item)
        if item.status != RequestStatus.PURGING or item.open_locations:
            return None
        is_done = (RequestItem.status == RequestStatus.PURGING) & (RequestItem.open_locations == 0)
        closing: list[Action] = [RequestItem.closing_at.set(self._stamp())]
        if not _conditionally(lambda: item.update(closing, is_done)):
            return _unannounced(self._existing(request_id))
        replace_identifiers(request_pk(request_id), self._digest)
        status = (
            RequestStatus.COMPLETED_WITH_RETENTION
            if item.retained_locations
            else RequestStatus.COMPLETED
        )
        actions: list[Action] = [
            RequestItem.status.set(status),
            RequestItem.completed_at.set(self._stamp()),
            RequestItem.open_key.remove(),
        ]
        _conditionally(lambda: item.update(actions, is_done))
        return _unannounced(self._existing(request_id))

    def note_announced(self, request_id: str) -> None:
        """Record that ErasureCompleted was published."""
        item = RequestItem(request_pk(request_id), REQUEST_SK)
        item.update([RequestItem.announced_at.set(self._stamp())], RequestItem.pk.exists())

    # --- locations

    def add_location(self, request_id: str, found: Found, *, origin: str = "") -> Location:
        """Record where subjects were found, once; `origin` is the location it replaces, if any.

        The same finding again is answered with the location that is recorded.
        """
        location_id = self._digest(
            request_id,
            found.store,
            found.address,
            origin,
            self._digest.of_identifiers(found.identifiers),
        )[:32]
        known = self.location(request_id, location_id)
        if known is not None:
            return known
        pk = request_pk(request_id)
        parts = write_identifiers(pk, location_id, found.identifiers)
        item = LocationItem(
            pk,
            location_sk(location_id),
            request_id=request_id,
            location_id=location_id,
            store=found.store,
            kind=found.kind,
            address=found.address,
            address_key=found.address,
            status=LocationStatus.PENDING,
            parts=parts,
            subjects=len({identifier.profile_id for identifier in found.identifiers}),
            updated_at=self._stamp(),
        )
        counts = RequestItem(pk, REQUEST_SK)

        def write(transaction: TransactWrite) -> None:
            transaction.save(item, LocationItem.pk.does_not_exist())
            transaction.update(counts, [RequestItem.open_locations.add(1)], _IS_OPEN_REQUEST)

        _transact(write)
        recorded = self.location(request_id, location_id)
        if recorded is None:
            delete_parts(pk, location_id)
            raise Rejected(
                "the request is closed or unknown; it takes no further location",
                request_id=request_id,
                reason_code="REQUEST_CLOSED",
            )
        return recorded

    def location(self, request_id: str, location_id: str) -> Location | None:
        """The location as it is recorded, or None."""
        try:
            item = LocationItem.get(
                request_pk(request_id), location_sk(location_id), consistent_read=True
            )
        except LocationItem.DoesNotExist:
            return None
        return _location(item)

    def locations_of(self, request_id: str) -> Iterator[Location]:
        """Every location of the request."""
        items = LocationItem.query(
            request_pk(request_id),
            LocationItem.sk.startswith(LOCATION_PREFIX),
            consistent_read=True,
        )
        return map(_location, items)

    def identifiers_of(self, location: Location) -> tuple[Identifier, ...]:
        """Whose data lies at the location."""
        return read_identifiers(request_pk(location.request_id), location.location_id)

    def pending_at(self, address: str) -> tuple[PendingLocation, ...]:
        """Every pending location at the address, whichever request it belongs to.

        The index lags by moments (DynamoDB: global secondary indexes are eventually consistent);
        what it does not show yet comes with its own message.
        """
        pending = []
        for entry in LocationItem.by_address.query(address):
            location = self.location(entry.request_id, entry.location_id)
            if location is not None and location.status == LocationStatus.PENDING:
                pending.append(PendingLocation(location, self.identifiers_of(location)))
        return tuple(pending)

    def note_attempt(self, location: Location, reason_code: str, reason: str) -> None:
        """Record why an attempt to purge a pending location failed."""
        actions: list[Action] = [
            LocationItem.attempts.add(1),
            LocationItem.reason_code.set(reason_code),
            LocationItem.reason.set(reason),
            LocationItem.updated_at.set(self._stamp()),
        ]
        _conditionally(lambda: _key(location).update(actions, _is(LocationStatus.PENDING)))

    def note_seen(self, location: Location) -> None:
        """Record that the object is there: what an earlier search found proves nothing now."""
        actions: list[Action] = [LocationItem.searched_again.remove()]
        _conditionally(lambda: _key(location).update(actions, _is(LocationStatus.PENDING)))

    def note_searched_again(self, location: Location, found: SearchedAgain) -> None:
        """Record where the subjects of a vanished object were found when located again."""
        actions: list[Action] = [
            LocationItem.searched_again.set(found),
            LocationItem.updated_at.set(self._stamp()),
        ]
        _conditionally(lambda: _key(location).update(actions, _is(LocationStatus.PENDING)))

    def note_plan(self, location: Location, evidence: dict[str, Any]) -> bool:
        """Record, before a store is changed, what is about to go; False if it was not pending.

        It is evidence of a run that may break off, until `mark_purged` replaces it.
        """
        actions: list[Action] = [
            LocationItem.evidence.set(evidence),
            LocationItem.updated_at.set(self._stamp()),
        ]
        return _conditionally(lambda: _key(location).update(actions, _is(LocationStatus.PENDING)))

    def mark_purged(self, location: Location, rows_erased: int, evidence: dict[str, Any]) -> bool:
        """PENDING → PURGED; the evidence is references and counts. False if it was not pending."""
        actions: list[Action] = [
            LocationItem.status.set(LocationStatus.PURGED),
            LocationItem.address_key.remove(),
            LocationItem.evidence.set(evidence),
            LocationItem.reason.remove(),
            LocationItem.reason_code.remove(),
            LocationItem.updated_at.set(self._stamp()),
        ]
        counts: list[Action] = [
            RequestItem.open_locations.add(-1),
            RequestItem.purged_locations.add(1),
            RequestItem.rows_erased.add(rows_erased),
        ]
        return self._settle(location, LocationStatus.PENDING, actions, counts)

    def mark_failed(self, location: Location, reason_code: str, reason: str) -> bool:
        """PENDING → FAILED: it waits for a person; False if it was not pending."""
        actions: list[Action] = [
            LocationItem.status.set(LocationStatus.FAILED),
            LocationItem.address_key.remove(),
            LocationItem.reason_code.set(reason_code),
            LocationItem.reason.set(reason),
            LocationItem.updated_at.set(self._stamp()),
        ]
        return _conditionally(lambda: _key(location).update(actions, _is(LocationStatus.PENDING)))

    def mark_retried(self, location: Location) -> bool:
        """FAILED → PENDING by a person's decision; False if it had not failed."""
        actions: list[Action] = [
            LocationItem.status.set(LocationStatus.PENDING),
            LocationItem.address_key.set(location.address),
            LocationItem.attempts.set(0),
            LocationItem.searched_again.remove(),
            LocationItem.updated_at.set(self._stamp()),
        ]
        return _conditionally(lambda: _key(location).update(actions, _is(LocationStatus.FAILED)))

    def mark_retained(self, location: Location) -> bool:
        """FAILED → RETAINED by a person's decision; False if it had not failed."""
        actions: list[Action] = [
            LocationItem.status.set(LocationStatus.RETAINED),
            LocationItem.updated_at.set(self._stamp()),
        ]
        counts: list[Action] = [
            RequestItem.open_locations.add(-1),
            RequestItem.retained_locations.add(1),
        ]
        return self._settle(location, LocationStatus.FAILED, actions, counts)

    # --- parked messages: their bodies may hold identifiers

    def park_message(self, error_id: str, body: str) -> int:
        """Keep a message's body until a person decides; returns the number of parts."""
        return write_text(_message_pk(error_id), _MESSAGE, body)

    def parked_message(self, error_id: str) -> str:
        """The body that was parked, or an empty text."""
        return read_text(_message_pk(error_id), _MESSAGE)

    def drop_message(self, error_id: str) -> None:
        """Forget a parked body; repeating changes nothing."""
        delete_parts(_message_pk(error_id), _MESSAGE)

    # --- steps

    def _content_digest(self, received_at: datetime, identifiers: Sequence[Identifier]) -> str:
        return self._digest(_instant(received_at), self._digest.of_identifiers(identifiers))

    def _not_searched_id(self, request_id: str) -> str:
        return self._digest(request_id, _NOT_SEARCHED)[:32]

    def _list_digest(self, received_at: datetime, subjects_uri: str) -> str:
        return self._digest("subjects_uri", _instant(received_at), subjects_uri)

    def _create(
        self,
        request_id: str,
        received_at: datetime,
        due_at: datetime,
        content: str,
        subjects: int,
        list_digest: str | None,
    ) -> RequestItem:
        item = RequestItem(
            request_pk(request_id),
            REQUEST_SK,
            request_id=request_id,
            status=RequestStatus.LOCATING,
            received_at=_rfc_3339(received_at),
            due_at=_rfc_3339(due_at),
            open_key=OPEN,
            content_digest=content,
            list_digest=list_digest,
            subjects=subjects,
        )
        with suppress(PutError):  # somebody was faster, or our own write was repeated: read which
            item.save(RequestItem.pk.does_not_exist())
        return self._existing(request_id)

    def _request_item(self, request_id: str) -> RequestItem | None:
        try:
            return RequestItem.get(request_pk(request_id), REQUEST_SK, consistent_read=True)
        except RequestItem.DoesNotExist:
            return None

    def _existing(self, request_id: str) -> RequestItem:
        item = self._request_item(request_id)
        if item is None:
            raise Rejected(
                "no such request is recorded", request_id=request_id, reason_code="UNKNOWN_REQUEST"
            )
        return item

    def _settle(
        self,
        location: Location,
        status: LocationStatus,
        actions: list[Action],
        counts: list[Action],
    ) -> bool:
        """Leave `status` and move the request's counts in one transaction."""
        request = RequestItem(request_pk(location.request_id), REQUEST_SK)

        def write(transaction: TransactWrite) -> None:
            transaction.update(_key(location), actions, _is(status))
            transaction.update(request, counts, RequestItem.pk.exists())

        return _transact(write)

    def _stamp(self) -> str:
        return _rfc_3339(self._now())


_IS_OPEN_REQUEST: Condition = (
    RequestItem.status.is_in(RequestStatus.LOCATING, RequestStatus.PURGING)
    & RequestItem.closing_at.does_not_exist()
)


def _is(status: LocationStatus) -> Condition:
    condition: Condition = LocationItem.status == status
    return condition


def _key(location: Location) -> LocationItem:
    return LocationItem(request_pk(location.request_id), location_sk(location.location_id))


def _message_pk(error_id: str) -> str:
    return f"MESSAGE#{error_id}"


def _instant(instant: datetime) -> str:
    """The same text for the same moment, whatever offset it was written with."""
    return instant.astimezone(UTC).isoformat()


def _rfc_3339(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _conditionally(write: Callable[[], object]) -> bool:
    """Whether the write's condition held."""
    try:
        write()
    except UpdateError as error:
        if error.cause_response_code != "ConditionalCheckFailedException":
            raise
        return False
    return True


def _transact(write: Callable[[TransactWrite], None]) -> bool:
    """Whether all conditions held; a conflict with another transaction is tried again.

    The client request token makes a repeated call after a lost response the same call.
    """
    for attempt in range(_CONFLICT_ATTEMPTS):
        try:
            with TransactWrite(connection=_connection(), client_request_token=str(uuid4())) as t:
                write(t)
        except TransactWriteError as error:
            codes = {reason.code for reason in error.cancellation_reasons if reason is not None}
            if "ConditionalCheckFailed" in codes:
                return False
            if not codes <= {"TransactionConflict", "ThrottlingError"} or not codes:
                raise
            time.sleep(random.random() * min(1.0, 0.02 * 2**attempt))  # noqa: S311 (jitter)
        else:
            return True
    raise RetryLater("the request's counts are being changed by many others")


@cache
def _connection() -> Connection:
    return Connection(connect_timeout_seconds=2, read_timeout_seconds=5, max_retry_attempts=5)


def _request(item: RequestItem) -> ErasureRequest:
    return ErasureRequest(
        request_id=item.request_id,
        status=RequestStatus(item.status),
        received_at=item.received_at,
        due_at=item.due_at,
        subjects=int(item.subjects),
        subjects_not_found=_count(item.subjects_not_found),
        stores_searched=frozenset(item.stores_searched or ()),
        open_locations=int(item.open_locations),
        purged_locations=int(item.purged_locations),
        retained_locations=int(item.retained_locations),
        rows_erased=int(item.rows_erased),
        completed_at=item.completed_at,
        reason_code=item.reason_code,
        reason=item.reason,
    )


def _location(item: LocationItem) -> Location:
    return Location(
        request_id=item.request_id,
        location_id=item.location_id,
        store=item.store,
        kind=StoreKind(item.kind),
        address=item.address,
        status=LocationStatus(item.status),
        parts=int(item.parts),
        subjects=int(item.subjects),
        attempts=int(item.attempts),
        searched_again=SearchedAgain(item.searched_again) if item.searched_again else None,
        reason_code=item.reason_code,
        reason=item.reason,
        evidence=item.evidence,
        updated_at=item.updated_at,
    )


def _count(number: float | None) -> int | None:
    return None if number is None else int(number)


def _unannounced(item: RequestItem) -> ErasureCompleted | None:
    return _completed(item) if item.status in CLOSED and not item.announced_at else None


def _completed(item: RequestItem) -> ErasureCompleted:
    return ErasureCompleted(
        request_id=item.request_id,
        status="COMPLETED_WITH_RETENTION" if item.retained_locations else "COMPLETED",
        locations_purged=int(item.purged_locations),
        locations_retained=int(item.retained_locations),
        rows_erased=int(item.rows_erased),
        subjects=int(item.subjects),
        subjects_not_found=int(item.subjects_not_found or 0),
    )
