"""Locations: recorded when subjects are found, then purged, failed, retried or retained."""

from __future__ import annotations

from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from erasure_shared.errors import Rejected
from erasure_shared.identifiers import delete_parts, write_identifiers
from erasure_shared.locations import (
    Found,
    Location,
    LocationStatus,
    PendingLocation,
    RequestStatus,
    SearchedAgain,
)
from erasure_shared.requests.ledger import Ledger
from erasure_shared.requests.writing import conditionally, transact
from erasure_shared.tables import (
    REQUEST_SK,
    LocationItem,
    RequestItem,
    location_sk,
    request_pk,
)


class FoundLocations(Ledger):
    """The transitions of locations."""

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

        transact(write)
        recorded = self.location(request_id, location_id)
        if recorded is None:
            delete_parts(pk, location_id)
            raise Rejected(
                "the request is closed or unknown; it takes no further location",
                request_id=request_id,
                reason_code="REQUEST_CLOSED",
            )
        return recorded

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
        conditionally(lambda: _key(location).update(actions, _is(LocationStatus.PENDING)))

    def note_seen(self, location: Location) -> None:
        """Record that the object is there: what an earlier search found proves nothing now."""
        actions: list[Action] = [LocationItem.searched_again.remove()]
        conditionally(lambda: _key(location).update(actions, _is(LocationStatus.PENDING)))

    def note_searched_again(self, location: Location, found: SearchedAgain) -> None:
        """Record where the subjects of a vanished object were found when located again."""
        actions: list[Action] = [
            LocationItem.searched_again.set(found),
            LocationItem.updated_at.set(self._stamp()),
        ]
        conditionally(lambda: _key(location).update(actions, _is(LocationStatus.PENDING)))

    def note_plan(self, location: Location, evidence: dict[str, Any]) -> bool:
        """Record, before a store is changed, what is about to go; False if it was not pending.

        It is evidence of a run that may break off, until `mark_purged` replaces it.
        """
        actions: list[Action] = [
            LocationItem.evidence.set(evidence),
            LocationItem.updated_at.set(self._stamp()),
        ]
        return conditionally(lambda: _key(location).update(actions, _is(LocationStatus.PENDING)))

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
        return conditionally(lambda: _key(location).update(actions, _is(LocationStatus.PENDING)))

    def mark_retried(self, location: Location) -> bool:
        """FAILED → PENDING by a person's decision; False if it had not failed."""
        actions: list[Action] = [
            LocationItem.status.set(LocationStatus.PENDING),
            LocationItem.address_key.set(location.address),
            LocationItem.attempts.set(0),
            LocationItem.searched_again.remove(),
            LocationItem.updated_at.set(self._stamp()),
        ]
        return conditionally(lambda: _key(location).update(actions, _is(LocationStatus.FAILED)))

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

        return transact(write)


_IS_OPEN_REQUEST: Condition = (
    RequestItem.status.is_in(RequestStatus.LOCATING, RequestStatus.PURGING)
    & RequestItem.closing_at.does_not_exist()
)


def _is(status: LocationStatus) -> Condition:
    condition: Condition = LocationItem.status == status
    return condition


def _key(location: Location) -> LocationItem:
    return LocationItem(request_pk(location.request_id), location_sk(location.location_id))
