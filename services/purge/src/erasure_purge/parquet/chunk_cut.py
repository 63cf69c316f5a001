"""Cutting rows out of one column chunk: its pages, its dictionary, and what is said about them.

Pages without an erased row are not even read, unless the dictionary asks whether they still use an
entry that the erased rows used.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .chunk_facts import ChunkFacts
from .cut import PageValues, cut_page
from .dictionary import blanked_dictionary
from .encodings import ByteColumn
from .entry_use import EntryUse
from .errors import FooterNotPreserved
from .footer import KNOWN_META_FIELDS, MetaField
from .levels import Bools
from .new_pages import NewPages
from .pages import ColumnChunk
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
    surgery = _ChunkSurgery(chunk, dead_entries)
    surgery.blank_unused = blank_unused
    surgery.collect_texts = collect_texts
    return surgery.operate(RowStarts(chunk, erased_rows))


class _ChunkSurgery:
    """The state of cutting one chunk."""

    def __init__(self, chunk: ColumnChunk, dead_entries: Bools | None) -> None:
        self.chunk = chunk
        self.dead_entries = dead_entries
        self.blank_unused = False
        self.collect_texts = False
        self.pages = NewPages(chunk)
        self.facts = ChunkFacts(self.pages)
        self.use = EntryUse(self.pages)
        self.texts: set[bytes] = set()

    def operate(self, rows: RowStarts) -> ChunkCut:
        for number in rows.touched():
            self._cut(number, rows)
        blanked = self._blank_dictionary()
        meta = self.facts.meta(blanked[1] if blanked else 0)
        segments: list[Segment] = [blanked[0]] if blanked else []
        dictionary = self.chunk.dictionary_page
        if dictionary is not None and not blanked:
            segments.append(Copy(dictionary.offset, dictionary.size))
        dictionary_bytes = segments[0].length if segments else 0
        segments += self.pages.segments()
        meta.set_int(MetaField.TOTAL_COMPRESSED, sum(segment.length for segment in segments))
        column_index, offset_index = self.facts.indexes()
        return ChunkCut(
            segments=segments,
            meta=meta,
            dictionary_bytes=dictionary_bytes,
            column_index=column_index,
            offset_index=offset_index,
            keeps_bloom=not self.facts.erased.entries and not blanked,
            pages=len(self.pages.pages),
            pages_cut=len(self.pages.cuts),
            entries_blanked=blanked[2] if blanked else 0,
            erased_texts=self.texts,
        )

    def _cut(self, number: int, rows: RowStarts) -> None:
        loaded = self.chunk.load(self.pages.pages[number])
        content = self.chunk.content(loaded)
        cut = cut_page(self.chunk, loaded, content, rows.kept(number, loaded, content))
        self.pages.put(number, cut)
        if cut.gone is not None and cut.remaining is not None:
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
        """Entries that erased rows used and no remaining row uses."""
        if self.blank_unused and self.chunk.dictionary_page is not None:
            return self.use.unused()
        return self.use.dead() if self.dead_entries is None else self.dead_entries
