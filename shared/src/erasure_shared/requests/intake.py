"""A request is recorded once; a message that only bears its id is another."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from pydantic import SecretStr
from pynamodb.exceptions import PutError

from erasure_shared.errors import Rejected
from erasure_shared.events import ErasureRequested
from erasure_shared.identifiers import delete_parts, write_identifiers
from erasure_shared.locations import Identifier, RequestStatus
from erasure_shared.requests.ledger import Ledger
from erasure_shared.requests.records import ErasureRequest, instant, request_of, rfc_3339
from erasure_shared.tables import OPEN, REQUEST_SK, RequestItem, request_pk


class Intake(Ledger):
    """Recording requests."""

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
        return request_of(known)

    def registered_from(
        self, request_id: str, received_at: datetime, subjects_uri: str
    ) -> ErasureRequest | None:
        """The request, if it was recorded from this very list, which may be gone since."""
        item = self._request_item(request_id)
        if item is None or item.list_digest != self._list_digest(received_at, subjects_uri):
            return None
        return request_of(item)

    def is_recorded(self, event: ErasureRequested) -> bool:
        """Whether the very request that the event asks for is recorded, and not just its id."""
        item = self._request_item(event.request_id)
        if item is None:
            return False
        if event.subjects_uri is not None:
            return item.list_digest == self._list_digest(event.received_at, event.subjects_uri)
        identifiers = [Identifier(subject.profile_id) for subject in event.subjects or ()]
        return item.content_digest == self._content_digest(event.received_at, identifiers)

    def _content_digest(self, received_at: datetime, identifiers: Sequence[Identifier]) -> str:
        return self._digest(instant(received_at), self._digest.of_identifiers(identifiers))

    def _list_digest(self, received_at: datetime, subjects_uri: str) -> str:
        return self._digest("subjects_uri", instant(received_at), subjects_uri)

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
            received_at=rfc_3339(received_at),
            due_at=rfc_3339(due_at),
            open_key=OPEN,
            content_digest=content,
            list_digest=list_digest,
            subjects=subjects,
        )
        with suppress(PutError):  # somebody was faster, or our own write was repeated: read which
            item.save(RequestItem.pk.does_not_exist())
        return self._existing(request_id)
