"""The demonstration's table of what was touched counts every rewrite once."""

from __future__ import annotations

from typing import Any

from erasure_shared.locations import Location, LocationStatus, StoreKind
from infra.demo.savings import touches


def location(number: int, evidence: dict[str, Any], kind: StoreKind = StoreKind.S3) -> Location:
    return Location(
        request_id=f"r{number}",
        location_id=f"{number:032}",
        store="profiles_lake",
        kind=kind,
        address="s3://lake/profiles/part-1",
        status=LocationStatus.PURGED,
        subjects=1,
        parts=1,
        attempts=1,
        searched_again=None,
        evidence=evidence,
    )


REWRITE: dict[str, Any] = {
    "etag_before": "a",
    "etag_after": "b",
    "rows_before": 10,
    "rows_after": 7,
    "pages": 5,
    "pages_touched": 2,
    "bytes_before": 900,
    "bytes_uploaded": 100,
    "bytes_read": 300,
}


def test_requests_that_shared_a_rewrite_name_it_once() -> None:
    (touch,) = touches([location(1, REWRITE), location(2, REWRITE)])

    assert (touch.rows_erased, touch.pages_touched, touch.pages) == (3, 2, 5)
    assert (touch.key, touch.bytes_uploaded, touch.bytes_read) == ("part-1", 100, 300)


def test_what_was_not_rewritten_is_not_named() -> None:
    unchanged = REWRITE | {"etag_after": "a"}

    assert touches([location(1, unchanged), location(2, {}, StoreKind.DYNAMODB)]) == []


def test_the_largest_comes_first() -> None:
    large = REWRITE | {"etag_before": "b", "etag_after": "c", "bytes_before": 9_000}

    found = touches([location(1, REWRITE), location(2, large)])

    assert [touch.bytes_before for touch in found] == [9_000, 900]
