"""Row groups and what belongs to them, written one after the other into the new file.

A chunk is copied, cut inside its pages, or, where its pages are of an unknown kind, written anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from .bloom import bloom_range, folded
from .by_arrow import may_have_unused_entries
from .chunk_cut import ChunkCut, cut_chunk
from .compression import Packer
from .errors import UNLEARNED, MalformedParquet, UnsupportedParquet
from .every_entry import names_one, uses_every_entry
from .footer import (
    ChunkField,
    Footer,
    GroupField,
    Leaf,
    MetaField,
    chunk_meta,
    chunk_range,
    group_columns,
)
from .found import GroupFound
from .given_dictionaries import has_dictionary
from .indexes import moved_offset_index
from .levels import Bools
from .lost_values import LostValues
from .metadata import Metadata
from .order import PhysicalType
from .pages import ColumnChunk
from .placement import move_file_offset, moved_meta, place_meta, range_of, revised_group
from .reencode import reencoded_chunk, texts_of
from .report import GroupReport, Unit
from .segments import Copy, Segment, SegmentList, Spool, SpooledPut
from .source import CountingSource
from .thrift_compact import Kind, Struct, decode, encode

ALLOWED_GROWTH = 0.008  # per row: what stays while rows go, and packing faster than the writer did
_HALF = 0.5


@dataclass
class _PlacedChunk:
    """A chunk in the new file, and what must be written after the row groups for it."""

    chunk: Struct
    column_index: bytes | Copy | None = None
    offset_index: Struct | Copy | None = None
    bloom: Segment | None = None


@dataclass
class _GroupTally:
    """What was done to the chunks of one row group."""

    chunks: int
    cuts: list[ChunkCut] = field(default_factory=list)
    reencoded: Counter[str] = field(default_factory=Counter)

    def add(self, cut: ChunkCut, because: str) -> None:
        """Note a chunk that was cut, or written anew because of something."""
        self.cuts.append(cut)
        if because:
            self.reencoded[because] += 1

    def report(self, index: int, rows: int, found: GroupFound) -> GroupReport:
        anew = self.reencoded.total()
        unit = Unit.PAGE if self.cuts else Unit.NONE
        if anew:
            unit = Unit.ROW_GROUP if anew == self.chunks else Unit.COLUMN_CHUNK
        reasons = [found.proof]
        reasons += [f"{n} chunks written anew: {why}" for why, n in self.reencoded.items()]
        return GroupReport(
            index,
            rows,
            len(found.rows),
            unit,
            "; ".join(reasons),
            pages=sum(cut.pages for cut in self.cuts) if len(found.rows) else 0,
            pages_cut=sum(cut.pages_cut for cut in self.cuts),
            dictionary_entries_blanked=sum(cut.entries_blanked for cut in self.cuts),
            dictionary_entries_removed=sum(cut.entries_removed for cut in self.cuts),
            chunks_reencoded=anew,
        )


class Placer:
    """The new file's row groups, in order; then their bloom filters and indexes."""

    def __init__(
        self,
        source: CountingSource,
        footer: Footer,
        window_bytes: int,
        before_each_step: Callable[[], None],
    ) -> None:
        self.source = source
        self.footer = footer
        self.window_bytes = window_bytes
        self.before_each_step = before_each_step
        self.metadata = Metadata.of(footer)
        self.packer = Packer()
        self.wanted: Mapping[int, Container[bytes]] = {}  # ids as columns store them, by column
        self.out = SegmentList()
        self.reports: list[GroupReport] = []
        self.texts: set[bytes] = set()
        self.indexes_dropped = 0
        self.blooms_dropped = self.blooms_rebuilt = 0
        self._new_blooms: Spool | None = None
        self._placed: list[_PlacedChunk] = []
        self._allowance_bytes = 0.0

    def expect_rows(self, remaining: int) -> None:
        """Allow the file to grow only in proportion to the rows that remain."""
        share = remaining / max(1, self.footer.num_rows)
        self._allowance_bytes = ALLOWED_GROWTH * self.source.size_bytes * share
        self.packer.allow(self._allowance_bytes)

    def _allow(self, allowance_bytes: float) -> None:
        """Set right what the packer guessed page by page, without dictionaries that stay."""
        self._allowance_bytes = self.packer.allowance_bytes = allowance_bytes

    def open(self, chunk: Struct, leaf: Leaf, rows: int) -> ColumnChunk:
        """A column chunk of the old file."""
        opened = ColumnChunk(self.source, chunk, leaf, rows, self.window_bytes, self.packer)
        opened.wanted = self.wanted.get(leaf.index, ())
        return opened

    def place(
        self,
        index: int,
        group: Struct,
        found: GroupFound,
        shared: Collection[int],
        lost: LostValues,
    ) -> Struct | None:
        """Write a row group's chunks; its new metadata, or None if it disappears.

        `shared`: columns whose dictionary may still name what other row groups lose; `lost`: the
        values that one may name which was given to the writer.
        """
        rows, erased = group.integer(GroupField.NUM_ROWS), len(found.rows)
        if erased == rows and rows:
            reason = "every row is erased"
            self.reports.append(GroupReport(index, rows, erased, Unit.REMOVED, reason))
            self._collect_texts_of_removed(group)
            return None
        if erased or found.is_stale_in_dictionary:
            return self._cut_group(index, group, found, shared, lost)
        return self._copy_group(index, group, found, shared, lost)

    def _collect_texts_of_removed(self, group: Struct) -> None:
        """A removed group is read only if the file's metadata might quote it."""
        if not self.metadata.has_free_text:
            return
        rows = group.integer(GroupField.NUM_ROWS)
        for chunk, leaf in zip(group_columns(group), self.footer.leaves, strict=True):
            if leaf.physical is PhysicalType.BYTE_ARRAY:
                opened = self.open(chunk, leaf, rows)
                everything = np.ones(rows, np.bool_)
                try:
                    cut = cut_chunk(opened, everything, collect_texts=True)
                    self.texts |= cut.erased_texts
                except UNLEARNED as refusal:
                    self.texts |= texts_of(opened, refusal)

    def _copy_group(
        self,
        index: int,
        group: Struct,
        found: GroupFound,
        shared: Collection[int],
        lost: LostValues,
    ) -> Struct:
        """A row group without the ids, copied but for dictionaries that still name others' values.

        Arrow writes the whole dictionary of a categorical column into every row group.
        """
        start = self.out.position
        rows = group.integer(GroupField.NUM_ROWS)
        tally = _GroupTally(len(self.footer.leaves))
        placed: list[Struct] = []
        for chunk, leaf in zip(group_columns(group), self.footer.leaves, strict=True):
            may_name = leaf.index in shared or leaf.index in lost or not rows
            if may_name and has_dictionary(chunk_meta(chunk, leaf)):
                self.before_each_step()
                opened = self.open(chunk, leaf, rows)
                by_value = rows and leaf.index not in shared
                cut, because = self._without_unused(opened, lost[leaf.index] if by_value else None)
                if cut is not None:
                    tally.add(cut, because)
                    placed.append(self._place_cut(opened, cut))
                    continue
            placed.append(self._copy_chunk(chunk, leaf))
        self.reports.append(tally.report(index, rows, found))
        return revised_group(group, placed, start)

    def _cut_group(
        self,
        index: int,
        group: Struct,
        found: GroupFound,
        shared: Collection[int],
        lost: LostValues,
    ) -> Struct:
        start = self.out.position
        rows = group.integer(GroupField.NUM_ROWS)
        mask = np.zeros(rows, np.bool_)
        mask[found.rows] = True
        tally = _GroupTally(len(self.footer.leaves))
        placed: list[Struct] = []
        for chunk, leaf in zip(group_columns(group), self.footer.leaves, strict=True):
            self.before_each_step()
            if not len(found.rows) and leaf.index not in found.stale:
                placed.append(self._copy_chunk(chunk, leaf))
                continue
            opened = self.open(chunk, leaf, rows)
            cut, because = self._cut(
                opened,
                mask,
                dead_entries=found.dead.get(leaf.index),
                blank_unused=leaf.index in shared,
                lost=lost.get(leaf.index),
            )
            tally.add(cut, because)
            self.texts |= cut.erased_texts
            placed.append(self._place_cut(opened, cut, (rows - len(found.rows)) / rows))
        self.reports.append(tally.report(index, rows, found))
        revised = revised_group(group, placed, start)
        revised.set_int(GroupField.NUM_ROWS, rows - len(found.rows))
        return revised

    def _without_unused(
        self, chunk: ColumnChunk, lost: pa.Array | None
    ) -> tuple[ChunkCut | None, str]:
        """The chunk without dictionary entries that no row uses; None if it has none such.

        `lost`: only these values are of interest, if any.
        """
        nobody = np.zeros(chunk.rows, np.bool_)
        try:
            if uses_every_entry(chunk) if lost is None else not names_one(chunk, lost):
                return None, ""
            cut = cut_chunk(chunk, nobody, blank_unused=lost is None, lost=lost)
        except UNLEARNED as refusal:
            if not may_have_unused_entries(chunk, refusal):
                return None, ""
            return self._written_anew(chunk, nobody, refusal), str(refusal)
        return cut if cut.entries_blanked or cut.entries_removed else None, ""

    def _cut(
        self,
        chunk: ColumnChunk,
        mask: Bools,
        *,
        dead_entries: Bools | None,
        blank_unused: bool,
        lost: pa.Array | None,
    ) -> tuple[ChunkCut, str]:
        """The chunk cut inside its pages; or written anew, with the reason why."""
        try:
            cut = cut_chunk(
                chunk,
                mask,
                dead_entries=dead_entries,
                blank_unused=blank_unused,
                lost=lost,
                collect_texts=self.metadata.has_free_text,
            )
        except UNLEARNED as refusal:
            return self._written_anew(chunk, mask, refusal), str(refusal)
        return cut, ""

    def _written_anew(
        self, chunk: ColumnChunk, mask: Bools, refusal: UnsupportedParquet
    ) -> ChunkCut:
        return reencoded_chunk(chunk, mask, refusal, collect_texts=self.metadata.has_free_text)

    # Chunks -----------------------------------------------------------------------------------

    def _copy_chunk(self, chunk: Struct, leaf: Leaf) -> Struct:
        meta = chunk_meta(chunk, leaf)
        if chunk.get(ChunkField.FILE_PATH):
            raise MalformedParquet("external chunk")
        start, end = chunk_range(meta)
        if end > self.footer.offset:
            raise MalformedParquet("a column chunk reaches into the footer")
        at = self.out.position
        self.out.copy(start, end - start)
        new = Struct(dict(chunk.fields))
        new.set(ChunkField.META, Kind.STRUCT, moved_meta(meta, at - start))
        move_file_offset(new, start, end, at)
        placed = _PlacedChunk(new)
        column_index = range_of(chunk, ChunkField.COLUMN_INDEX_OFFSET)
        offset_index = range_of(chunk, ChunkField.OFFSET_INDEX_OFFSET)
        placed.column_index = column_index
        if offset_index is not None and at == start:
            placed.offset_index = offset_index
        elif offset_index is not None:
            raw = self.source.read(offset_index.offset, offset_index.length)
            placed.offset_index = moved_offset_index(decode(raw)[0], at - start)
        bloom = bloom_range(self.source, meta)
        placed.bloom = Copy(*bloom) if bloom is not None else None
        self._placed.append(placed)
        return new

    def _place_cut(self, chunk: ColumnChunk, cut: ChunkCut, share: float = 1.0) -> Struct:
        """Write what remains of a chunk; `share`: of its rows, how many remain."""
        at = self.out.position
        self.out.extend(cut.segments)
        meta = cut.meta
        first_data = at + cut.dictionary_bytes
        place_meta(meta, at, first_data)
        new = Struct(dict(chunk.chunk.fields))
        new.set(ChunkField.META, Kind.STRUCT, meta)
        move_file_offset(new, chunk.start, chunk.end, at)
        placed = _PlacedChunk(new)
        if cut.column_index is not None:
            placed.column_index = encode(cut.column_index)
        if cut.offset_index is not None:
            placed.offset_index = moved_offset_index(cut.offset_index, first_data)
        had_index = range_of(chunk.chunk, ChunkField.COLUMN_INDEX_OFFSET) is not None
        self.indexes_dropped += had_index - (cut.column_index is not None)
        bloom = bloom_range(self.source, chunk.meta)
        if bloom is not None and cut.keeps_bloom:
            placed.bloom = Copy(*bloom)
        elif bloom is not None and cut.bloom is not None:
            self._new_blooms = self._new_blooms or Spool()
            placed.bloom = self._new_blooms.add(self._fitted(chunk, cut.bloom, share))
        self.blooms_rebuilt += isinstance(placed.bloom, SpooledPut)
        self.blooms_dropped += bloom is not None and placed.bloom is None
        old_bytes, new_bytes = chunk.end - chunk.start, cut.size
        if bloom is not None and placed.bloom is not None:
            old_bytes, new_bytes = old_bytes + bloom[1], new_bytes + placed.bloom.length
        self._allow(self._allowance_bytes + old_bytes * share - new_bytes)
        self._placed.append(placed)
        return new

    def _fitted(self, chunk: ColumnChunk, bloom: bytes, share: float) -> bytes:
        """The filter, smaller if so many rows went that half of it may do."""
        return folded(self.source, chunk.meta, bloom) if share <= _HALF else bloom

    # After the row groups ---------------------------------------------------------------------

    def place_after_groups(self) -> None:
        """Write the bloom filters, then the indexes, and say where they are."""
        for placed in self._placed:
            meta = placed.chunk.struct(ChunkField.META)
            if meta is not None:
                self._place_bloom(meta, placed.bloom)
        for placed in self._placed:
            index = placed.column_index
            self._place_index(placed.chunk, ChunkField.COLUMN_INDEX_OFFSET, index)
        for placed in self._placed:
            offsets = placed.offset_index
            raw = encode(offsets) if isinstance(offsets, Struct) else offsets
            self._place_index(placed.chunk, ChunkField.OFFSET_INDEX_OFFSET, raw)

    def _place_bloom(self, meta: Struct, bloom: Segment | None) -> None:
        if bloom is None:
            meta.drop(MetaField.BLOOM_OFFSET, MetaField.BLOOM_LENGTH)
            return
        meta.set_int(MetaField.BLOOM_OFFSET, self.out.position)
        if MetaField.BLOOM_LENGTH in meta:
            meta.set_int(MetaField.BLOOM_LENGTH, bloom.length, Kind.I32)
        self.out.extend([bloom])

    def _place_index(self, chunk: Struct, field_id: int, index: bytes | Copy | None) -> None:
        """The length's field number follows the offset's."""
        if index is None:
            chunk.drop(field_id, field_id + 1)
            return
        chunk.set_int(field_id, self.out.position, Kind.I64)
        if isinstance(index, Copy):
            chunk.set_int(field_id + 1, index.length, Kind.I32)
            self.out.copy(index.offset, index.length)
        else:
            chunk.set_int(field_id + 1, len(index), Kind.I32)
            self.out.put(index)
