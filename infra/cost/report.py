"""Renders infra/COST.md from the templates, the price list and the scenarios."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from erasure_shared.cost import model
from erasure_shared.cost.model import Estimate, estimate
from erasure_shared.cost.prices import Prices
from infra.cost import scenarios
from infra.cost.idle import LIMITED_POLLERS, POLL_S, POLLERS, IdleLine, idle
from infra.cost.scenarios import IN_FULL, SCENARIOS, Scenario

CHEAPEST = {
    "Encryption": "aws",
    "DeliveryMode": "direct",
    "PostgresqlHost": "proxy.example.org",
}
"""Keys that AWS keeps, no stream in front of Firehose, PostgreSQL by IAM instead of a password."""

CHOICES = (
    *({name: value} for name, value in CHEAPEST.items()),
    {"ExistingKeyArn": "arn:aws:kms:..."},
)
"""One at a time."""

_NOT_INCLUDED = (
    "What you pay without Erasure: the lake's storage, the tables, Aurora; taking records in.",
    "A VPC, which only PostgreSQL asks for: from $7 a month for each interface endpoint and zone.",
    "Older versions of rewritten objects: the purge removes them within the same minute.",
    "The yearly rotation of a KMS key, which adds a dollar a month after the first and second.",
    "Traces, mails of alarms and calls of Secrets Manager: fractions of a cent.",
)


def report(prices: Prices) -> str:
    """The whole page."""
    default, cheapest = idle({}, prices), idle(CHEAPEST, prices)
    estimates = [(each, estimate(each.work(), each.people, prices)) for each in SCENARIOS]
    lines = [
        *_head(prices),
        *_summary(default, cheapest, estimates),
        *_idle(default, cheapest, prices),
        *_assumptions(),
    ]
    for scenario, priced in estimates:
        lines += _scenario(scenario, priced, prices)
    lines += ["", "## What is not in these numbers", *(f"- {each}" for each in _NOT_INCLUDED)]
    return "\n".join(lines) + "\n"


def _head(prices: Prices) -> Iterator[str]:
    unfound = sorted(name for name, price in prices.prices.items() if price.found_in is None)
    yield "# What it costs"
    yield ""
    yield "Written by `python -m infra.cost`; a test compares it with what the command writes. Unit"
    yield "prices, each with AWS's page and the page it was found in:"
    yield f"`shared/src/erasure_shared/cost/prices.json`, region {prices.region}, {prices.as_of}."
    yield prices.note
    yield f"Remembered, and found in no page: {', '.join(unfound) or 'none'}."
    yield ""
    yield "`erasure plan` reckons in the same way, for people you name and what is really there."


def _summary(
    default: Sequence[IdleLine],
    cheapest: Sequence[IdleLine],
    estimates: Sequence[tuple[Scenario, Estimate]],
) -> Iterator[str]:
    yield ""
    yield from _header("| dollars | minutes |", "| ---: | ---: |")
    yield f"| idle for a month, cheapest profile | {_both(cheapest)} | |"
    yield f"| idle for a month, the templates' defaults | {_both(default)} | |"
    for scenario, priced in estimates:
        yield f"| {scenario.name} | {_dollars(priced.usd)} | {math.ceil(priced.minutes)} |"


def _idle(
    default: Sequence[IdleLine], cheapest: Sequence[IdleLine], prices: Prices
) -> Iterator[str]:
    yield ""
    yield "## Idle"
    yield "Counted from the templates as they stand. The last column takes off what AWS gives every"
    yield "account each month for ever: 10 alarms, 10 metrics, 3 dashboards, a million SQS"
    yield "requests. It is yours only as far as nothing else in the account uses it up."
    yield from _idle_table("The templates' defaults", default)
    settings = ", ".join(f"`{name}={value}`" for name, value in CHEAPEST.items())
    yield from _idle_table(f"The cheapest profile: {settings}", cheapest)
    yield ""
    yield from _choices(prices, default)
    yield ""
    yield f"Lambda keeps {POLLERS} connections open to an idle queue that feeds a function, or"
    yield f"{LIMITED_POLLERS} if its concurrency is limited (location and purge are, their dead"
    yield f"letters are not), and asks again every {POLL_S:.0f} seconds. Tables, buckets, Athena,"
    yield "Firehose, bus and functions cost nothing while nothing happens."


def _choices(prices: Prices, default: Sequence[IdleLine]) -> Iterator[str]:
    yield "**What each choice takes off the defaults**"
    yield ""
    yield from _header("| dollars a month |", "| ---: |")
    for choice in CHOICES:
        saved = _sums(default)[1] - _sums(idle(choice, prices))[1]
        (setting,) = (f"`{name}={value}`" for name, value in choice.items())
        yield f"| {setting} | {_dollars(saved)} |"
    yield ""
    yield "The stream is on demand because nobody knows its load; one shard of a provisioned one"
    yield "costs $10.95 a month ($0.015 an hour), and refuses more than a megabyte a second."
    yield ""
    yield "What is left of the cheapest profile cannot go:"
    yield "- The secret is the key of the digests: random, and kept when the stack goes. A"
    yield "  template cannot make the free SecureString parameter."
    yield "- Two alarms are more than the ten that are free. What is counted are the metrics that"
    yield "  alarms look at, so one alarm over several of them costs as much; composite alarms cost"
    yield "  more."
    yield "- The limit of purges and searches at a time costs three of the five connections to each"
    yield "  of two queues; without it they would overrun Athena and PostgreSQL."
    yield "- The dashboard is free up to three with fifty metrics each."


def _idle_table(title: str, lines: Sequence[IdleLine]) -> Iterator[str]:
    yield ""
    yield f"**{title}**"
    yield ""
    yield from _header("| amount | list price | after what is free |", "| ---: | ---: | ---: |")
    for line in lines:
        amounts = f"{_plain(line.amount)} | {_dollars(line.list_usd)} | {_dollars(line.usd)}"
        yield f"| {line.what} | {amounts} |"
    listed, free = _sums(lines)
    yield f"| **sum** | | **{_dollars(listed)}** | **{_dollars(free)}** |"


def _assumptions() -> Iterator[str]:
    per_mb = model.REWRITE_S_PER_MB + model.TRANSFER_S_PER_MB
    yield ""
    yield "## What the scenarios assume"
    object_mb = scenarios.OBJECT_BYTES // model.MB
    yield f"- A row of the lake has {scenarios.ROW_BYTES:,} bytes, an object {object_mb} MB. A"
    yield f"  person has {scenarios.ROWS_EACH} rows there, in objects by chance (the dearest way to"
    yield f"  lie), {scenarios.ITEMS_EACH} items of {scenarios.ITEM_BYTES:,} bytes in DynamoDB and"
    yield f"  {scenarios.DATABASE_ROWS_EACH} rows in PostgreSQL."
    yield f"- Athena reads the id column alone, {scenarios.ID_COLUMN_BYTES} bytes a row: a UUID as"
    yield "  text, not compressed at all."
    yield f"- Purging an object takes {model.PURGE_FIXED_S} s and {per_mb:.2f} s a megabyte at"
    yield f"  {model.PURGE_MEMORY_GB:.0f} GB of memory: few pages are cut, yet most bytes of an"
    yield "  object with one row group travel, as parts that S3 copies have 5 MB at least. Of"
    yield "  objects with eight row groups a tenth is sent (`tests/benchmarks/README.md`); there it"
    yield f"  is too much. {model.CONCURRENT_PURGES} are purged at a time (`MaximumConcurrency`)."
    yield f"- An object takes {model.GETS_PER_OBJECT} requests and one for every"
    yield f"  {model.READ_BYTES // model.MB} MB to be read, and {model.PUTS_PER_OBJECT} and one for"
    yield f"  every {model.UPLOAD_BYTES // model.MB} MB to be written, listed and completed."
    yield f"- A location takes {model.WRITES_PER_LOCATION} writes and"
    yield f"  {model.READS_PER_LOCATION} reads of DynamoDB (lock, record, evidence),"
    yield f"  {model.SQS_PER_LOCATION} requests of SQS, {model.EVENTS_PER_LOCATION} events and"
    yield f"  {model.KMS_PER_LOCATION} calls of KMS."
    yield "- Each number stands with its reason in `shared/src/erasure_shared/cost/model.py` or"
    yield "  `infra/cost/scenarios.py`."


def _scenario(scenario: Scenario, priced: Estimate, prices: Prices) -> Iterator[str]:
    rewritten_gb = scenario.objects_hit * scenarios.OBJECT_BYTES / model.GB
    yield ""
    yield f"## {scenario.name}"
    yield f"{scenario.objects:,} objects, of which {scenario.objects_hit:,} hold somebody and are"
    yield f"rewritten: {rewritten_gb:,.1f} GB."
    yield ""
    yield from _lines(priced, prices) if scenario is IN_FULL else _by_store(scenario, priced)
    yield f"| **sum** | | | **{priced.usd:.4f}** |"


def _lines(priced: Estimate, prices: Prices) -> Iterator[str]:
    yield "| store | what | amount | dollars |"
    yield "| --- | --- | --- | ---: |"
    for line in priced.lines:
        unit = prices[line.price]
        usd = f"{unit.usd:.10f}".rstrip("0")
        amount = f"{_plain(line.amount)} x ${usd} ({unit.unit})"
        yield f"| {line.store} | {line.what} | {amount} | {line.usd:.4f} |"


def _by_store(scenario: Scenario, priced: Estimate) -> Iterator[str]:
    yield "| store | locations | rows | dollars |"
    yield "| --- | ---: | ---: | ---: |"
    for work in scenario.work():
        usd = priced.usd_of(work.store)
        yield f"| {work.store} | {work.locations:,} | {work.rows:,} | {usd:.4f} |"


def _header(names: str, rulers: str) -> Iterator[str]:
    yield f"| {names}"
    yield f"| --- {rulers}"


def _sums(lines: Sequence[IdleLine]) -> tuple[float, float]:
    return math.fsum(line.list_usd for line in lines), math.fsum(line.usd for line in lines)


def _both(lines: Sequence[IdleLine]) -> str:
    listed, free = _sums(lines)
    return f"{_dollars(free)} ({_dollars(listed)} without what is free)"


def _dollars(usd: float) -> str:
    return f"${usd:,.2f}"


def _plain(amount: float) -> str:
    """As many digits as say something."""
    if amount == int(amount) or amount >= 100:
        return f"{amount:,.0f}"
    return f"{amount:.2g}" if amount < 1 else f"{amount:.1f}"
