"""A request's way: LOCATING, PURGING, closed."""

from __future__ import annotations

from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from erasure_shared.events import ErasureCompleted
from erasure_shared.identifiers import replace_identifiers, write_identifiers
from erasure_shared.locations import CLOSED, Identifier, LocationStatus, RequestStatus, StoreKind
from erasure_shared.requests.ledger import Ledger
from erasure_shared.requests.records import unannounced
from erasure_shared.requests.writing import conditionally, transact
from erasure_shared.tables import (
    REQUEST_SK,
    RETAINING,
    LocationItem,
    RequestItem,
    location_sk,
    request_pk,
)

_NOT_FOUND = "NOT_FOUND"
_NOT_SEARCHED = "not searched"
"""In place of a store's name, which has no blanks: every store that was not searched."""


class Lifecycle(Ledger):
    """The transitions of requests."""

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
        conditionally(lambda: item.update(actions, RequestItem.pk.exists()))

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
        conditionally(lambda: item.update(actions, RequestItem.status == RequestStatus.LOCATING))

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

        transact(write)

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
            return unannounced(item)
        if item.status != RequestStatus.PURGING or item.open_locations:
            return None
        is_done = (RequestItem.status == RequestStatus.PURGING) & (RequestItem.open_locations == 0)
        closing: list[Action] = [RequestItem.closing_at.set(self._stamp())]
        if not conditionally(lambda: item.update(closing, is_done)):
            return unannounced(self._existing(request_id))
        replace_identifiers(request_pk(request_id), self._digest)
        status = (
            RequestStatus.COMPLETED_WITH_RETENTION
            if item.retained_locations
            else RequestStatus.COMPLETED
        )
        actions: list[Action] = [
            RequestItem.status.set(status),
            RequestItem.completed_at.set(self._stamp()),
            RequestItem.open_key.set(RETAINING)
            if item.retained_locations
            else RequestItem.open_key.remove(),
        ]
        conditionally(lambda: item.update(actions, is_done))
        return unannounced(self._existing(request_id))

    def note_announced(self, request_id: str) -> None:
        """Record that ErasureCompleted was published."""
        item = RequestItem(request_pk(request_id), REQUEST_SK)
        item.update([RequestItem.announced_at.set(self._stamp())], RequestItem.pk.exists())

    def _not_searched_id(self, request_id: str) -> str:
        return self._digest(request_id, _NOT_SEARCHED)[:32]
