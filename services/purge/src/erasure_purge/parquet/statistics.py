"""Statistics that say nothing of the erased and nothing false of those who stay.

Bounds change only if an erased value may stand behind one of them; then they are computed from
what remains, or dropped where the column's order leaves a doubt. Readers must cope with missing
statistics, never with wrong ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .encodings import Bounds
from .order import Key, Order, key
from .thrift_compact import Items, Kind, Struct

MAX_BOUND_BYTES = 1024
CHARACTER_BYTES = 4  # of UTF-8, at most

_MAX, _MIN, _NULL_COUNT, _MAX_VALUE, _MIN_VALUE, _MAX_EXACT, _MIN_EXACT = 1, 2, 3, 5, 6, 7, 8
_KEPT = {_MAX, _MIN, _NULL_COUNT, _MAX_VALUE, _MIN_VALUE, _MAX_EXACT, _MIN_EXACT}
_NUMERIC = (Order.SIGNED, Order.FLOAT)


@dataclass
class Erased:
    """What left a page or a chunk."""

    entries: int = 0
    nulls: int = 0
    value_bytes: int = 0  # of byte strings, without lengths: "unencoded" in parquet.thrift
    bounds: Bounds | None = None
    has_values: bool = False
    repetition: npt.NDArray[np.int64] | None = None
    definition: npt.NDArray[np.int64] | None = None

    def add(self, other: Erased, order: Order) -> None:
        """Count another page's losses in."""
        self.entries += other.entries
        self.nulls += other.nulls
        self.value_bytes += other.value_bytes
        self.has_values = self.has_values or other.has_values
        self.bounds = merged_bounds(self.bounds, other.bounds, order)
        self.repetition = _sum(self.repetition, other.repetition)
        self.definition = _sum(self.definition, other.definition)


def _sum(
    one: npt.NDArray[np.int64] | None, other: npt.NDArray[np.int64] | None
) -> npt.NDArray[np.int64] | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


def merged_bounds(one: Bounds | None, other: Bounds | None, order: Order) -> Bounds | None:
    """Bounds of two sets of values together."""
    if one is None or other is None:
        return other if one is None else one

    def place(value: bytes) -> Key:
        found = key(order, value)
        assert found is not None, "bounds are made of values that have a place"
        return found

    return min(one[0], other[0], key=place), max(one[1], other[1], key=place)


def may_come_from(low: bytes, high: bytes, erased: Erased, order: Order) -> bool:
    """Whether an erased value may stand behind a stated (perhaps truncated) minimum or maximum."""
    return any(touched_sides(low, high, erased, order))


def touched_sides(low: bytes, high: bytes, erased: Erased, order: Order) -> tuple[bool, bool]:
    """For the minimum and for the maximum: may an erased value stand behind it?"""
    if not erased.has_values:
        return False, False
    if order is Order.NONE:
        return True, True
    lowest, highest = key(order, low), key(order, high)
    if erased.bounds is None:  # nothing but NaN was erased, which no bound may name
        return lowest is None, highest is None
    erased_low, erased_high = (key(order, value) for value in erased.bounds)
    if lowest is None or highest is None or erased_low is None or erased_high is None:
        return True, True
    low_touched = erased_low <= lowest  # type: ignore[operator]  # keys of one order compare
    high_touched = erased_high >= highest  # type: ignore[operator]
    if order is Order.BYTES:
        # A truncated minimum is a prefix; a truncated maximum is one whose end was raised.
        low_touched = low_touched or erased.bounds[0].startswith(low)
        high_touched = high_touched or erased.bounds[1].startswith(_before_last(high))
    return bool(low_touched), bool(high_touched)


def _before_last(text: bytes) -> bytes:
    """The text without its last character, or without its last byte if it is no UTF-8.

    A writer that truncates texts raises a character, which may change all of its bytes: after
    U+043F, D0 BF in UTF-8, comes D1 80.
    """
    end = max(0, len(text) - 1)
    while end > max(0, len(text) - CHARACTER_BYTES) and text[end] & 0xC0 == 0x80:
        end -= 1
    return text[:end]


def revise_statistics(
    statistics: Struct,
    erased: Erased,
    order: Order,
    remaining: Callable[[], Bounds | None],
    *,
    nulls_are_certain: bool,
) -> None:
    """Bring a Statistics struct in line with what remains."""
    statistics.drop(*[field for field in statistics if field not in _KEPT])
    nulls = statistics.int_or_none(_NULL_COUNT)
    if nulls is not None and (erased.nulls or not nulls_are_certain):
        if nulls_are_certain and nulls >= erased.nulls:
            statistics.set_int(_NULL_COUNT, nulls - erased.nulls)
        else:
            statistics.drop(_NULL_COUNT)
    _revise_deprecated(statistics, erased, order)
    bounds = stated_chunk_bounds(statistics)
    if bounds is None:
        drop_bounds(statistics)
    elif may_come_from(*bounds, erased, order):
        _replace_bounds(statistics, remaining(), order)


def drop_bounds(statistics: Struct) -> None:
    """Say nothing of minimum and maximum."""
    statistics.drop(_MAX, _MIN, _MAX_VALUE, _MIN_VALUE, _MAX_EXACT, _MIN_EXACT)


def bounds_named(statistics: Struct) -> set[bytes]:
    """The values that the statistics name."""
    values = (statistics.blob(field) for field in (_MAX, _MIN, _MAX_VALUE, _MIN_VALUE))
    return {value for value in values if value is not None}


def stated_chunk_bounds(statistics: Struct) -> Bounds | None:
    """Minimum and maximum as they stand, in the newer fields or else the older."""
    low = statistics.blob(_MIN_VALUE)
    high = statistics.blob(_MAX_VALUE)
    if low is None and high is None:
        low, high = statistics.blob(_MIN), statistics.blob(_MAX)
    return None if low is None or high is None else (low, high)


def _revise_deprecated(statistics: Struct, erased: Erased, order: Order) -> None:
    """The older min and max stay where they say the same as the newer, or their order is sure."""
    old = statistics.blob(_MIN), statistics.blob(_MAX)
    if old == (None, None) or not erased.has_values or order in _NUMERIC:
        return
    if old != (statistics.blob(_MIN_VALUE), statistics.blob(_MAX_VALUE)):
        statistics.drop(_MIN, _MAX)


def _replace_bounds(statistics: Struct, bounds: Bounds | None, order: Order) -> None:
    if order not in _NUMERIC:  # the older fields would need another comparison
        statistics.drop(_MIN, _MAX)
    if bounds is None or max(map(len, bounds)) > MAX_BOUND_BYTES:
        drop_bounds(statistics)
        return
    low, high = bounds
    for field, value in ((_MIN, low), (_MAX, high)):
        if field in statistics:
            statistics.set(field, Kind.BINARY, value)
    for field, exact, value in ((_MIN_VALUE, _MIN_EXACT, low), (_MAX_VALUE, _MAX_EXACT, high)):
        # A bound that stays may be truncated as before; a new one is a value that remains.
        if field in statistics and statistics.blob(field) != value:
            statistics.set(field, Kind.BINARY, value)
            if exact in statistics:
                statistics.set(exact, Kind.TRUE, True)


_UNENCODED, _REPETITION_HISTOGRAM, _DEFINITION_HISTOGRAM = 1, 2, 3


def revised_size_statistics(sizes: Struct, erased: Erased) -> Struct | None:
    """SizeStatistics less what was erased; None if they cannot be right."""
    revised = Struct(dict(sizes.fields))
    if set(revised) - {_UNENCODED, _REPETITION_HISTOGRAM, _DEFINITION_HISTOGRAM}:
        return None
    unencoded = revised.int_or_none(_UNENCODED)
    if unencoded is not None:
        if unencoded < erased.value_bytes:
            return None
        revised.set_int(_UNENCODED, unencoded - erased.value_bytes)
    for field, gone in (
        (_REPETITION_HISTOGRAM, erased.repetition),
        (_DEFINITION_HISTOGRAM, erased.definition),
    ):
        histogram = revised.items(field)
        if not histogram:
            continue
        less = less_histogram(histogram.ints(), gone)
        if less is None:
            return None
        revised.set(field, Kind.LIST, Items(histogram.kind, less))
    return revised


def less_histogram(counts: list[int], gone: npt.NDArray[np.int64] | None) -> list[int] | None:
    """A level histogram less the erased entries; None if they do not fit."""
    if gone is None:
        return counts
    if len(counts) != len(gone):
        return None
    less = [count - int(n) for count, n in zip(counts, gone, strict=True)]
    return None if min(less, default=0) < 0 else less
