"""Invented people and their rows in every store: same seed, same people; nobody real.

Addresses end in example.org, phone numbers come from ranges set aside for fiction.

    everyone = people(3_000, seed=7)
    for record in records(everyone, 30_000, seed=7): ...      # for the ingestion stream
    loyalty_accounts(everyone), web_sessions(everyone)        # items for DynamoDB
    customers(everyone), bookings(everyone)                   # rows for PostgreSQL
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any

FIRST_NAMES = (
    "Alva",
    "Björn",
    "Chloé",
    "Dáithí",
    "Élise",
    "Fatma",
    "Giang",
    "Hana",
    "İlker",
    "Zoë",
)
LAST_NAMES = (
    "Exempel",
    "Muster",
    "Dupont-Test",
    "O'Sample",
    "Próbka",
    "Örnek",
    "Voorbeeld",
    "Ñame",
)
STREETS = ("Provgatan", "Musterstraße", "Rue de l'Exemple", "Sample Road", "Voorbeeldlaan")
CITIES = (("Teststad", "SE"), ("Musterstadt", "DE"), ("Exempleville", "FR"), ("Sampleton", "GB"))
PREFERENCES = (
    "aisle seat",
    "vegetarian",
    "late check-out",
    "no feathers",
    "quiet room",
    "baby cot",
)
TIERS = ("bronze", "silver", "gold", "platinum")
PURPOSES = ("newsletter", "profiling", "partners")
RECORD_TYPES = ("profile", "booking", "loyalty_event")
FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
SECONDS = 3 * 365 * 24 * 3600

# Identifiers that break a system that splices, trims, folds, splits or measures bytes.
AWKWARD_IDS = (
    "o'hara",
    "'; DROP TABLE bookings; --",
    '"quoted"',
    "two\nlines",
    " spaces kept ",
    "tab\there, comma, {brace}",
    "s3://bucket/key?x=1&y=%20",
    "100% \\ escaped",
    "Ünïcødé-ß-İ",
    "e\u0301 is not é",
    "👩‍👩‍👧 family",
    "NULL",
    "0012",
    "a" * 256,
    "界" * 256,
)


@dataclass(frozen=True)
class Person:
    """Somebody invented; everything about them follows from the seed and their number."""

    profile_id: str
    first_name: str
    last_name: str
    email: str
    phone: str
    address: dict[str, str]

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}"


def people(count: int, seed: int = 0, *, awkward: bool = False) -> list[Person]:
    """That many people; with `awkward`, the first of them have `AWKWARD_IDS`."""
    random = Random(f"people {seed}")
    everyone = [_person(random, number) for number in range(count)]
    if not awkward:
        return everyone
    renamed = [
        Person(**(vars(person) | {"profile_id": profile_id}))
        for profile_id, person in zip(AWKWARD_IDS, everyone, strict=False)
    ]
    return renamed + everyone[len(renamed) :]


def records(everyone: Sequence[Person], count: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Records for the stream, everybody's scattered among everybody else's, each person in turn.

    Their numbers and times are written in every notation that the stream accepts.
    """
    random = Random(f"records {seed}")
    for number in range(count):
        if number % len(everyone) == 0:
            shuffled = random.sample(everyone, len(everyone))
        yield _record(random, shuffled[number % len(everyone)])


def loyalty_accounts(everyone: Sequence[Person], seed: int = 0) -> list[dict[str, Any]]:
    """Items of `loyalty_accounts` (key profile_id, account_id): one to three for two in three."""
    random = Random(f"loyalty accounts {seed}")
    return [
        {
            "profile_id": person.profile_id,
            "account_id": f"L-{random.getrandbits(40):010x}",
            "holder": person.full_name,
            "tier": random.choice(TIERS),
            "points": random.randrange(100_000),
            "balance": _money(random),
        }
        for person in everyone
        for _ in range(random.choice((0, 1, 3)))
    ]


def web_sessions(everyone: Sequence[Person], seed: int = 0) -> list[dict[str, Any]]:
    """Items of `web_sessions` (key session_id, index by_profile): none to three each."""
    random = Random(f"web sessions {seed}")
    return [
        {
            "session_id": str(_uuid(random)),
            "profile_id": person.profile_id,
            "started_at": _instant(random).isoformat(),
            "ip_address": f"203.0.113.{random.randrange(256)}",
            "pages": [f"/hotels/{random.randrange(500)}" for _ in range(random.randrange(4))],
        }
        for person in everyone
        for _ in range(random.randrange(4))
    ]


def customers(everyone: Sequence[Person], seed: int = 0) -> list[dict[str, Any]]:
    """Rows of `public.customers`: one each."""
    random = Random(f"customers {seed}")
    return [
        {
            "profile_id": person.profile_id,
            "full_name": person.full_name,
            "email": person.email,
            "phone": person.phone,
            "registered_at": _instant(random),
        }
        for person in everyone
    ]


def bookings(everyone: Sequence[Person], seed: int = 0) -> list[dict[str, Any]]:
    """Rows of `public.bookings`: none to four each."""
    random = Random(f"bookings {seed}")
    return [
        {
            "booking_id": f"B-{random.getrandbits(48):012x}",
            "profile_id": person.profile_id,
            "flight": f"ZZ{random.randrange(1000):03d}",
            "departs_on": _day(random),
            "price": _money(random),
        }
        for person in everyone
        for _ in range(random.randrange(5))
    ]


def _person(random: Random, number: int) -> Person:
    first, last = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
    city, country = random.choice(CITIES)
    return Person(
        profile_id=str(_uuid(random)),
        first_name=first,
        last_name=last,
        email=f"person.{number}@example.org",
        phone=f"+44 7700 900{random.randrange(1000):03d}",
        address={
            "street": f"{random.choice(STREETS)} {random.randrange(1, 200)}",
            "city": city,
            "postal_code": f"{random.randrange(100_000):05d}",
            "country": country,
        },
    )


def _record(random: Random, person: Person) -> dict[str, Any]:
    kind = random.choice(RECORD_TYPES)
    spend, visits = _money(random), random.randrange(200)
    record: dict[str, Any] = {
        "profile_id": person.profile_id,
        "record_type": kind,
        "email": person.email,
        "lifetime_spend": random.choice((str(spend), float(spend), None)),
        "visits": random.choice((visits, str(visits))),
        "updated_at": _rfc_3339(random),
    }
    if kind != "loyalty_event":
        record |= {"first_name": person.first_name, "last_name": person.last_name}
        record |= {"phone": person.phone, "address": person.address}
    if kind != "booking":
        record["loyalty_tier"] = random.choice(TIERS)
        record["preferences"] = random.sample(PREFERENCES, random.randrange(4))
    if kind == "profile":
        record["consents"] = [
            {"purpose": purpose, "granted": random.random() < 0.5, "at": _rfc_3339(random)}
            for purpose in PURPOSES[: random.randrange(4)]
        ]
    return record


def _uuid(random: Random) -> uuid.UUID:
    return uuid.UUID(int=random.getrandbits(128), version=4)


def _money(random: Random) -> Decimal:
    return Decimal(random.randrange(5_000_000)).scaleb(-2)


def _instant(random: Random) -> datetime:
    return FIRST_DAY + timedelta(
        seconds=random.randrange(SECONDS), milliseconds=random.randrange(1000)
    )


def _day(random: Random) -> date:
    return _instant(random).date()


def _rfc_3339(random: Random) -> str:
    zone = random.choice(
        (UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-4, minutes=-30)))
    )
    return _instant(random).astimezone(zone).isoformat()
