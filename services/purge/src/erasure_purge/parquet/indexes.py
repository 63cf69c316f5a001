"""Page indexes after a cut: bounds, counts and row numbers of the pages that remain.

Source: https://github.com/apache/parquet-format/blob/master/PageIndex.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from .cut import CutPage
from .encodings import Bounds
from .footer import Leaf
from .order import Key, key
from .page import Page
from .statistics import MAX_BOUND_BYTES, less_histogram, may_come_from
from .thrift_compact import Items, Kind, Struct, Value

_NULL_PAGES, _MIN_VALUES, _MAX_VALUES, _BOUNDARY_ORDER, _NULL_COUNTS = 1, 2, 3, 4, 5
_REPETITION, _DEFINITION = 6, 7
_KNOWN = set(range(1, 8))
_UNORDERED, _ASCENDING, _DESCENDING = 0, 1, 2
_PAGE_LOCATIONS, _UNENCODED = 1, 2
_OFFSET, _SIZE, _FIRST_ROW = 1, 2, 3


def stated_bounds(index: Struct, number: int) -> tuple[bytes, bytes] | None:
    """What the column index says of a page's values; None if nothing that can be read."""
    lows, highs = index.items(_MIN_VALUES), index.items(_MAX_VALUES)
    if lows is None or highs is None or number >= min(len(lows), len(highs)):
        return None
    low, high = lows[number], highs[number]
    return (low, high) if isinstance(low, bytes) and isinstance(high, bytes) else None


@dataclass(frozen=True)
class StaleBounds:
    """Bounds that the chunk no longer has, and how to learn a page's true ones."""

    values: frozenset[bytes]
    page_bounds: Callable[[int], Bounds | None]


class _CannotBeRight(Exception):
    """The index must be dropped rather than guessed."""


def revised_column_index(
    index: Struct,
    cuts: Mapping[int, CutPage],
    pages: int,
    leaf: Leaf,
    stale: StaleBounds,
) -> Struct | None:
    """The column index without the erased; None if it cannot be right and must be dropped.

    `cuts` are the pages that were cut, by their number.
    """
    if set(index) - _KNOWN:
        return None
    try:
        return _Revision(index, cuts, pages, leaf, stale).revised()
    except _CannotBeRight:
        return None


class _Revision:
    """One column index on its way to being right again."""

    def __init__(
        self,
        index: Struct,
        cuts: Mapping[int, CutPage],
        pages: int,
        leaf: Leaf,
        stale: StaleBounds,
    ) -> None:
        self.stale = stale
        self.index = Struct(dict(index.fields))
        self.cuts = cuts
        self.pages = pages
        self.leaf = leaf
        self.kept = [n for n in range(pages) if n not in cuts or not cuts[n].is_empty]

    def revised(self) -> Struct:
        nulls = self._list(_NULL_PAGES)
        lows, highs = self._list(_MIN_VALUES), self._list(_MAX_VALUES)
        changed = False
        for number, cut in self.cuts.items():
            changed |= self._revise_bounds(number, cut, nulls, lows, highs)
        changed |= self._replace_stale(nulls, lows, highs)
        self._revise_null_counts()
        for field, maximum in (
            (_REPETITION, self.leaf.max_repetition),
            (_DEFINITION, self.leaf.max_definition),
        ):
            self._revise_histogram(field, maximum)
        for field in (_NULL_PAGES, _MIN_VALUES, _MAX_VALUES, _NULL_COUNTS):
            self._keep(field)
        if changed and self.index.integer(_BOUNDARY_ORDER, 0) != _UNORDERED:
            self._check_order()
        return self.index

    def _list(self, field: int) -> Items:
        """A copy of a list with one element per page, which the struct then holds."""
        items = self.index.items(field)
        if items is None or len(items) != self.pages:
            raise _CannotBeRight
        mine = Items(items.kind, items)
        self.index.set(field, Kind.LIST, mine)
        return mine

    def _keep(self, field: int) -> None:
        items = self.index.items(field)
        if items is not None:
            kept: list[Value] = [items[n] for n in self.kept]
            self.index.set(field, Kind.LIST, Items(items.kind, kept))

    def _revise_bounds(
        self, number: int, cut: CutPage, nulls: Items, lows: Items, highs: Items
    ) -> bool:
        """Make one page's bounds true; whether they changed."""
        if nulls[number] or cut.is_empty:
            return False
        if cut.is_all_null:
            nulls[number], lows[number], highs[number] = True, b"", b""
            return True
        low, high = lows[number], highs[number]
        if not isinstance(low, bytes) or not isinstance(high, bytes):
            raise _CannotBeRight
        if not may_come_from(low, high, cut.erased, self.leaf.order):
            return False
        bounds = cut.remaining_bounds(self.leaf.order)
        if bounds is None or max(map(len, bounds)) > MAX_BOUND_BYTES:
            raise _CannotBeRight
        lows[number], highs[number] = bounds
        return True

    def _replace_stale(self, nulls: Items, lows: Items, highs: Items) -> bool:
        """Polars states the whole chunk's bounds for every page, also for those we did not cut."""
        changed = False
        for number in self.kept:
            named = {lows[number], highs[number]}
            if nulls[number] or not named & self.stale.values:
                continue
            bounds = self.stale.page_bounds(number)
            if bounds is None or max(map(len, bounds)) > MAX_BOUND_BYTES:
                raise _CannotBeRight
            changed |= (lows[number], highs[number]) != bounds
            lows[number], highs[number] = bounds
        return changed

    def _revise_null_counts(self) -> None:
        items = self.index.items(_NULL_COUNTS)
        if items is None:
            return
        counts = items.ints()
        if len(counts) != self.pages:
            raise _CannotBeRight
        for number, cut in self.cuts.items():
            if counts[number] != cut.nulls_before:
                # The writer counts nulls of nested columns in another way than we do.
                self.index.drop(_NULL_COUNTS)
                return
            counts[number] = cut.nulls
        self.index.set(_NULL_COUNTS, Kind.LIST, Items(items.kind, counts))

    def _revise_histogram(self, field: int, maximum: int) -> None:
        """Histograms stand in one list, page after page."""
        items = self.index.items(field)
        if not items:
            return
        counts, width = items.ints(), maximum + 1
        if len(counts) != self.pages * width:
            raise _CannotBeRight
        revised: list[Value] = []
        for number in self.kept:
            page = counts[number * width : (number + 1) * width]
            cut = self.cuts.get(number)
            if cut is not None:
                erased = cut.erased
                gone = erased.repetition if field == _REPETITION else erased.definition
                less = less_histogram(page, gone)
                if less is None:
                    raise _CannotBeRight
                page = less
            revised.extend(page)
        self.index.set(field, Kind.LIST, Items(items.kind, revised))

    def _check_order(self) -> None:
        """Narrower bounds may no longer ascend or descend; then say that they do not."""
        ascending = self.index.integer(_BOUNDARY_ORDER) == _ASCENDING
        places = list(self._places())
        for before, after in pairwise(places):
            pairs = zip(before, after, strict=True)
            in_order = all(a <= b if ascending else a >= b for a, b in pairs)  # type: ignore[operator]
            if not in_order:
                self.index.set_int(_BOUNDARY_ORDER, _UNORDERED, Kind.I32)
                return

    def _places(self) -> Iterator[tuple[Key, Key]]:
        nulls, lows, highs = (
            self.index.items(field) or Items(Kind.BINARY)
            for field in (_NULL_PAGES, _MIN_VALUES, _MAX_VALUES)
        )
        for null, low, high in zip(nulls, lows, highs, strict=True):
            if null or not isinstance(low, bytes) or not isinstance(high, bytes):
                continue
            first, last = key(self.leaf.order, low), key(self.leaf.order, high)
            if first is None or last is None:
                raise _CannotBeRight
            yield first, last


def revised_offset_index(
    index: Struct, cuts: Mapping[int, CutPage], pages: list[Page], sizes: Mapping[int, int]
) -> Struct:
    """The offset index of the pages that remain, offsets counted from the first data page.

    `sizes` are the new sizes of the pages that were cut, by their number.
    """
    revised = Struct(dict(index.fields))
    locations: list[Value] = []
    offset = row = 0
    for number, page in enumerate(pages):
        cut = cuts.get(number)
        if cut is not None and cut.is_empty:
            continue
        size = sizes.get(number, page.size)
        place = {_OFFSET: (Kind.I64, offset), _SIZE: (Kind.I32, size), _FIRST_ROW: (Kind.I64, row)}
        locations.append(Struct(dict(place)))
        offset += size
        row += page.rows if cut is None else cut.rows
    revised.set(_PAGE_LOCATIONS, Kind.LIST, Items(Kind.STRUCT, locations))
    revised.drop(*[field for field in revised if field not in (_PAGE_LOCATIONS, _UNENCODED)])
    unencoded = revised.items(_UNENCODED)
    if unencoded is None:
        return revised
    if len(unencoded) != len(pages):
        revised.drop(_UNENCODED)
        return revised
    kept: list[Value] = []
    for number, size in enumerate(unencoded.ints()):
        cut = cuts.get(number)
        if cut is None or not cut.is_empty:
            kept.append(size - (cut.erased.value_bytes if cut is not None else 0))
    revised.set(_UNENCODED, Kind.LIST, Items(unencoded.kind, kept))
    return revised


def moved_offset_index(index: Struct, distance: int) -> Struct:
    """The offset index of pages that all moved by a distance."""
    moved = Struct(dict(index.fields))
    locations = index.items(_PAGE_LOCATIONS)
    if locations is None:
        return moved
    places: list[Value] = []
    for place in locations.structs():
        new = Struct(dict(place.fields))
        new.set_int(_OFFSET, place.integer(_OFFSET) + distance)
        places.append(new)
    moved.set(_PAGE_LOCATIONS, Kind.LIST, Items(locations.kind, places))
    return moved
