"""What is said about a chunk after a cut: statistics, counts, sizes and page indexes."""

from __future__ import annotations

import numpy as np

from .cut import CutPage
from .encodings import Bounds
from .entry_use import EntryUse
from .footer import MetaField
from .indexes import StaleBounds, revised_column_index, revised_offset_index, stated_bounds
from .new_pages import NewPages
from .page import UNKNOWN_ROWS
from .statistics import (
    CHARACTER_BYTES,
    Erased,
    bounds_named,
    drop_bounds,
    may_come_from,
    merged_bounds,
    revise_statistics,
    revised_size_statistics,
    stated_chunk_bounds,
    touched_sides,
)
from .thrift_compact import Items, Kind, Struct


class ChunkFacts:
    """What was said, brought in line with what remains; told of every page that is cut."""

    def __init__(self, pages: NewPages, use: EntryUse) -> None:
        self.pages = pages
        self.use = use
        self.chunk = pages.chunk
        self.leaf = pages.chunk.leaf
        self.erased = Erased()
        statistics = self.chunk.meta.struct(MetaField.STATISTICS)
        self.stated = None if statistics is None else stated_chunk_bounds(statistics)
        self._cut_bounds: Bounds | None = None
        self._stale: frozenset[bytes] = frozenset()
        self._extremes: dict[bytes, list[int]] = {}  # of what pages lost, and which did
        self._strangers: frozenset[bytes] = frozenset()

    def note(self, number: int, cut: CutPage) -> None:
        """Count in what the page lost; compute its bounds if an index or the chunk asks."""
        self.erased.add(cut.erased, self.leaf.order)
        for extreme in cut.erased.bounds or ():
            self._extremes.setdefault(extreme, []).append(number)
        index = self.chunk.column_index
        if index is not None and not cut.is_all_null:
            stated = stated_bounds(index, number)
            if stated is not None and may_come_from(*stated, cut.erased, self.leaf.order):
                cut.remaining_bounds(self.leaf.order)
        if self.stated is not None and may_come_from(*self.stated, cut.erased, self.leaf.order):
            bounds = cut.remaining_bounds(self.leaf.order)
            self._cut_bounds = merged_bounds(self._cut_bounds, bounds, self.leaf.order)

    def note_strangers(self, values: frozenset[bytes]) -> None:
        """Values that no row of the chunk held: a dictionary that was given to the writer did.

        Arrow takes bounds from such a dictionary where all rows are null.
        """
        self._strangers = values

    def meta(self, dictionary_change: int) -> Struct:
        """The chunk's metadata; page headers lose bounds that it no longer states."""
        meta = Struct(dict(self.chunk.meta.fields))
        if self.erased.entries:
            self._revise_statistics(meta)
            self._stale |= self._gone_but_stated()
        if self._strangers:
            self._drop_strangers(meta)
        if self._stale:
            self._drop_from_page_headers()
        if self.erased.entries:
            self._revise_counts(meta)
        change = self.pages.uncompressed_change + dictionary_change
        before = meta.integer(MetaField.TOTAL_UNCOMPRESSED)
        meta.set_int(MetaField.TOTAL_UNCOMPRESSED, max(0, before + change))
        values = meta.integer(MetaField.NUM_VALUES) - self.erased.entries
        meta.set_int(MetaField.NUM_VALUES, values)
        return meta

    def _revise_statistics(self, meta: Struct) -> None:
        statistics = meta.struct(MetaField.STATISTICS)
        if statistics is None:
            return
        revised = Struct(dict(statistics.fields))
        revise_statistics(
            revised,
            self.erased,
            self.leaf.order,
            self._remaining_bounds,
            nulls_are_certain=self.leaf.max_repetition == 0,
        )
        meta.set(MetaField.STATISTICS, Kind.STRUCT, revised)
        self._stale = frozenset(bounds_named(statistics) - bounds_named(revised))

    def _drop_strangers(self, meta: Struct) -> None:
        self._stale |= self._strangers
        statistics = meta.struct(MetaField.STATISTICS)
        if statistics is None or not any(map(self._names_a_stranger, bounds_named(statistics))):
            return
        self._stale |= bounds_named(statistics)
        revised = Struct(dict(statistics.fields))
        drop_bounds(revised)
        meta.set(MetaField.STATISTICS, Kind.STRUCT, revised)

    def _names_a_stranger(self, bound: bytes) -> bool:
        """Whether a bound is one of their values, or may be the beginning of one."""
        if bound in self._strangers:
            return True
        cut_short = bound[:-CHARACTER_BYTES]  # the last character may have been raised
        return bool(cut_short) and any(one.startswith(cut_short) for one in self._strangers)

    def _gone_but_stated(self) -> set[bytes]:
        """Extremes that a page lost and that some page still states, not for a row of its own.

        Bounds may be of more than their page. That the page which lost a value still holds it tells
        that it names nobody; whether another does is learned when that one's bounds are.
        """
        stated: set[bytes] = set()
        index = self.chunk.column_index
        for number in self.pages.remaining():
            named = set(self.pages.pages[number].named or ())
            named.update((index is not None and stated_bounds(index, number)) or ())
            # What a page lost itself, its own bounds no longer state.
            stated.update(one for one in named if number not in self._extremes.get(one, ()))
        return {
            value
            for value in self._extremes.keys() & stated
            if not any(self._holds(number, value) for number in self._extremes[value])
        }

    def _holds(self, number: int, value: bytes) -> bool:
        """Whether a page that was cut still holds a value."""
        cut = self.pages.cuts[number]
        if cut.is_empty or cut.is_all_null:
            return False
        if cut.bounds is not None and value in cut.bounds:
            return True
        distinct = self.pages.values(number).distinct()
        return value in distinct.selected(np.ones(len(distinct), np.bool_))

    def _drop_from_page_headers(self) -> None:
        """Polars states the whole chunk's bounds in the header of every page."""
        seen = [page.named for page in self.pages.pages if page.named is not None]
        may_state = any(seen) or not seen  # who has an index states none in the other headers too
        for number in self.pages.remaining():
            named = self.pages.pages[number].named
            if not may_state or (named is not None and not named & self._stale):
                continue
            loaded = self.pages.header(number)
            statistics = loaded.statistics
            if statistics is not None and bounds_named(statistics) & self._stale:
                drop_bounds(statistics)
                self.pages.put_header(number, loaded)

    def _revise_counts(self, meta: Struct) -> None:
        meta.drop(MetaField.GEOSPATIAL)
        sizes = meta.struct(MetaField.SIZE_STATISTICS)
        if sizes is not None:
            revised = revised_size_statistics(sizes, self.erased)
            if revised is None:
                meta.drop(MetaField.SIZE_STATISTICS)
            else:
                meta.set(MetaField.SIZE_STATISTICS, Kind.STRUCT, revised)
        counts = meta.items(MetaField.ENCODING_STATS)
        if counts is not None:
            less = _less_pages(counts, self.pages.cuts)
            if less is None:
                meta.drop(MetaField.ENCODING_STATS)
            else:
                meta.set(MetaField.ENCODING_STATS, Kind.LIST, less)

    def _still_held(self) -> Bounds | None:
        """The chunk's stated bounds, if rows that stay in the pages we cut still hold them."""
        stated, known, order = self.stated, self._cut_bounds, self.leaf.order
        if stated is None or known is None:
            return None
        low_touched, high_touched = touched_sides(*stated, self.erased, order)
        low_holds = not low_touched or known[0] == stated[0]
        high_holds = not high_touched or known[1] == stated[1]
        return stated if low_holds and high_holds else None

    def _remaining_bounds(self) -> Bounds | None:
        """Bounds of everything that remains, read from every page unless a cut one tells."""
        held = self._still_held()
        if held is not None:
            return held
        order, bounds = self.leaf.order, self._bounds_of_entries()
        entries_are_known = bounds is not None
        for number in self.pages.remaining():
            cut = self.pages.cuts.get(number)
            if entries_are_known and cut is not None and cut.is_by_dictionary:
                continue
            found = None if cut is None else cut.bounds
            if found is None:
                found = self.pages.values(number).bounds(order)
            bounds = merged_bounds(bounds, found, order)
        return bounds

    def _bounds_of_entries(self) -> Bounds | None:
        """Bounds of the dictionary entries that remaining rows use, if every page was asked."""
        kept = self.use.kept_by_all()
        return (
            None if kept is None else self.chunk.dictionary.filtered(kept).bounds(self.leaf.order)
        )

    def indexes(self) -> tuple[Struct | None, Struct | None]:
        """Column index and offset index; ask for the metadata first."""
        column_index, offset_index = self.chunk.column_index, self.chunk.offset_index
        pages = self.pages
        if offset_index is not None:
            known = all(page.rows != UNKNOWN_ROWS for page in pages.pages)
            offset_index = (
                revised_offset_index(offset_index, pages.cuts, pages.pages, pages.sizes)
                if known
                else None
            )
        if column_index is not None:
            stale = StaleBounds(self._stale, self._page_bounds)
            column_index = (
                revised_column_index(column_index, pages.cuts, len(pages.pages), self.leaf, stale)
                if offset_index is not None
                else None
            )
        return column_index, offset_index

    def _page_bounds(self, number: int) -> Bounds | None:
        return self.pages.values(number).bounds(self.leaf.order)


_STATS_PAGE_TYPE, _STATS_ENCODING, _STATS_COUNT = 1, 2, 3


def _less_pages(counts: Items, cuts: dict[int, CutPage]) -> Items | None:
    """Page encoding counts less the pages that disappeared; None if they do not fit."""
    gone: dict[tuple[int, int], int] = {}
    for cut in cuts.values():
        if cut.is_empty:
            kind = (int(cut.kind), cut.encoding)
            gone[kind] = gone.get(kind, 0) + 1
    less = Items(counts.kind)
    for entry in counts.structs():
        kind = (entry.integer(_STATS_PAGE_TYPE), entry.integer(_STATS_ENCODING))
        left = entry.integer(_STATS_COUNT) - gone.pop(kind, 0)
        if left < 0:
            return None
        if left:
            revised = Struct(dict(entry.fields))
            revised.set_int(_STATS_COUNT, left, Kind.I32)
            less.append(revised)
    return None if gone else less
