"""What other requests have not finished: objects that may hold a person in an older version only.

A search sees present objects. Where another request has rewritten an object, but not yet removed
its older versions (or cannot: they are locked), a person is in it whom no search finds there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import SecretStr

from erasure_shared.identifiers import read_names
from erasure_shared.locations import Found, Identifier, LocationStatus, StoreKind
from erasure_shared.requests.ledger import Ledger
from erasure_shared.tables import OPEN, RETAINING, RequestItem, request_id_in, request_pk

_Place = tuple[str, str]


class Elsewhere(Ledger):
    """Looking into other requests."""

    def unfinished_elsewhere(
        self, request_id: str, subjects: Sequence[SecretStr]
    ) -> tuple[Found, ...]:
        """Objects at which other requests have these subjects, not purged: open or retained.

        Left out are those that the request itself has recorded for them. It reads who is named
        by each request that is open or retains something, and the locations of those alone that
        name one of these subjects. To be asked after the search: whatever was purged before it
        is gone with all its versions, whatever is purged after it was found.
        """
        wanted = {subject.get_secret_value(): subject for subject in subjects}
        by_digest = {self._digest("profile_id", text): one for text, one in wanted.items()}
        people: dict[_Place, dict[str, SecretStr]] = {}
        for other in self._others(request_id):
            for place, found in self._unfinished(other, wanted, by_digest):
                people.setdefault(place, {}).update(found)
        if people:
            self._leave_out_own(request_id, people)
        return tuple(
            Found(store, StoreKind.S3, address, tuple(Identifier(who[one]) for one in sorted(who)))
            for (store, address), who in sorted(people.items())
            if who
        )

    def _others(self, request_id: str) -> Iterator[str]:
        """The open ones first: one that closes meanwhile is seen among those that retain."""
        for key in (OPEN, RETAINING):
            for item in RequestItem.open_requests.query(key):
                if (other := request_id_in(item.pk)) != request_id:
                    yield other

    def _unfinished(
        self, other: str, wanted: Mapping[str, SecretStr], by_digest: Mapping[str, SecretStr]
    ) -> Iterator[tuple[_Place, dict[str, SecretStr]]]:
        item = self._request_item(other)
        if item is None or not self._named(other, item.content_digest, wanted, by_digest):
            return
        for location in self.locations_of(other):
            if location.kind is StoreKind.S3 and location.status is not LocationStatus.PURGED:
                found = self._named(other, location.location_id, wanted, by_digest)
                yield (location.store, location.address), found

    def _named(
        self,
        request_id: str,
        owner: str,
        wanted: Mapping[str, SecretStr],
        by_digest: Mapping[str, SecretStr],
    ) -> dict[str, SecretStr]:
        """Those of the wanted whom the owner names, in clear or, once closed, by digest."""
        found = {}
        for name, is_digest in read_names(request_pk(request_id), owner):
            subject = (by_digest if is_digest else wanted).get(name)
            if subject is not None:
                found[subject.get_secret_value()] = subject
        return found

    def _leave_out_own(self, request_id: str, people: dict[_Place, dict[str, SecretStr]]) -> None:
        for location in self.locations_of(request_id):
            if who := people.get((location.store, location.address)):
                for identifier in self.identifiers_of(location):
                    who.pop(identifier.profile_id.get_secret_value(), None)
