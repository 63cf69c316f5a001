"""Reading what is recorded; the ground of every transition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from pydantic import SecretStr

from erasure_shared.errors import Rejected
from erasure_shared.identifiers import read_identifiers
from erasure_shared.locations import CLOSED, Digest, Identifier, Location
from erasure_shared.requests.records import ErasureRequest, location_of, request_of, rfc_3339
from erasure_shared.tables import (
    LOCATION_PREFIX,
    REQUEST_SK,
    LocationItem,
    RequestItem,
    location_sk,
    request_pk,
)


class Ledger:
    """The GDPR table, as it is now."""

    def __init__(self, digest: Digest, now: Callable[[], datetime]) -> None:
        self._digest = digest
        self._now = now

    def find(self, request_id: str) -> ErasureRequest | None:
        """The request as it is recorded, or None."""
        item = self._request_item(request_id)
        return None if item is None else request_of(item)

    def subjects_of(self, request_id: str) -> tuple[SecretStr, ...]:
        """Whom the request wants erased; none once it is closed."""
        item = self._request_item(request_id)
        if item is None or item.status in CLOSED:
            return ()
        parts = read_identifiers(request_pk(request_id), item.content_digest)
        return tuple(identifier.profile_id for identifier in parts)

    def location(self, request_id: str, location_id: str) -> Location | None:
        """The location as it is recorded, or None."""
        try:
            item = LocationItem.get(
                request_pk(request_id), location_sk(location_id), consistent_read=True
            )
        except LocationItem.DoesNotExist:
            return None
        return location_of(item)

    def locations_of(self, request_id: str) -> Iterator[Location]:
        """Every location of the request."""
        items = LocationItem.query(
            request_pk(request_id),
            LocationItem.sk.startswith(LOCATION_PREFIX),
            consistent_read=True,
        )
        return map(location_of, items)

    def identifiers_of(self, location: Location) -> tuple[Identifier, ...]:
        """Whose data lies at the location."""
        return read_identifiers(request_pk(location.request_id), location.location_id)

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

    def _stamp(self) -> str:
        return rfc_3339(self._now())
