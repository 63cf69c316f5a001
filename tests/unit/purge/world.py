"""A small world to purge: the real GDPR table on moto, everything else faked in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import count
from typing import Any, BinaryIO

from pydantic import SecretStr

from erasure_purge.content import Replacement
from erasure_purge.core import Commit, ObjectUri, StoredObject, Version
from erasure_purge.engine import erase
from erasure_purge.use_case import Outcome, Ports, purge_location
from erasure_shared.data_map import DataMap, DynamoDBStore, PostgreSQLStore
from erasure_shared.errors import RetryLater
from erasure_shared.events import Event, PurgeRequested
from erasure_shared.locations import Digest, Found, Identifier, Location, StoreKind
from erasure_shared.requests import Requests

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
URI = ObjectUri("lake", "profiles/dt=2026-11-01/part-1.parquet")
DATA_MAP = DataMap.read(
    '{"version": "1", "stores": ['
    '{"name": "profiles_lake", "kind": "s3", "database": "d", "table": "profiles",'
    ' "id_column": "profile_id"},'
    '{"name": "loyalty", "kind": "dynamodb", "table": "loyalty_accounts",'
    ' "id_attribute": "profile_id"},'
    '{"name": "bookings", "kind": "postgresql", "table": "bookings", "id_column": "profile_id"}]}'
)


@dataclass
class _Entry:
    version_id: str
    content: bytes | None
    nonce: str | None = None
    headers: dict[str, Any] = field(default_factory=dict)


class FakeContent:
    """A version's content, looked up at each read."""

    def __init__(self, stored: StoredObject, look_up: Callable[[], bytes]) -> None:
        self.size_bytes = stored.size_bytes
        self.bytes_read = 0
        self._look_up = look_up

    def read(self, offset: int, length: int) -> bytes:
        data = self._look_up()[offset : offset + length]
        self.bytes_read += len(data)
        return data

    def whole(self) -> BinaryIO:
        return BytesIO(self.read(0, self.size_bytes))


class FakeLake:
    """S3 with versions: conditional writes, deletion by version id, delete markers.

    Without versions every content has the same id, and what was there before is gone.
    """

    def __init__(self) -> None:
        self.has_versions = True
        self.is_suspended = False  # versions: what is written now has no id of its own
        self._entries: dict[ObjectUri, list[_Entry]] = {}
        self._numbers = count(1)
        self.writes = 0
        self.hindrance: str | None = None
        self.named_beside: set[str] = set()  # by user metadata or a tag
        self.restored_from: str | None = None
        self.forgotten: dict[ObjectUri, int] = {}
        self.before_commit: Callable[[], None] = lambda: None
        self.before_listing: Callable[[], None] = lambda: None
        self.before_removal: Callable[[], None] = lambda: None

    def put(self, uri: ObjectUri, content: bytes) -> str:
        """What the lake's own writers do."""
        return self._add(uri, content, None)

    def remove(self, uri: ObjectUri) -> None:
        """What the lake's own writers do: a compaction."""
        self._add(uri, None, None)

    def content(self, uri: ObjectUri) -> bytes | None:
        """The object as readers see it."""
        history = self._entries.get(uri, [])
        return history[0].content if history else None

    def everything(self) -> list[bytes]:
        """Every version of every object."""
        return [e.content for entries in self._entries.values() for e in entries if e.content]

    def versions(self, uri: ObjectUri) -> tuple[Version, ...]:
        self.before_listing()
        history = self._entries.get(uri, [])
        return tuple(
            Version(entry.version_id, entry is history[0], _etag(entry)) for entry in history
        )

    def find(self, uri: ObjectUri) -> StoredObject | None:
        history = self._entries.get(uri, [])
        if not history or history[0].content is None:
            return None
        return self._stored(uri, history[0])

    @contextmanager
    def open(self, stored: StoredObject) -> Iterator[FakeContent]:
        yield FakeContent(stored, lambda: self._content(stored))

    def names(self, stored: StoredObject, ids: Collection[str]) -> bool:
        return not self.named_beside.isdisjoint(ids)

    def replace(self, stored: StoredObject, replacement: Replacement, nonce: str) -> Commit | None:
        self.before_commit()
        now = self.find(stored.uri)
        if now is None or now.etag != stored.etag:
            return None
        self.writes += 1
        self._add(stored.uri, replacement.read(0, replacement.size_bytes), nonce)
        committed = self.find(stored.uri)
        return None if committed is None else Commit(committed, replacement.size_bytes)

    def delete(self, stored: StoredObject) -> str | None:
        self.before_commit()
        now = self.find(stored.uri)
        if now is None or now.etag != stored.etag:
            return None
        self.writes += 1
        return self._add(stored.uri, None, None)

    def remove_versions(self, uri: ObjectUri, version_ids: Sequence[str]) -> None:
        self.before_removal()
        history = self._entries.get(uri, [])
        history[:] = [entry for entry in history if entry.version_id not in version_ids]

    def abort_forgotten(self, uri: ObjectUri) -> int:
        return self.forgotten.pop(uri, 0)

    def _content(self, stored: StoredObject) -> bytes:
        for entry in self._entries.get(stored.uri, []):
            if entry.version_id == stored.version_id and entry.content is not None:
                return entry.content
        raise RetryLater("the object changed while it was read", reason_code="OBJECT_CHANGED")

    def _add(self, uri: ObjectUri, content: bytes | None, nonce: str | None) -> str:
        entry = _Entry(f"v{next(self._numbers)}", content, nonce)
        if self.is_suspended:
            entry.version_id = "null"
            history = self._entries.get(uri, [])
            self._entries[uri] = [one for one in history if one.version_id != "null"]
        elif not self.has_versions:
            entry.version_id = "null"
            self._entries[uri] = []
            if content is None:
                return entry.version_id
        self._entries.setdefault(uri, []).insert(0, entry)
        return entry.version_id

    def _stored(self, uri: ObjectUri, entry: _Entry) -> StoredObject:
        assert entry.content is not None
        return StoredObject(
            uri,
            _etag(entry) or "",
            entry.version_id,
            len(entry.content),
            entry.nonce,
            hindrance=self.hindrance,
            restored_from=self.restored_from,
        )


def _etag(entry: _Entry) -> str | None:
    return None if entry.content is None else hashlib.sha256(entry.content).hexdigest()[:32]


class FakeLocks:
    """One holder at a time, nobody waits."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.lost = False

    @contextmanager
    def hold(self, location: Location, time_left_s: float) -> Iterator[FakeLocks]:
        if location.address in self.held:
            raise RetryLater("another worker is rewriting this object")
        self.held.add(location.address)
        try:
            yield self
        finally:
            self.held.discard(location.address)

    def ensure_held(self) -> None:
        if self.lost:
            raise RetryLater("the lock was lost")


class FakeRows:
    """One table's rows, of DynamoDB or PostgreSQL alike: whose they are."""

    def __init__(self) -> None:
        self.owners: list[str] = []

    def erase(
        self, store: DynamoDBStore | PostgreSQLStore, identifiers: Sequence[Identifier]
    ) -> int:
        wanted = {identifier.profile_id.get_secret_value() for identifier in identifiers}
        kept = [owner for owner in self.owners if owner not in wanted]
        deleted = len(self.owners) - len(kept)
        self.owners = kept
        return deleted


class FakeEvents:
    """The bus."""

    def __init__(self) -> None:
        self.published: list[Event] = []

    def publish(self, *events: Event) -> None:
        self.published += events

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.published if isinstance(event, kind)]


class World:
    """Everything, and what a test does to it."""

    def __init__(self) -> None:
        self.requests = Requests(Digest(b"key"), now=lambda: NOW)
        self.lake = FakeLake()
        self.locks = FakeLocks()
        self.items = FakeRows()
        self.rows = FakeRows()
        self.events = FakeEvents()
        self.time_left_s = 300.0
        self._nonces = count(1)

    def ports(self, **replaced: Any) -> Ports:
        ports = Ports(
            requests=self.requests,
            events=self.events,
            locks=self.locks,
            lake=self.lake,
            items=self.items,
            rows=self.rows,
            erase=erase,
            store=DATA_MAP.store,
            time_left_s=lambda: self.time_left_s,
            new_nonce=lambda: f"nonce-{next(self._nonces)}",
        )
        return replace(ports, **replaced)

    def pending(
        self,
        request_id: str,
        *subjects: str,
        store: str = "profiles_lake",
        address: str = str(URI),
    ) -> PurgeRequested:
        """A request whose only location waits to be purged; answers the message for it."""
        kind = StoreKind(DATA_MAP.store(store).kind)
        identifiers = tuple(Identifier(SecretStr(subject)) for subject in subjects)
        due = NOW + timedelta(days=30)
        self.requests.register(request_id, NOW, due, [i.profile_id for i in identifiers])
        location = self.requests.add_location(request_id, Found(store, kind, address, identifiers))
        self.requests.finish_locating(request_id)
        return PurgeRequested(request_id=request_id, location_id=location.location_id)

    def purge(self, message: PurgeRequested, **replaced: Any) -> Outcome:
        return purge_location(message, self.ports(**replaced))

    def location(self, message: PurgeRequested) -> Location:
        location = self.requests.location(message.request_id, message.location_id)
        assert location is not None
        return location
