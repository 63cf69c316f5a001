"""What erasing costs and how long it takes, from what has to be done. Pure.

Every number that is no list price stands here with its reason. Amounts are kept beside the sums,
so that whoever doubts a line can see what it is made of.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from erasure_shared.cost.prices import Prices
from erasure_shared.locations import StoreKind

MB, GB = 10**6, 10**9

LOCATION_MEMORY_GB = 1.0
PURGE_MEMORY_GB = 2.0
CONCURRENT_PURGES = 10
"""The templates' defaults: MemoryMegabytes and MaximumConcurrency."""

SMALLEST_SCAN_BYTES = 10 * MB
"""Athena bills at least so much for a query."""
PURGE_FIXED_S = 1.5
"""A purge beside the rewriting: lock, history, records, events, now and then a cold start."""
REWRITE_S_PER_MB = 0.04
"""CPU of finding, erasing and verifying inside pages: 0.03 to 0.035 measured with a hundred people
in an object, a fifth of that with one (tests/benchmarks/README.md)."""
TRANSFER_S_PER_MB = 3 / 60
"""Read, written and read back at 60 MB/s; most where an object is one row group, as Firehose writes
it, because next to nothing can be copied inside S3."""
ROW_S = 0.002
"""Deleting one item or row, condition and second look included."""
QUEUE_DELAY_S = 20.0
"""Two hops over the bus and queues, first invocations."""

UPLOAD_BYTES, READ_BYTES = 16 * MB, 4 * MB
"""Of a part that is sent, of a range that is read. Parts that S3 copies by itself are longer and so
fewer, and an object of up to 128 MB is read at once: an object costs no more than this."""
GETS_PER_OBJECT = 6
"""HEAD before and after, and the replacement read back."""
PUTS_PER_OBJECT = 5
"""An upload begun and completed; lists of its versions before and after, of forgotten uploads."""
WRITES_PER_LOCATION = 18
"""Request units: lock 2; recording, planning and marking the location 16 with its index."""
READS_PER_LOCATION = 12
IDENTIFIER_KB = 0.1
"""Of a recorded identifier; written when it is found, and as digest when the request closes."""
SQS_PER_LOCATION = 4
EVENTS_PER_LOCATION = 2
KMS_PER_LOCATION = 8
LOG_KB_PER_LOCATION = 6.0


@dataclass(frozen=True)
class StoreWork:
    """What an erasure has to do in one store, from a plan or a scenario."""

    store: str
    kind: StoreKind
    locations: int
    rows: int
    size_bytes: int
    """Of the objects to be rewritten, or of the items to be deleted."""
    largest_bytes: int
    scanned_bytes: int
    """By Athena, to find them."""
    search_s: float


@dataclass(frozen=True)
class Line:
    """One kind of thing that is paid for."""

    store: str
    what: str
    price: str
    amount: float
    usd: float


@dataclass(frozen=True)
class Estimate:
    """What an erasure costs, line by line, and how long it takes."""

    lines: tuple[Line, ...]
    minutes: float

    @property
    def usd(self) -> float:
        """The sum."""
        return math.fsum(line.usd for line in self.lines)

    def usd_of(self, store: str) -> float:
        """The sum of one store."""
        return math.fsum(line.usd for line in self.lines if line.store == store)


def estimate(stores: Sequence[StoreWork], subjects: int, prices: Prices) -> Estimate:
    """Finding the subjects in the stores, and purging what was found."""
    amounts = (
        (work.store, what, price, amount)
        for work in stores
        for what, price, amount in _amounts(work, subjects)
    )
    lines = tuple(
        Line(store, what, price, amount, amount * prices[price].usd)
        for store, what, price, amount in amounts
        if amount > 0
    )
    return Estimate(lines, _seconds(stores) / 60)


def object_seconds(size_bytes: float) -> float:
    """How long rewriting the content of an object takes."""
    return size_bytes / MB * (REWRITE_S_PER_MB + TRANSFER_S_PER_MB)


def purge_seconds(work: StoreWork) -> float:
    """How long all purges of a store take together."""
    if work.kind is StoreKind.S3:
        return work.locations * PURGE_FIXED_S + object_seconds(work.size_bytes)
    return work.locations * PURGE_FIXED_S + work.rows * ROW_S


def _seconds(stores: Iterable[StoreWork]) -> float:
    """Stores are searched one after the other, locations purged so many at a time."""
    search_s = purge_s = longest_s = 0.0
    for work in stores:
        search_s += work.search_s
        purge_s += purge_seconds(work)
        one_s = object_seconds(work.largest_bytes)
        if work.kind is not StoreKind.S3:
            one_s = purge_seconds(work)
        longest_s = max(longest_s, one_s + PURGE_FIXED_S if work.locations else 0.0)
    waiting_s = QUEUE_DELAY_S if longest_s else 0.0
    return search_s + waiting_s + max(longest_s, purge_s / CONCURRENT_PURGES)


def _amounts(work: StoreWork, subjects: int) -> Iterator[tuple[str, str, float]]:
    yield "location function", "lambda_gb_second", work.search_s * LOCATION_MEMORY_GB
    match work.kind:
        case StoreKind.S3:
            scanned = max(work.scanned_bytes, SMALLEST_SCAN_BYTES)
            yield "finding them with Athena", "athena_gb_scanned", scanned / GB
            yield from _object_requests(work)
        case StoreKind.DYNAMODB:
            yield "asking for each person", "dynamodb_read", float(subjects)
            kb_each = work.size_bytes / 1024 / work.rows if work.rows else 0.0
            yield "deleting items", "dynamodb_write", work.rows * max(1.0, math.ceil(kb_each))
            yield "looking again", "dynamodb_read", float(subjects + work.rows if work.rows else 0)
        case _:
            pass  # statements cost nothing but the database that runs anyway
    yield from _purges(work)


def _object_requests(work: StoreWork) -> Iterator[tuple[str, str, float]]:
    ranges, parts = work.size_bytes / READ_BYTES, work.size_bytes / UPLOAD_BYTES
    yield "reading objects", "s3_get", work.locations * GETS_PER_OBJECT + ranges
    yield "writing objects", "s3_put", work.locations * PUTS_PER_OBJECT + parts


def _purges(work: StoreWork) -> Iterator[tuple[str, str, float]]:
    found = work.locations
    identifiers_kb = 2 * math.ceil(work.rows * IDENTIFIER_KB) if found else 0
    yield "purge function", "lambda_gb_second", purge_seconds(work) * PURGE_MEMORY_GB
    yield "purge function, invocations", "lambda_request", float(found)
    yield "locks and records", "dynamodb_write", found * WRITES_PER_LOCATION + identifiers_kb
    yield "locks and records", "dynamodb_read", float(found * READS_PER_LOCATION)
    yield "messages", "sqs_request", float(found * SQS_PER_LOCATION)
    yield "events", "eventbridge_event", float(found * EVENTS_PER_LOCATION)
    yield "encryption", "kms_call", float(found * KMS_PER_LOCATION)
    yield "logs", "cloudwatch_log_gb", found * LOG_KB_PER_LOCATION / MB
