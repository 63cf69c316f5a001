"""What purging needs from the world."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from erasure_purge.content import Content, Replacement
from erasure_purge.core import Commit, Erasure, ObjectUri, StoredObject, Version
from erasure_shared.data_map import DynamoDBStore, PostgreSQLStore, S3Store
from erasure_shared.errors import OutOfTime
from erasure_shared.events import ErasureCompleted, Event, LocationPurged
from erasure_shared.locations import Identifier, Location, LocationStatus, PendingLocation


class Requests(Protocol):
    """`erasure_shared.requests.Requests`, as far as purging goes."""

    def location(self, request_id: str, location_id: str) -> Location | None: ...
    def identifiers_of(self, location: Location) -> tuple[Identifier, ...]: ...
    def pending_at(self, address: str) -> tuple[PendingLocation, ...]: ...
    def note_seen(self, location: Location) -> None: ...
    def note_plan(self, location: Location, evidence: dict[str, Any]) -> bool: ...
    def mark_purged(
        self, location: Location, rows_erased: int, evidence: dict[str, Any]
    ) -> bool: ...
    def close_if_done(self, request_id: str) -> ErasureCompleted | None: ...
    def note_announced(self, request_id: str) -> None: ...


class Events(Protocol):
    """The bus."""

    def publish(self, *events: Event) -> None: ...


class Held(Protocol):
    """A lock that was acquired."""

    def ensure_held(self) -> None:
        """Raises RetryLater if it is not held any more."""


class Locks(Protocol):
    """The mutex."""

    def hold(self, location: Location, time_left_s: float) -> AbstractContextManager[Held]:
        """Hold the lock on the location's address for the block; `time_left_s` bounds waiting.

        Raises RetryLater, with the request that has it, when it is not to be had.
        """


class Lake(Protocol):
    """Objects on S3."""

    def versions(self, uri: ObjectUri) -> tuple[Version, ...]:
        """The history of just this key, newest first among versions and among markers."""

    def find(self, uri: ObjectUri) -> StoredObject | None:
        """The object as it is now, or None."""

    def open(self, stored: StoredObject) -> AbstractContextManager[Content]:
        """The content of just this version; a read of it raises RetryLater if it is gone."""

    def names(self, stored: StoredObject, ids: Collection[str]) -> bool:
        """Whether what stands beside its content, user metadata or a tag, quotes one of the ids."""

    def replace(self, stored: StoredObject, replacement: Replacement, nonce: str) -> Commit | None:
        """Put the replacement in its place; None if it is no longer what was read."""

    def delete(self, stored: StoredObject) -> str | None:
        """Delete it; the marker's version id, or None if it is no longer what was read."""

    def remove_versions(self, uri: ObjectUri, version_ids: Sequence[str]) -> None:
        """Remove these versions for ever; repeating changes nothing.

        Raises Rejected if S3 refuses, for instance because one is locked.
        """

    def abort_forgotten(self, uri: ObjectUri) -> int:
        """Abort uploads of just this key that a crash left behind; how many there were."""


class Items(Protocol):
    """DynamoDB tables."""

    def erase(self, store: DynamoDBStore, identifiers: Sequence[Identifier]) -> int:
        """Delete the identifiers' items, read back that none is left; how many were deleted."""


class Rows(Protocol):
    """PostgreSQL tables."""

    def erase(self, store: PostgreSQLStore, identifiers: Sequence[Identifier]) -> int:
        """Delete the identifiers' rows, read back that none is left; how many were deleted."""


class Engine(Protocol):
    """`erasure_purge.engine.erase`."""

    def __call__(
        self,
        content: Content,
        id_column: str,
        ids: Collection[str],
        require_time: Callable[[float], None],
    ) -> Erasure:
        """What the content holds, and its proven replacement; `require_time(seconds)` may raise."""


@dataclass(frozen=True)
class Ports:
    """All of it; made anew for each invocation, whose time it knows."""

    requests: Requests
    events: Events
    locks: Locks
    lake: Lake
    items: Items
    rows: Rows
    erase: Engine
    store: Callable[[str], S3Store | DynamoDBStore | PostgreSQLStore]
    time_left_s: Callable[[], float]
    new_nonce: Callable[[], str]

    def require_time(self, needed_s: float) -> None:
        """No step starts that cannot end.

        Raises:
            OutOfTime: the message goes back, and has a whole invocation next time.
        """
        if self.time_left_s() < needed_s:
            raise OutOfTime(needed_s=round(needed_s))


@dataclass(frozen=True)
class Outcome:
    """What came of one message: for logs, metrics and tests."""

    purged: tuple[LocationPurged, ...] = ()
    versions_removed: int = 0
    relocated: bool = False

    @property
    def rows_erased(self) -> int:
        """Over all locations; a row of two requests counts twice."""
        return sum(event.rows_erased for event in self.purged)


def is_pending(location: Location, ports: Ports) -> bool:
    """Whether it still is: identifiers that are gone say nothing if another worker was done."""
    now = ports.requests.location(location.request_id, location.location_id)
    return now is not None and now.status is LocationStatus.PENDING
