"""What the services say to each other about where people's data lies. Pure values."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Any

from pydantic import SecretStr

MAX_PART_BYTES = 300_000
"""Of JSON text in one item; DynamoDB takes 400 KB with keys and other attributes."""


class StoreKind(StrEnum):
    """What a location is an address in; SEARCH stands for a store that could not be searched."""

    S3 = "s3"
    DYNAMODB = "dynamodb"
    POSTGRESQL = "postgresql"
    SEARCH = "search"


class LocationStatus(StrEnum):
    """PENDING → PURGED, or PENDING → FAILED → PENDING (retried) or RETAINED (dismissed)."""

    PENDING = "PENDING"
    PURGED = "PURGED"
    FAILED = "FAILED"
    RETAINED = "RETAINED"


class SearchedAgain(StrEnum):
    """Where the subjects of a vanished object were found when they were located again."""

    ELSEWHERE = "ELSEWHERE"
    NOWHERE = "NOWHERE"
    SAME_ADDRESS = "SAME_ADDRESS"


class RequestStatus(StrEnum):
    """LOCATING → PURGING → COMPLETED or COMPLETED_WITH_RETENTION."""

    LOCATING = "LOCATING"
    PURGING = "PURGING"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_RETENTION = "COMPLETED_WITH_RETENTION"


CLOSED = frozenset({RequestStatus.COMPLETED, RequestStatus.COMPLETED_WITH_RETENTION})


@dataclass(frozen=True)
class Identifier:
    """A subject, with the primary key of its item where the store is a DynamoDB table.

    `key` is in DynamoDB JSON, for instance `{"session_id": {"S": "…"}}`; bytes are base64 text.
    """

    profile_id: SecretStr
    key: Mapping[str, Mapping[str, str]] | None = field(default=None, repr=False)

    def document(self) -> dict[str, Any]:
        """As it is kept in the GDPR table."""
        kept: dict[str, Any] = {"profile_id": self.profile_id.get_secret_value()}
        if self.key is not None:
            kept["key"] = {name: dict(value) for name, value in self.key.items()}
        return kept

    @classmethod
    def from_document(cls, kept: Mapping[str, Any]) -> Identifier:
        """The inverse of `document`."""
        return cls(SecretStr(kept["profile_id"]), kept.get("key"))


@dataclass(frozen=True)
class Found:
    """Subjects of a request at one address of one store."""

    store: str
    kind: StoreKind
    address: str
    identifiers: tuple[Identifier, ...]


@dataclass(frozen=True)
class Location:
    """One address in one store where subjects of a request were found, as it is recorded.

    `address` is `s3://bucket/key`, `dynamodb://table` or `postgresql://schema.table`.
    `searched_again`: its object was gone, has not been seen since, and its subjects were located
    again.
    """

    request_id: str
    location_id: str
    store: str
    kind: StoreKind
    address: str
    status: LocationStatus
    parts: int
    subjects: int
    attempts: int
    searched_again: SearchedAgain | None
    reason_code: str | None = None
    reason: str | None = None
    evidence: Mapping[str, Any] | None = None
    updated_at: str | None = None


@dataclass(frozen=True)
class PendingLocation:
    """A pending location with the identifiers of its subjects."""

    location: Location
    identifiers: tuple[Identifier, ...]


class Digest:
    """The keyed digest (HMAC-SHA-256, RFC 2104) that stands for an identifier as evidence.

    Whoever has the key can check whether somebody was erased; nobody can read who it was.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __call__(self, *values: str) -> str:
        """Hexadecimal, 64 characters; every value is kept apart from its neighbours."""
        message = b"".join(len(v.encode()).to_bytes(8, "big") + v.encode() for v in values)
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()

    def of_identifiers(self, identifiers: Iterable[Identifier]) -> str:
        """One digest of a set of identifiers, whatever their order."""
        documents = (
            chain([identifier.profile_id.get_secret_value()], _flat(identifier.key))
            for identifier in identifiers
        )
        return self(*sorted(self(*document) for document in documents))


def _flat(key: Mapping[str, Mapping[str, str]] | None) -> Iterator[str]:
    for name, typed in sorted((key or {}).items()):
        yield name
        for kind, value in sorted(typed.items()):
            yield kind
            yield value
