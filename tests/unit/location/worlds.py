"""A world for the use cases: the real GDPR table on moto, everything else a fake."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from erasure_location.core.deadline import Deadline
from erasure_location.use_case import (
    Located,
    Ports,
    Store,
    Unreadable,
    Unsearchable,
    locate,
    relocate,
)
from erasure_shared.data_map import DataMap
from erasure_shared.errors import RetryLater
from erasure_shared.events import ErasureRequested, RelocationRequested
from erasure_shared.locations import Digest, Found, Identifier, Location, StoreKind
from erasure_shared.requests import Requests

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
LATER = timedelta(hours=1)
PART_1, PART_2 = "s3://lake/profiles/part-1.parquet", "s3://lake/profiles/part-2.parquet"
BOOKINGS = "postgresql://public.bookings"
BROKEN = Unsearchable("ATHENA_TABLE_NOT_FOUND", "Athena cannot run the query (store=profiles_lake)")
GONE = Unreadable("SUBJECT_LIST_ABSENT", "there is no such object")
DATA_MAP = DataMap.model_validate(
    {
        "version": "1",
        "stores": (
            {
                "name": "profiles_lake",
                "kind": "s3",
                "database": "lake",
                "table": "profiles",
                "id_column": "profile_id",
            },
            {
                "name": "bookings",
                "kind": "postgresql",
                "table": "bookings",
                "id_column": "profile_id",
            },
        ),
    }
)
KINDS = {"s3": StoreKind.S3, "postgresql": StoreKind.POSTGRESQL}


class Crash(Exception):
    """The process died."""


@dataclass
class FakeStores:
    """Stores that hold people by address, or fail as they are told."""

    people: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    failing: dict[str, Unsearchable | Exception] = field(default_factory=dict)
    searches: list[str] = field(default_factory=list)

    def declared(self) -> DataMap:
        return DATA_MAP

    def search(
        self, store: Store, subjects: Sequence[SecretStr], deadline: Deadline
    ) -> tuple[Found, ...] | Unsearchable:
        self.searches.append(store.name)
        failure = self.failing.get(store.name)
        if isinstance(failure, Exception):
            raise failure
        if failure is not None:
            return failure
        wanted = {subject.get_secret_value() for subject in subjects}
        return tuple(
            Found(
                store.name,
                KINDS[store.kind],
                address,
                tuple(Identifier(SecretStr(person)) for person in sorted(there & wanted)),
            )
            for address, there in self.people.get(store.name, {}).items()
            if there & wanted
        )


@dataclass
class FakeSubjectLists:
    """Claim checks by URI."""

    lists: dict[str, tuple[SecretStr, ...]] = field(default_factory=dict)

    def read(self, uri: str) -> tuple[SecretStr, ...] | Unreadable:
        return self.lists.get(uri, GONE)


@dataclass
class FakeDeadLetters:
    """What was parked."""

    parked: list[tuple[RelocationRequested, Unsearchable]] = field(default_factory=list)

    def park(self, event: RelocationRequested, failure: Unsearchable) -> None:
        self.parked.append((event, failure))


class World:
    """Requests on moto; stores, lists and dead letters in memory."""

    def __init__(self) -> None:
        self.requests = Requests(Digest(b"key"), now=lambda: NOW)
        self.stores = FakeStores(
            people={
                "profiles_lake": {PART_1: {"ann", "bob"}, PART_2: {"bob", "zoe"}},
                "bookings": {BOOKINGS: {"ann", "zoe"}},
            }
        )
        self.lists = FakeSubjectLists()
        self.dead_letters = FakeDeadLetters()

    def ports(self) -> Ports:
        return Ports(self.requests, self.lists, self.stores, self.dead_letters)

    def locate(self, *people: str, left_s: Callable[[], float] = lambda: 60.0) -> Located:
        return locate(a_request(*people), self.ports(), now=NOW, deadline=Deadline(left_s))

    def locate_list(self, uri: str, *people: str, received_at: datetime = NOW) -> Located:
        """Locate whom the list names; without people, the list is gone."""
        self.lists.lists = {uri: tuple(map(SecretStr, people))} if people else {}
        event = ErasureRequested.model_validate(
            {"request_id": "r1", "received_at": received_at.isoformat(), "subjects_uri": uri}
        )
        return locate(event, self.ports(), now=NOW, deadline=Deadline(lambda: 60.0))

    def relocate(self, location: Location) -> Located:
        event = RelocationRequested(request_id="r1", location_id=location.location_id)
        return relocate(event, self.ports(), deadline=Deadline(lambda: 60.0))

    def locations(self, address: str | None = None) -> list[Location]:
        recorded = self.requests.locations_of("r1")
        return [item for item in recorded if address in (None, item.address)]

    def people_at(self, location: Location) -> set[str]:
        identifiers = self.requests.identifiers_of(location)
        return {identifier.profile_id.get_secret_value() for identifier in identifiers}

    def purge(self, locations: Iterable[Location]) -> None:
        for location in locations:
            self.requests.mark_purged(location, 1, {})


def a_request(*people: str, received_at: datetime = NOW) -> ErasureRequested:
    return ErasureRequested.model_validate(
        {
            "request_id": "r1",
            "received_at": received_at.isoformat(),
            "subjects": tuple({"profile_id": SecretStr(person)} for person in people),
        }
    )


DOWN = RetryLater("the database does not answer")
