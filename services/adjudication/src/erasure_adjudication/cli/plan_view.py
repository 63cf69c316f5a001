"""A plan with its price, for people and for programs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from erasure_adjudication.cli.output import counted
from erasure_shared.cost.model import Estimate, StoreWork, estimate
from erasure_shared.cost.prices import Prices
from erasure_shared.locations import StoreKind

_CENT = 0.01
_UNITS = ("B", "kB", "MB", "GB", "TB")
_STEP = 1000
_PLACES = {"s3": "object", "dynamodb": "table", "postgresql": "table"}


@dataclass(frozen=True)
class Plan:
    """What the location function counted, and what that costs."""

    subjects: int
    stores: tuple[Mapping[str, Any], ...]
    estimate: Estimate
    prices: Prices

    @classmethod
    def of(cls, answer: Mapping[str, Any], prices: Prices) -> Plan:
        """The plan in the function's answer, priced."""
        stores = tuple(answer["stores"])
        work = [_work(store) for store in stores if "reason_code" not in store]
        priced = estimate(work, answer["subjects"], prices)
        return cls(answer["subjects"], stores, priced, prices)

    @property
    def unsearchable(self) -> bool:
        """Whether a store could not be searched, so that there may be more than is counted."""
        return any("reason_code" in store for store in self.stores)


def document(plan: Plan) -> dict[str, Any]:
    """The whole plan, with every line of its price."""
    return {
        "subjects": plan.subjects,
        "stores": [dict(store) | _usd_of(plan, store) for store in plan.stores],
        "usd": plan.estimate.usd,
        "minutes": plan.estimate.minutes,
        "lines": [asdict(line) for line in plan.estimate.lines],
        "prices": {"region": plan.prices.region, "as_of": plan.prices.as_of},
    }


def view(plan: Plan) -> RenderableType:
    """The picture: a line for each store, and the sum."""
    return Group(*_sections(plan))


def _sections(plan: Plan) -> Iterator[RenderableType]:
    yield Text.assemble(
        "Plan for ", (counted(plan.subjects, "subject"), "bold"), ". Nothing was changed."
    )
    yield ""
    yield _table(plan)
    unreadable = sum(store.get("unreadable", 0) for store in plan.stores)
    if unreadable:
        text = f"{counted(unreadable, 'object')} cannot be read: a person will have to decide."
        yield Text(text, style="yellow")
    yield ""
    cost, minutes = dollars(plan.estimate.usd), duration(plan.estimate.minutes)
    about = "at least" if plan.unsearchable else "about"
    yield Text.assemble(f"In all {about} ", (minutes, "bold"), " and ", (cost, "bold"), ".")
    prices = plan.prices
    yield Text(f"An estimate by list prices of {prices.region}, {prices.as_of}.", style="dim")


def _table(plan: Plan) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("store", no_wrap=True)
    for name in ("locations", "rows", "to rewrite", "estimate"):
        table.add_column(name, justify="right")
    for store in plan.stores:
        table.add_row(store["store"], *_cells(plan, store))
    return table


def _cells(plan: Plan, store: Mapping[str, Any]) -> Iterator[RenderableType]:
    if "reason_code" in store:
        yield Text("unknown", style="bold red")
        yield ""
        yield ""
        yield Text(store["reason"], style="red")
        return
    places = store["locations"]
    yield counted(places, _PLACES[store["kind"]]) if places else Text("nobody", style="dim")
    yield f"{store['rows']:,}" if places else "-"
    yield size(store["size_bytes"]) if store["kind"] == StoreKind.S3 and places else "-"
    yield dollars(plan.estimate.usd_of(store["store"]))


def dollars(usd: float) -> str:
    """`$1,234.56`; less than a cent says so."""
    return "less than $0.01" if usd < _CENT else f"${usd:,.2f}"


def duration(minutes: float) -> str:
    """Whole minutes, rounded up."""
    return counted(max(1, math.ceil(minutes)), "minute")


def size(size_bytes: float) -> str:
    """`1.2 GB`."""
    for unit in _UNITS[:-1]:
        if size_bytes < _STEP:
            return f"{size_bytes:,.0f} B" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= _STEP
    return f"{size_bytes:,.1f} {_UNITS[-1]}"


def _work(store: Mapping[str, Any]) -> StoreWork:
    return StoreWork(
        store=store["store"],
        kind=StoreKind(store["kind"]),
        locations=store["locations"],
        rows=store["rows"],
        size_bytes=store["size_bytes"],
        largest_bytes=store["largest_bytes"],
        scanned_bytes=store["scanned_bytes"],
        search_s=store["search_s"],
    )


def _usd_of(plan: Plan, store: Mapping[str, Any]) -> dict[str, float]:
    return {} if "reason_code" in store else {"usd": plan.estimate.usd_of(store["store"])}
