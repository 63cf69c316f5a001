"""Strategies: documents that the contract accepts, in every notation, and spoiled ones."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_ID = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=256
)


def instants() -> st.SearchStrategy[datetime]:
    """Moments with any whole-minute offset, inside the years that the table can hold."""
    offsets = st.integers(-23 * 60, 23 * 60).map(
        lambda minutes: timezone(timedelta(minutes=minutes))
    )
    return st.datetimes(datetime(1900, 1, 2), datetime(2261, 12, 30), timezones=offsets)  # noqa: DTZ001


def amounts() -> st.SearchStrategy[Decimal]:
    """What decimal(18,2) holds."""
    return st.integers(-(10**18) + 1, 10**18 - 1).map(lambda cents: Decimal(cents).scaleb(-2))


def json_values() -> st.SearchStrategy[Any]:
    """Any JSON value."""
    simple = st.none() | st.booleans() | st.integers() | _TEXT
    return st.recursive(
        simple,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
        max_leaves=12,
    )


def profiles() -> st.SearchStrategy[dict[str, Any]]:
    """Documents that must be accepted."""
    text = st.none() | _TEXT
    address = {name: text for name in ("street", "city", "postal_code", "country")}
    consent = {"purpose": _TEXT, "granted": st.booleans(), "at": _written_instants()}
    optional = {name: text for name in ("first_name", "last_name", "email", "phone")} | {
        "address": st.none() | st.fixed_dictionaries({}, optional=address),
        "loyalty_tier": st.sampled_from(["bronze", "silver", "gold", "platinum", None]),
        "preferences": st.none() | st.lists(_TEXT, max_size=3),
        "lifetime_spend": st.none() | amounts().map(str),
        "visits": st.none() | _counts() | _counts().map(str),
        "consents": st.none() | st.lists(st.fixed_dictionaries(consent), max_size=3),
    }
    required = {
        "profile_id": _ID,
        "record_type": st.sampled_from(["profile", "booking", "loyalty_event"]),
        "updated_at": _written_instants(),
    }
    return st.fixed_dictionaries(required, optional=optional)


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """A good document with some bytes cut out or replaced."""
    good = json.dumps(draw(profiles()), ensure_ascii=draw(st.booleans())).encode()
    start = draw(st.integers(0, len(good)))
    end = draw(st.integers(start, min(len(good), start + 8)))
    return good[:start] + draw(st.binary(max_size=4)) + good[end:]


def _counts() -> st.SearchStrategy[int]:
    return st.integers(0, 2**31 - 1)


def _written_instants() -> st.SearchStrategy[str]:
    return instants().map(datetime.isoformat)
