"""Cutting rows out of one column chunk: its pages, its dictionary, and what is said about them.

Pages without an erased row are not even read, unless the dictionary asks whether they still use an
entry that the erased rows used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from .cut import CutPage, PageValues, cut_page, read_values
from .dictionary import blanked_dictionary, of_same_value
from .encodings import DICTIONARY_ENCODINGS, Bounds, ByteColumn
from .errors import FooterNotPreserved, MalformedParquet, UnclearRowBoundaries
from .footer import KNOWN_META_FIELDS, MetaField
from .indexes import StaleBounds, revised_column_index, revised_offset_index, stated_bounds
from .levels import Bools
from .page import UNKNOWN_ROWS, Content, LoadedPage, Page
from .pages import ColumnChunk
from .segments import Copy, Put, Segment
from .statistics import (
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
from .thrift_compact import Items, Kind, Struct, encode


@dataclass
class ChunkCut:
    """A chunk after the cut, at a place yet unknown: offsets count from its first byte."""

    segments: list[Segment]
    meta: Struct
    dictionary_bytes: int
    column_index: Struct | None
    offset_index: Struct | None
    keeps_bloom: bool
    pages: int
    pages_cut: int
    entries_blanked: int
    erased_texts: set[bytes] = field(default_factory=set)

    @property
    def size(self) -> int:
        """Bytes of the new chunk."""
        return sum(segment.length for segment in self.segments)


def cut_chunk(
    chunk: ColumnChunk,
    erased_rows: Bools,
    *,
    dead_entries: Bools | None = None,
    blank_unused: bool = False,
    collect_texts: bool = False,
) -> ChunkCut:
    """The chunk without the rows of the mask (one flag per row of the row group).

    `dead_entries`: dictionary entries that surely no remaining row uses; None: find out.
    `blank_unused`: blank every entry that no remaining row uses, whoever's it was.
    """
    if set(chunk.meta) - KNOWN_META_FIELDS:
        raise FooterNotPreserved("a column has metadata from the future")
    surgery = _ChunkSurgery(chunk, erased_rows, dead_entries)
    surgery.blank_unused = blank_unused
    surgery.collect_texts = collect_texts
    return surgery.operate()


class _ChunkSurgery:
    """The state of cutting one chunk."""

    def __init__(
        self,
        chunk: ColumnChunk,
        erased_rows: Bools,
        dead_entries: Bools | None,
    ) -> None:
        self.chunk = chunk
        self.leaf = chunk.leaf
        self.erased_rows = erased_rows
        self.dead_entries = dead_entries
        self.blank_unused = False
        self.collect_texts = False
        self.pages = chunk.pages()
        self.cuts: dict[int, CutPage] = {}
        self.sizes: dict[int, int] = {}
        self.replaced: dict[int, list[Segment]] = {}
        self.header_change = 0
        statistics = chunk.meta.struct(MetaField.STATISTICS)
        self.stated = None if statistics is None else stated_chunk_bounds(statistics)
        self.cut_bounds: Bounds | None = None
        self.stale: frozenset[bytes] = frozenset()
        self.erased = Erased()
        self.kept_entries: Bools | None = None
        self.erased_entries: Bools | None = None
        self.texts: set[bytes] = set()

    def operate(self) -> ChunkCut:
        for number in self._touched():
            self._cut(number)
        blanked = self._blank_dictionary()
        meta = self._meta(blanked[1] if blanked else 0)
        segments: list[Segment] = [blanked[0]] if blanked else []
        dictionary = self.chunk.dictionary_page
        if dictionary is not None and not blanked:
            segments.append(Copy(dictionary.offset, dictionary.size))
        dictionary_bytes = segments[0].length if segments else 0
        for number, page in enumerate(self.pages):
            segments += self.replaced.get(number, [Copy(page.offset, page.size)])
        meta.set_int(MetaField.TOTAL_COMPRESSED, sum(segment.length for segment in segments))
        column_index, offset_index = self._indexes()
        return ChunkCut(
            segments=segments,
            meta=meta,
            dictionary_bytes=dictionary_bytes,
            column_index=column_index,
            offset_index=offset_index,
            keeps_bloom=not self.erased.entries and not blanked,
            pages=len(self.pages),
            pages_cut=len(self.cuts),
            entries_blanked=blanked[2] if blanked else 0,
            erased_texts=self.texts,
        )

    # Which pages ------------------------------------------------------------------------------

    def _touched(self) -> Iterator[int]:
        """Numbers of the pages that hold entries of erased rows, ascending."""
        if not self.erased_rows.any():
            return
        if any(page.rows == UNKNOWN_ROWS for page in self.pages):
            self._count_rows()
        for number, page in enumerate(self.pages):
            if page.rows == UNKNOWN_ROWS:
                return
            first = page.first_row
            begins = max(0, first - 1) if self._may_continue(page) else first
            # Some readers stop at a void page, so none is left where pages are moved.
            if self.erased_rows[begins : first + page.rows].any() or self.chunk.is_void(page):
                yield number

    def _may_continue(self, page: Page) -> bool:
        """A v1 page of a nested column may begin in the middle of a row."""
        return self.leaf.max_repetition > 0 and page.offset in self._continuing

    _continuing: frozenset[int] = frozenset()

    def _count_rows(self) -> None:
        """Count the rows of nested v1 pages by their levels, up to the last erased row."""
        last = int(np.flatnonzero(self.erased_rows)[-1])
        row = 0
        continuing = set()
        for page in self.pages:
            page.first_row = row
            if row - 1 > last:
                page.rows = UNKNOWN_ROWS
                continue
            content = self.chunk.content(self.chunk.load(page))
            starts = _starts(content)
            page.rows = int(np.count_nonzero(starts))
            if len(starts) and not starts[0]:
                continuing.add(page.offset)
            row += page.rows
        if row > self.chunk.rows or (row - 1 <= last and row != self.chunk.rows):
            raise MalformedParquet("a column chunk's pages do not hold its row group's rows")
        self._continuing = frozenset(continuing)

    # One page ---------------------------------------------------------------------------------

    def _cut(self, number: int) -> None:
        page = self.pages[number]
        loaded = self.chunk.load(page)
        content = self.chunk.content(loaded)
        keep = self._keep(page, loaded, content)
        self._check_next(number, page)
        cut = cut_page(self.chunk, loaded, content, keep)
        self.cuts[number] = cut
        self.sizes[number] = len(cut.data)
        self.replaced[number] = [Put(cut.data)] if cut.data else []
        self.erased.add(cut.erased, self.leaf.order)
        if cut.gone is not None and cut.remaining is not None:
            self._note_entries(cut.gone, cut.remaining)
            self._note_texts(cut.gone)
        self._forget(number, cut)

    def _keep(self, page: Page, loaded: LoadedPage, content: Content) -> Bools:
        """Which entries of the page belong to rows that stay."""
        if self.leaf.max_repetition == 0:
            if loaded.num_values != page.rows:
                raise MalformedParquet("a page does not hold the rows it should")
            return ~self.erased_rows[page.first_row : page.first_row + page.rows]
        starts = _starts(content)
        if len(starts) == 0:
            return starts
        continues = page.offset in self._continuing
        if int(np.count_nonzero(starts)) != page.rows or bool(starts[0]) == continues:
            raise UnclearRowBoundaries("a page does not hold the rows it should")
        rows = np.cumsum(starts) + (page.first_row - 1)
        return np.asarray(~self.erased_rows[rows], np.bool_)

    def _check_next(self, number: int, page: Page) -> None:
        """If the page's last row goes, the next page must not continue it unknown to us."""
        last = page.first_row + page.rows - 1
        if self.leaf.max_repetition == 0 or number + 1 == len(self.pages):
            return
        following = self.pages[number + 1]
        if following.offset in self._continuing or last < 0 or not self.erased_rows[last]:
            return
        starts = _starts(self.chunk.content(self.chunk.load(following)))
        if len(starts) and not starts[0]:
            raise UnclearRowBoundaries("a row is split over pages against the page index")

    def _forget(self, number: int, cut: CutPage) -> None:
        """Compute the bounds that the column index will ask for; let go of the page's values."""
        index = self.chunk.column_index
        if index is not None and not cut.is_all_null:
            stated = stated_bounds(index, number)
            if stated is not None and may_come_from(*stated, cut.erased, self.leaf.order):
                cut.remaining_bounds(self.leaf.order)
        if self.stated is not None and may_come_from(*self.stated, cut.erased, self.leaf.order):
            bounds = cut.remaining_bounds(self.leaf.order)
            self.cut_bounds = merged_bounds(self.cut_bounds, bounds, self.leaf.order)
        cut.release()

    def _note_entries(self, gone: PageValues, remaining: PageValues) -> None:
        """Remember which dictionary entries the erased rows used, and which the others use."""
        if gone.indices is None or remaining.indices is None:
            return
        if self.erased_entries is None or self.kept_entries is None:
            self.erased_entries = np.zeros(len(gone.column), np.bool_)
            self.kept_entries = np.zeros(len(gone.column), np.bool_)
        self.erased_entries[gone.indices] = True
        self.kept_entries[remaining.indices] = True

    def _note_texts(self, gone: PageValues) -> None:
        if not self.collect_texts or not isinstance(gone.column, ByteColumn):
            return
        if gone.indices is None:
            self.texts.update(gone.column.all())
        else:
            where = np.zeros(len(gone.column), np.bool_)
            where[gone.indices] = True
            self.texts.update(gone.column.selected(where))

    # The dictionary ---------------------------------------------------------------------------

    def _blank_dictionary(self) -> tuple[Put, int, int] | None:
        """The dictionary page without dead entries, its change in size unpacked, their number."""
        dead = self._dead_entries()
        page = self.chunk.dictionary_page
        if page is None or dead is None or not dead.any():
            return None
        loaded = self.chunk.load(page)
        data, change = blanked_dictionary(self.chunk, loaded, dead)
        return Put(data), change, int(np.count_nonzero(dead))

    def _dead_entries(self) -> Bools | None:
        """Entries with values of erased rows that no remaining row uses."""
        if self.blank_unused and self.chunk.dictionary_page is not None:
            return self._unused(np.ones(len(self.chunk.dictionary), np.bool_))
        if self.dead_entries is not None:
            return self.dead_entries
        if self.erased_entries is None:
            return None
        return self._unused(of_same_value(self.chunk.dictionary, self.erased_entries))

    def _unused(self, entries: Bools) -> Bools:
        """Those of the entries that no remaining row uses."""
        wanted = entries.copy()
        if self.kept_entries is not None:
            wanted &= ~self.kept_entries
        for number, page in enumerate(self.pages):
            if not wanted.any():
                break
            if number in self.cuts or self.chunk.encoding_of(page) not in DICTIONARY_ENCODINGS:
                continue
            loaded = self.chunk.load(page)
            values = read_values(self.chunk, loaded, self.chunk.content(loaded))
            if values.indices is not None:
                wanted[values.indices] = False
        return wanted

    # What is said about the chunk -------------------------------------------------------------

    def _meta(self, dictionary_change: int) -> Struct:
        meta = Struct(dict(self.chunk.meta.fields))
        if self.erased.entries:
            self._revise_statistics(meta)
            self._revise_counts(meta)
        change = sum(cut.uncompressed_change for cut in self.cuts.values()) + self.header_change
        before = meta.integer(MetaField.TOTAL_UNCOMPRESSED)
        meta.set_int(MetaField.TOTAL_UNCOMPRESSED, max(0, before + change + dictionary_change))
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
        self.stale = frozenset(bounds_named(statistics) - bounds_named(revised))
        if self.stale:
            self._drop_from_page_headers(self.stale)

    def _drop_from_page_headers(self, stale: frozenset[bytes]) -> None:
        """Polars states the whole chunk's bounds in the header of every page."""
        for number, page in enumerate(self.pages):
            cut = self.cuts.get(number)
            if cut is not None and cut.is_empty:
                continue
            loaded = self.chunk.header_of(page) if cut is None else self.chunk.parse(cut.data)
            statistics = loaded.statistics
            if statistics is None:
                if cut is not None:
                    return  # a writer that states none for one page states none for any
                continue
            if not bounds_named(statistics) & stale:
                continue
            drop_bounds(statistics)
            header = encode(loaded.header)
            change = len(header) - loaded.header_bytes
            self.header_change += change
            self.sizes[number] = self.sizes.get(number, page.size) + change
            if cut is None:
                body = Copy(page.offset + loaded.header_bytes, page.size - loaded.header_bytes)
                self.replaced[number] = [Put(header), body]
            else:
                cut.data = header + loaded.body
                self.replaced[number] = [Put(cut.data)]

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
            less = _less_pages(counts, self.cuts)
            if less is None:
                meta.drop(MetaField.ENCODING_STATS)
            else:
                meta.set(MetaField.ENCODING_STATS, Kind.LIST, less)

    def _still_held(self) -> Bounds | None:
        """The chunk's stated bounds, if rows that stay in the pages we cut still hold them."""
        stated, known, order = self.stated, self.cut_bounds, self.leaf.order
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
        bounds: Bounds | None = None
        used: Bools | None = None
        for loaded, content in self._remaining_pages():
            values = read_values(self.chunk, loaded, content)
            if values.indices is not None:
                if used is None:
                    used = np.zeros(len(values.column), np.bool_)
                used[values.indices] = True
                continue
            bounds = merged_bounds(bounds, values.bounds(self.leaf.order), self.leaf.order)
        if used is not None:
            of_entries = self.chunk.dictionary.filtered(used).bounds(self.leaf.order)
            bounds = merged_bounds(bounds, of_entries, self.leaf.order)
        return bounds

    def _remaining_pages(self) -> Iterator[tuple[LoadedPage, Content]]:
        for number in range(len(self.pages)):
            cut = self.cuts.get(number)
            if cut is None or not cut.is_empty:
                yield self._remaining_page(number)

    def _remaining_page(self, number: int) -> tuple[LoadedPage, Content]:
        cut = self.cuts.get(number)
        loaded = self.chunk.load(self.pages[number]) if cut is None else self.chunk.parse(cut.data)
        return loaded, self.chunk.content(loaded)

    def _page_bounds(self, number: int) -> Bounds | None:
        loaded, content = self._remaining_page(number)
        return read_values(self.chunk, loaded, content).bounds(self.leaf.order)

    def _indexes(self) -> tuple[Struct | None, Struct | None]:
        column_index, offset_index = self.chunk.column_index, self.chunk.offset_index
        if offset_index is not None:
            known = all(page.rows != UNKNOWN_ROWS for page in self.pages)
            offset_index = (
                revised_offset_index(offset_index, self.cuts, self.pages, self.sizes)
                if known
                else None
            )
        if column_index is not None:
            column_index = (
                revised_column_index(
                    column_index,
                    self.cuts,
                    len(self.pages),
                    self.leaf,
                    StaleBounds(self.stale, self._page_bounds),
                )
                if offset_index is not None
                else None
            )
        return column_index, offset_index


def _starts(content: Content) -> Bools:
    """Where in a page rows begin."""
    if content.repetition is None:
        return np.ones(content.value_count, np.bool_)
    return np.asarray(content.repetition == 0, np.bool_)


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
