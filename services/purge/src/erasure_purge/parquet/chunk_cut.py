"""Cutting rows out of one column chunk: its pages, its dictionary, and what is said about them.

Pages without an erased row are not even read, unless the dictionary asks whether they still use an
entry that the erased rows used.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from .bloom_rebuilt import RebuiltBloom
from .chunk_facts import ChunkFacts
from .cut import PageValues, cut_page
from .dictionary import blanked_dictionary, compacted_dictionary, pays_to_compact
from .encodings import ByteColumn, Column
from .entry_use import EntryUse
from .errors import FooterNotPreserved
from .footer import KNOWN_META_FIELDS, MetaField
from .levels import Bools
from .new_pages import NewPages
from .page import Content, LoadedPage
from .page_rows import prove_rows
from .pages import ColumnChunk
from .renumbering import Renumbering
from .row_starts import RowStarts
from .segments import Copy, Put, Segment
from .thrift_compact import Struct


@dataclass
class ChunkCut:
    """A chunk after the cut, at a place yet unknown: offsets count from its first byte."""

    segments: list[Segment]
    meta: Struct
    dictionary_bytes: int
    column_index: Struct | None
    offset_index: Struct | None
    keeps_bloom: bool
    bloom: bytes | None
    pages: int
    pages_cut: int
    entries_blanked: int
    entries_removed: int = 0
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
    lost: pa.Array | None = None,
    collect_texts: bool = False,
) -> ChunkCut:
    """The chunk without the rows of the mask (one flag per row of the row group).

    `dead_entries`: dictionary entries that surely no remaining row uses; None: find out.
    `blank_unused`: blank every entry that no remaining row uses, whoever's it was.
    `lost`: values that such an entry may have of those whom the file loses, here or elsewhere.
    """
    if set(chunk.meta) - KNOWN_META_FIELDS:
        raise FooterNotPreserved("a column has metadata from the future")
    if erased_rows.any():
        prove_rows(chunk, int(np.flatnonzero(erased_rows)[-1]))
    surgery = _ChunkSurgery(chunk, dead_entries)
    surgery.blank_unused = blank_unused
    surgery.lost = lost
    surgery.collect_texts = collect_texts
    return surgery.operate(RowStarts(chunk, erased_rows))


@dataclass(frozen=True)
class _Settled:
    """The dictionary page, if any; the entries that live, unless all do; and what changed."""

    segments: list[Segment]
    living: Column | None = None
    uncompressed_change: int = 0
    entries: int = 0
    is_compacted: bool = False
    strangers: frozenset[bytes] = frozenset()  # dead, and of no erased row of this chunk


class _ChunkSurgery:
    """The state of cutting one chunk."""

    def __init__(self, chunk: ColumnChunk, dead_entries: Bools | None) -> None:
        self.chunk = chunk
        self.dead_entries = dead_entries
        self.blank_unused = False
        self.lost: pa.Array | None = None
        self.collect_texts = False
        self.pages = NewPages(chunk)
        self.use = EntryUse(self.pages)
        self.facts = ChunkFacts(self.pages, self.use)
        self.texts: set[bytes] = set()

    def operate(self, rows: RowStarts) -> ChunkCut:
        touched = list(rows.touched())
        self.bloom = RebuiltBloom(self.chunk, touched)
        for number in touched:
            loaded = self.chunk.load(self.pages.pages[number])
            content = self.chunk.content(loaded)
            self._cut(number, loaded, content, rows.kept(number, loaded, content))
        settled = self._settle_dictionary()
        self.facts.note_strangers(settled.strangers)
        meta = self.facts.meta(settled.uncompressed_change)
        segments = [*settled.segments, *self.pages.segments()]
        meta.set_int(MetaField.TOTAL_COMPRESSED, sum(segment.length for segment in segments))
        column_index, offset_index = self.facts.indexes()
        keeps_bloom = not self.facts.erased.entries and not settled.entries
        return ChunkCut(
            segments=segments,
            meta=meta,
            dictionary_bytes=sum(segment.length for segment in settled.segments),
            column_index=column_index,
            offset_index=offset_index,
            keeps_bloom=keeps_bloom,
            bloom=None if keeps_bloom else self.bloom.finished(settled.living),
            pages=len(self.pages.pages),
            pages_cut=len(self.pages.cuts),
            entries_blanked=0 if settled.is_compacted else settled.entries,
            entries_removed=settled.entries if settled.is_compacted else 0,
            erased_texts=self.texts,
        )

    def _cut(self, number: int, loaded: LoadedPage, content: Content, keep: Bools) -> None:
        cut = cut_page(self.chunk, loaded, content, keep)
        self.pages.put(number, cut)
        if cut.gone is not None and cut.remaining is not None:
            self.bloom.note(cut.remaining)
            self.use.note(cut.gone, cut.remaining)
            self._note_texts(cut.gone)
        self.facts.note(number, cut)
        cut.release()

    def _note_texts(self, gone: PageValues) -> None:
        if not self.collect_texts or not isinstance(gone.column, ByteColumn):
            return
        if gone.indices is None:
            self.texts.update(gone.column.all())
        else:
            where = np.zeros(len(gone.column), np.bool_)
            where[gone.indices] = True
            self.texts.update(gone.column.selected(where))

    def _settle_dictionary(self) -> _Settled:
        """Rid the dictionary of dead entries, then write the pages that were cut."""
        dead, page = self._dead_entries(), self.chunk.dictionary_page
        if page is None or dead is None or not dead.any():
            self.pages.write()
            return _Settled([Copy(page.offset, page.size)] if page is not None else [])
        count = int(np.count_nonzero(dead))
        strange = dead if self.use.erased is None else dead & ~self.use.erased
        strangers = frozenset(self.chunk.dictionary.selected(strange))
        loaded = self.chunk.load(page)
        by = Renumbering.without(self.chunk.dictionary, dead)
        uncut = list(self.pages.uncut_by_dictionary())
        uncut_bytes = sum(self.pages.pages[number].size for number in uncut)
        if not pays_to_compact(loaded, by, uncut_bytes):
            self.pages.write()
            data, change = blanked_dictionary(self.chunk, loaded, dead)
            return _Settled([Put(data)], by.column, change, count, strangers=strangers)
        for number in uncut:
            self._take_up(number)
        self.pages.write(by)
        data, change = compacted_dictionary(self.chunk, loaded, by)
        return _Settled(
            [Put(data)], by.column, change, count, is_compacted=True, strangers=strangers
        )

    def _take_up(self, number: int) -> None:
        """Cut nothing from a page, so that its indices are renumbered."""
        loaded = self.chunk.load(self.pages.pages[number])
        if loaded.num_values:
            content = self.chunk.content(loaded)
            self._cut(number, loaded, content, np.ones(loaded.num_values, np.bool_))

    def _dead_entries(self) -> Bools | None:
        """Entries with values of erased rows that no remaining row uses."""
        if self.blank_unused and self.chunk.dictionary_page is not None:
            return self.use.unused()
        return self.use.dead(self.lost) if self.dead_entries is None else self.dead_entries
