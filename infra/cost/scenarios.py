"""The worked examples: who is erased from how much, and what that means for each store."""

from __future__ import annotations

from dataclasses import dataclass

from erasure_shared.cost.model import GB, MB, StoreWork
from erasure_shared.locations import StoreKind

ROW_BYTES = 2_000
"""1e9 rows are 2 TB."""
OBJECT_BYTES = 128 * MB
"""What Firehose makes at its largest buffer; one object is one row group."""
ID_COLUMN_BYTES = 40
"""A UUID as text, not compressed: Athena reads the id column alone, and bills what it reads."""
ROWS_EACH, ITEMS_EACH, DATABASE_ROWS_EACH = 5, 3, 2
"""Of one person, in the lake, in DynamoDB, in PostgreSQL."""
ITEM_BYTES = 1_000
ATHENA_START_S, ATHENA_BYTES_PER_S = 5.0, 1 * GB
QUERIES_PER_S = 400.0
"""Sixteen threads that ask DynamoDB for one person after another."""


@dataclass(frozen=True)
class Scenario:
    """So many people in a lake of so many rows, with their items and rows in the databases."""

    name: str
    people: int
    rows: int

    @property
    def lake_bytes(self) -> int:
        """How large the lake is."""
        return self.rows * ROW_BYTES

    @property
    def objects(self) -> int:
        """How many objects the lake has."""
        return -(-self.lake_bytes // OBJECT_BYTES)

    @property
    def objects_hit(self) -> int:
        """How many objects hold somebody, when rows fall into objects by chance."""
        missed = (1 - 1 / self.objects) ** (self.people * ROWS_EACH)
        return round(self.objects * (1 - missed))

    def work(self) -> tuple[StoreWork, ...]:
        """What has to be done."""
        scanned = self.rows * ID_COLUMN_BYTES
        items = self.people * ITEMS_EACH
        return (
            StoreWork(
                store="profiles_lake",
                kind=StoreKind.S3,
                locations=self.objects_hit,
                rows=self.people * ROWS_EACH,
                size_bytes=self.objects_hit * OBJECT_BYTES,
                largest_bytes=OBJECT_BYTES,
                scanned_bytes=scanned,
                search_s=ATHENA_START_S + scanned / ATHENA_BYTES_PER_S,
            ),
            StoreWork(
                store="loyalty_accounts",
                kind=StoreKind.DYNAMODB,
                locations=1,
                rows=items,
                size_bytes=items * ITEM_BYTES,
                largest_bytes=items * ITEM_BYTES,
                scanned_bytes=0,
                search_s=self.people / QUERIES_PER_S,
            ),
            StoreWork(
                store="bookings",
                kind=StoreKind.POSTGRESQL,
                locations=1,
                rows=self.people * DATABASE_ROWS_EACH,
                size_bytes=0,
                largest_bytes=0,
                scanned_bytes=0,
                search_s=1.0,
            ),
        )


IN_FULL = Scenario("200 people over a billion rows (2 TB)", 200, 10**9)
"""The one that the page works out line by line."""
SCENARIOS = (
    Scenario("200 people over a million rows (2 GB)", 200, 10**6),
    IN_FULL,
    Scenario("200 people over five billion rows (10 TB)", 200, 5 * 10**9),
)
