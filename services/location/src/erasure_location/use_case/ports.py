"""What locating and planning need of the world."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import SecretStr

from erasure_location.core.deadline import Deadline
from erasure_shared.data_map import DataMap, DynamoDBStore, PostgreSQLStore, S3Store
from erasure_shared.events import ErasureCompleted, RelocationRequested
from erasure_shared.locations import Found, Identifier, Location, SearchedAgain
from erasure_shared.requests import ErasureRequest

Store = S3Store | DynamoDBStore | PostgreSQLStore


@dataclass(frozen=True)
class Unsearchable:
    """A store that cannot be searched until a person repairs something."""

    reason_code: str
    reason: str


@dataclass(frozen=True)
class Unreadable:
    """A list of subjects that is not there, or not for us."""

    reason_code: str
    reason: str


class Requests(Protocol):
    """What `erasure_shared.requests.Requests` is to this module."""

    def register(
        self,
        request_id: str,
        received_at: datetime,
        due_at: datetime,
        subjects: Sequence[SecretStr],
        subjects_uri: str | None = None,
    ) -> ErasureRequest: ...
    def registered_from(
        self, request_id: str, received_at: datetime, subjects_uri: str
    ) -> ErasureRequest | None: ...
    def find(self, request_id: str) -> ErasureRequest | None: ...
    def subjects_of(self, request_id: str) -> tuple[SecretStr, ...]: ...
    def note_search(self, request_id: str, store: str) -> None: ...
    def finish_locating(self, request_id: str) -> None: ...
    def close_if_done(self, request_id: str) -> ErasureCompleted | None: ...
    def add_location(self, request_id: str, found: Found, *, origin: str = "") -> Location: ...
    def location(self, request_id: str, location_id: str) -> Location | None: ...
    def locations_of(self, request_id: str) -> Iterator[Location]: ...
    def identifiers_of(self, location: Location) -> tuple[Identifier, ...]: ...
    def unfinished_elsewhere(
        self, request_id: str, subjects: Sequence[SecretStr]
    ) -> tuple[Found, ...]: ...
    def note_searched_again(self, location: Location, found: SearchedAgain) -> None: ...
    def mark_purged(
        self, location: Location, rows_erased: int, evidence: dict[str, Any]
    ) -> bool: ...


class SubjectLists(Protocol):
    """Claim checks."""

    def read(self, uri: str) -> tuple[SecretStr, ...] | Unreadable:
        """The subjects that the object lists; Rejected if what is there is no valid list."""


class Stores(Protocol):
    """Everywhere people's data may lie."""

    def declared(self) -> DataMap:
        """The data map as it is now."""

    def search(
        self, store: Store, subjects: Sequence[SecretStr], deadline: Deadline
    ) -> tuple[Found, ...] | Unsearchable:
        """Where in the store the subjects are; RetryLater if that cannot be said now."""


class DeadLetters(Protocol):
    """What waits for a person."""

    def park(self, event: RelocationRequested, failure: Unsearchable) -> None:
        """Hand a search that failed for good to adjudication."""


@dataclass(frozen=True)
class Ports:
    """What locating needs of the world."""

    requests: Requests
    subject_lists: SubjectLists
    stores: Stores
    dead_letters: DeadLetters
