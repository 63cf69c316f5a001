"""The unit prices of `prices.json`, by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Price:
    """What one unit costs; `free` units a month cost nothing, for ever, once in an account.

    `page` is AWS's own; `found_in` the one in which the number was found, None if it was in none.
    """

    usd: float
    unit: str
    page: str
    free: float = 0.0
    found_in: str | None = None


@dataclass(frozen=True)
class Prices:
    """The price list of one region, as of the day on which it was compared with pages."""

    region: str
    as_of: str
    note: str
    prices: Mapping[str, Price]

    def __getitem__(self, name: str) -> Price:
        """The price of that name."""
        return self.prices[name]

    @classmethod
    def read(cls, text: str) -> Prices:
        """The price list in a JSON text."""
        document: dict[str, Any] = json.loads(text)
        prices = {name: Price(**entry) for name, entry in document.pop("prices").items()}
        return cls(**document, prices=prices)


@cache
def list_prices() -> Prices:
    """The list that comes with this package."""
    return Prices.read(files(__package__).joinpath("prices.json").read_text(encoding="utf-8"))
