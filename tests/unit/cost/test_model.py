"""The cost model: sums that can be followed, and that grow with what has to be done."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from erasure_shared.cost.model import GB, MB, StoreWork, estimate
from erasure_shared.cost.prices import Prices, list_prices
from erasure_shared.locations import StoreKind

PRICES = list_prices()
LAKE = StoreWork("lake", StoreKind.S3, 10, 50, 1_000 * MB, 100 * MB, 2 * GB, 8.0)
TABLE = StoreWork("table", StoreKind.DYNAMODB, 1, 40, 40_000, 40_000, 0, 1.0)
ROWS = StoreWork("rows", StoreKind.POSTGRESQL, 1, 30, 0, 0, 0, 1.0)
NOBODY = StoreWork("rows", StoreKind.POSTGRESQL, 0, 0, 0, 0, 0, 1.0)


def test_the_sum_is_that_of_its_lines_and_of_its_stores() -> None:
    priced = estimate([LAKE, TABLE, ROWS], 5, PRICES)

    by_store = [priced.usd_of(store) for store in ("lake", "table", "rows")]
    assert priced.usd == pytest.approx(sum(line.usd for line in priced.lines))
    assert priced.usd == pytest.approx(sum(by_store))
    for line in priced.lines:
        assert line.usd == pytest.approx(line.amount * PRICES[line.price].usd)


def test_athena_bills_what_was_scanned_and_ten_megabytes_at_least() -> None:
    def scanned(scanned_bytes: int) -> float:
        priced = estimate([replace(LAKE, scanned_bytes=scanned_bytes)], 5, PRICES)
        return next(line.usd for line in priced.lines if line.price == "athena_gb_scanned")

    assert scanned(2 * GB) == pytest.approx(0.01)
    assert scanned(1) == pytest.approx(0.00005)


@pytest.mark.parametrize(
    ("work", "changes"),
    [
        (LAKE, {"locations": 20}),
        (LAKE, {"size_bytes": 2_000 * MB}),
        (LAKE, {"scanned_bytes": 4 * GB}),
        (LAKE, {"search_s": 60.0}),
        (TABLE, {"rows": 400}),
        (TABLE, {"size_bytes": 400_000}),
        (ROWS, {"rows": 3_000}),
    ],
)
def test_more_work_costs_more(work: StoreWork, changes: dict[str, float]) -> None:
    more = replace(work, **changes)  # type: ignore[arg-type]

    assert estimate([more], 5, PRICES).usd > estimate([work], 5, PRICES).usd


def test_purges_run_side_by_side_but_none_is_faster_than_its_largest_object() -> None:
    one_large = replace(LAKE, locations=1, size_bytes=1_000 * MB, largest_bytes=1_000 * MB)

    many, one = (estimate([work], 5, PRICES).minutes for work in (LAKE, one_large))

    assert one > 3 * many


def test_nobody_found_costs_the_search_alone() -> None:
    priced = estimate([NOBODY], 5, PRICES)

    assert [line.what for line in priced.lines] == ["location function"]
    assert priced.minutes == pytest.approx(1 / 60)


def test_every_price_has_a_unit_and_a_page_and_the_list_the_day_of_its_comparison() -> None:
    assert PRICES.region
    assert date.fromisoformat(PRICES.as_of) >= date(2026, 11, 24)
    for name, price in PRICES.prices.items():
        assert price.usd > 0, name
        assert price.unit, name
        assert price.page.startswith("https://aws.amazon.com/"), name
        assert price.found_in is None or price.found_in.startswith("https://"), name


def test_a_price_list_of_another_region_is_read_alike() -> None:
    document = {
        "region": "eu-west-1",
        "as_of": "2026-01",
        "note": "-",
        "prices": {"s3_get": {"usd": 1.0, "unit": "GET", "page": "-"}},
    }

    prices = Prices.read(json.dumps(document))

    assert prices.region == "eu-west-1"
    assert prices["s3_get"].usd == 1.0
