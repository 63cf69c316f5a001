"""infra/COST.md: written from the templates, the prices and the model as they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from erasure_shared.cost.model import estimate
from erasure_shared.cost.prices import list_prices
from infra.cost.__main__ import PAGE
from infra.cost.idle import IdleLine, idle
from infra.cost.report import CHEAPEST, report
from infra.cost.scenarios import IN_FULL, SCENARIOS
from infra.cost.templates import Stack, hours_of

PRICES = list_prices()


def lines(**parameters: str) -> dict[str, IdleLine]:
    return {line.price: line for line in idle(parameters, PRICES)}


def test_the_page_is_what_the_command_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == report(PRICES), "run: python -m infra.cost"


def test_the_page_works_out_every_line_of_the_billion_rows() -> None:
    page = report(PRICES)
    priced = estimate(IN_FULL.work(), IN_FULL.people, PRICES)

    for line in priced.lines:
        assert f"| {line.store} | {line.what} |" in page
    assert f"**{priced.usd:.4f}**" in page


def test_a_stream_a_key_and_a_password_are_paid_for_only_where_they_are_made() -> None:
    default, cheapest = lines(), lines(**CHEAPEST)

    assert {"kinesis_stream_hour", "kms_key_month"} <= default.keys()
    assert not {"kinesis_stream_hour", "kms_key_month"} & cheapest.keys()
    assert default["secret_month"].amount - cheapest["secret_month"].amount == 1


def test_the_cheapest_profile_is_idle_for_a_dollar_a_month_at_most() -> None:
    assert sum(line.usd for line in lines(**CHEAPEST).values()) <= 1.0


def test_a_price_that_was_found_nowhere_is_named_on_the_page() -> None:
    price = PRICES["s3_put"]
    unfound = {**PRICES.prices, "s3_put": replace(price, found_in=None)}

    page = report(replace(PRICES, prices=unfound))

    assert "found in no page: s3_put." in page


def test_what_is_free_is_taken_off_and_never_more_than_is_used() -> None:
    for line in lines().values():
        assert 0 <= line.usd <= line.list_usd


def test_every_price_is_used_by_the_model_or_by_an_idle_line() -> None:
    used = set(lines())
    for scenario in SCENARIOS:
        priced = estimate(scenario.work(), scenario.people, PRICES)
        used |= {line.price for line in priced.lines}

    assert used == set(PRICES.prices)


def test_the_larger_the_lake_the_dearer_the_search_while_the_purge_stays_the_same() -> None:
    small, middle, large = (
        estimate(scenario.work(), scenario.people, PRICES) for scenario in SCENARIOS
    )

    assert small.usd < middle.usd < large.usd
    assert large.usd - middle.usd < 1.0


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"Equals": [{"Ref": "Mode"}, "stream"]}, True),
        ({"Not": [{"Equals": [{"Ref": "Mode"}, "stream"]}]}, False),
        ({"And": [{"Condition": "Yes"}, {"Condition": "No"}]}, False),
        ({"Or": [{"Condition": "Yes"}, {"Condition": "No"}]}, True),
        ({"Equals": [{"Select": ["0", {"Ref": "List"}]}, "a"]}, True),
    ],
)
def test_resources_are_counted_where_their_condition_holds(
    condition: dict[str, object], holds: bool
) -> None:
    template = {
        "Parameters": {"Mode": {"Default": "stream"}, "List": {"Default": "a,b"}},
        "Conditions": {
            "It": condition,
            "Yes": {"Equals": ["1", "1"]},
            "No": {"Equals": ["1", "2"]},
        },
        "Resources": {"Thing": {"Type": "A::Thing", "Condition": "It"}},
    }

    assert len(list(Stack(template, {}).resources("A::Thing"))) == holds


@pytest.mark.parametrize(
    ("schedule", "hours"), [("rate(6 hours)", 6), ("rate(1 day)", 24), ("rate(30 minutes)", 0.5)]
)
def test_schedules_are_read(schedule: str, hours: float) -> None:
    assert hours_of(schedule) == hours


def test_a_schedule_that_cannot_be_read_is_no_guess() -> None:
    with pytest.raises(ValueError, match="schedule"):
        hours_of("cron(0 6 * * ? *)")
