"""From a file and some ids to the segments of the file without them. Pure: reads, never writes.

footer ─► find, per row group ─► cut | re-encode | keep | drop ─► indexes ─► footer
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from .bloom import bloom_range
from .chunk_cut import ChunkCut, cut_chunk
from .compression import Packer
from .errors import ErasedValueInMetadata, MalformedParquet, UnsupportedParquet
from .find import Found, Wanted, find_rows
from .footer import (
    MAGIC,
    ChunkField,
    FileField,
    Footer,
    GroupField,
    Leaf,
    MetaField,
    chunk_meta,
    chunk_range,
    footer_bytes,
    group_columns,
    read_footer,
)
from .ids import Id, id_leaf, stored_ids
from .indexes import moved_offset_index
from .metadata import MIN_SECRET_BYTES, has_free_metadata, id_texts, stands_in_metadata
from .order import PhysicalType
from .pages import ColumnChunk
from .placement import (
    move_file_offset,
    moved_meta,
    place_meta,
    range_of,
    revised_group,
    shared_dictionaries,
)
from .report import ErasurePlan, ErasureReport, GroupReport, Unit
from .segments import Copy, SegmentList
from .source import CountingSource, Source
from .thrift_compact import Items, Kind, Struct, decode, encode

WINDOW_BYTES = 8 * 1024

ALLOWED_GROWTH = 0.008  # of the file, for packing it faster than its writer did


def plan_erasure(
    source: Source,
    id_column: str,
    ids: Collection[Id],
    *,
    trust_statistics: bool = True,
    window_bytes: int = WINDOW_BYTES,
    before_each_step: Callable[[], None] = lambda: None,
) -> ErasurePlan:
    """Plan a file without the rows whose id column holds one of the ids.

    Ids are text (converted by the column's type) or typed; one that cannot be a value of the column
    matches nothing. Planning again what was applied plans no change. `before_each_step` may raise
    to stop the work, for instance because time runs out.

    Raises:
        UnsupportedParquet: nothing is erased; the class says why.
    """
    counted = CountingSource(source)
    try:
        planner = _Planner(counted, id_column, ids, window_bytes, before_each_step)
        return planner.plan(trust_statistics=trust_statistics)
    except UnsupportedParquet:
        raise
    except (
        ArithmeticError,
        LookupError,
        MemoryError,
        RecursionError,
        TypeError,
        ValueError,
        struct.error,
        pa.ArrowException,
    ) as error:
        # Only bytes that contradict the format lead here; their message might quote the data.
        raise MalformedParquet(type(error).__name__) from None


@dataclass
class _PlacedChunk:
    """A chunk in the new file, and what must be written after the row groups for it."""

    chunk: Struct
    column_index: bytes | Copy | None = None
    offset_index: Struct | Copy | None = None
    bloom: Copy | None = None


@dataclass
class _Tally:
    indexes_dropped: int = 0
    blooms_dropped: int = 0
    groups: list[GroupReport] = field(default_factory=list)
    texts: set[bytes] = field(default_factory=set)
    rows_by_id: Counter[Id] = field(default_factory=Counter)


class _Planner:
    def __init__(
        self,
        source: CountingSource,
        id_column: str,
        ids: Collection[Id],
        window_bytes: int,
        before_each_step: Callable[[], None],
    ) -> None:
        self.source = source
        self.footer: Footer = read_footer(source)
        self.leaf: Leaf = id_leaf(self.footer, id_column)
        self.id_of = stored_ids(self.leaf, ids)
        self.wanted = Wanted(self.leaf, self.id_of)
        self.before_each_step = before_each_step
        self.ids = ids
        self.has_free_metadata = has_free_metadata(self.footer)
        self.window_bytes = window_bytes
        self.packer = Packer(ALLOWED_GROWTH * source.size_bytes)
        self.out = SegmentList()
        self.placed: list[_PlacedChunk] = []
        self.tally = _Tally()
        self.shared: set[tuple[int, int]] = set()

    def plan(self, *, trust_statistics: bool) -> ErasurePlan:
        groups = self.footer.row_groups
        found = [self._find(group, trust_statistics=trust_statistics) for group in groups]
        erased = sum(len(one.rows) for one in found)
        if erased == 0 and not any(one.is_stale_in_dictionary for one in found):
            return self._unchanged(found)
        self.shared = shared_dictionaries(groups, found)
        self.out.put(MAGIC)
        kept: list[Struct] = []
        for index, (group, one) in enumerate(zip(groups, found, strict=True)):
            placed = self._place_group(index, group, one)
            if placed is not None:
                placed.drop(*([GroupField.ORDINAL] if len(kept) > _MAX_ORDINAL else []))
                if GroupField.ORDINAL in placed:
                    placed.set_int(GroupField.ORDINAL, len(kept), Kind.I16)
                kept.append(placed)
        self._place_after_groups()
        self._check_metadata()
        document = Struct(dict(self.footer.document.fields))
        old = document.items(FileField.ROW_GROUPS)
        kind = Kind.STRUCT if old is None else old.kind
        document.set(FileField.ROW_GROUPS, Kind.LIST, Items(kind, kept))
        document.set_int(FileField.NUM_ROWS, self.footer.num_rows - erased)
        self.out.put(footer_bytes(document))
        for one in found:
            for stored, count in one.rows_by_value.items():
                self.tally.rows_by_id[self.id_of[stored]] += count
        return self._finished(erased, changes=True)

    def _unchanged(self, found: list[Found]) -> ErasurePlan:
        for index, (group, one) in enumerate(zip(self.footer.row_groups, found, strict=True)):
            rows = group.integer(GroupField.NUM_ROWS)
            self.tally.groups.append(GroupReport(index, rows, 0, Unit.NONE, one.proof))
        self.out.copy(0, self.source.size_bytes)
        return self._finished(0, changes=False)

    def _finished(self, erased: int, *, changes: bool) -> ErasurePlan:
        segments = self.out.finished()
        copied = sum(segment.length for segment in segments if isinstance(segment, Copy))
        report = ErasureReport(
            groups=self.tally.groups,
            bytes_copied=copied,
            bytes_new=self.out.position - copied,
            bytes_read=self.source.read_bytes,
            reads=self.source.reads,
            indexes_dropped=self.tally.indexes_dropped,
            bloom_filters_dropped=self.tally.blooms_dropped,
        )
        rows_by_id = dict(self.tally.rows_by_id)
        return ErasurePlan(segments, self.footer.num_rows, erased, changes, report, rows_by_id)

    # Row groups -------------------------------------------------------------------------------

    def _find(self, group: Struct, *, trust_statistics: bool) -> Found:
        self.before_each_step()
        rows = group.integer(GroupField.NUM_ROWS)
        if rows == 0:
            return Found(np.zeros(0, np.int64), "the row group is empty")
        columns = group_columns(group)
        column = columns[self.leaf.index]
        chunk = ColumnChunk(self.source, column, self.leaf, rows, self.window_bytes)
        return find_rows(chunk, self.wanted, trust_statistics=trust_statistics)

    def _place_group(self, index: int, group: Struct, found: Found) -> Struct | None:
        """Write a row group's chunks; its new metadata, or None if it disappears."""
        rows, erased = group.integer(GroupField.NUM_ROWS), len(found.rows)
        if erased == rows and rows:
            self._report(index, rows, erased, Unit.REMOVED, "every row is erased")
            self._collect_texts_of_removed(group)
            return None
        if erased or found.is_stale_in_dictionary:
            return self._cut_group(index, group, found)
        shared = [column for number, column in self.shared if number == index]
        return self._copy_group(index, group, found, shared)

    def _report(self, index: int, rows: int, erased: int, unit: Unit, reason: str) -> None:
        self.tally.groups.append(GroupReport(index, rows, erased, unit, reason))

    def _collect_texts_of_removed(self, group: Struct) -> None:
        """A removed group is read only if the file's metadata might quote it."""
        if not self.has_free_metadata:
            return
        rows = group.integer(GroupField.NUM_ROWS)
        for chunk, leaf in zip(group_columns(group), self.footer.leaves, strict=True):
            if leaf.physical is PhysicalType.BYTE_ARRAY:
                opened = self._open(chunk, leaf, rows)
                everything = np.ones(rows, np.bool_)
                self.tally.texts |= cut_chunk(opened, everything, collect_texts=True).erased_texts

    def _copy_group(
        self, index: int, group: Struct, found: Found, shared: Collection[int]
    ) -> Struct:
        """A row group without the ids, copied but for dictionaries that still name others' values.

        Arrow writes the whole dictionary of a categorical column into every row group.
        """
        start = self.out.position
        rows = group.integer(GroupField.NUM_ROWS)
        placed: list[Struct] = []
        blanked = 0
        for chunk, leaf in zip(group_columns(group), self.footer.leaves, strict=True):
            if leaf.index in shared:
                self.before_each_step()
                opened = self._open(chunk, leaf, rows)
                cut = cut_chunk(opened, np.zeros(rows, np.bool_), blank_unused=True)
                if cut.entries_blanked:
                    blanked += cut.entries_blanked
                    placed.append(self._place_cut(opened, cut))
                    continue
            placed.append(self._copy_chunk(chunk, leaf))
        unit = Unit.PAGE if blanked else Unit.NONE
        self.tally.groups.append(
            GroupReport(index, rows, 0, unit, found.proof, dictionary_entries_blanked=blanked)
        )
        return revised_group(group, placed, start)

    def _open(self, chunk: Struct, leaf: Leaf, rows: int) -> ColumnChunk:
        return ColumnChunk(self.source, chunk, leaf, rows, self.window_bytes, self.packer)

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
        self.placed.append(placed)
        return new

    def _cut_group(self, index: int, group: Struct, found: Found) -> Struct:
        start = self.out.position
        rows = group.integer(GroupField.NUM_ROWS)
        mask = np.zeros(rows, np.bool_)
        mask[found.rows] = True
        cuts: list[ChunkCut] = []
        placed: list[Struct] = []
        for chunk, leaf in zip(group_columns(group), self.footer.leaves, strict=True):
            self.before_each_step()
            is_id = leaf.index == self.leaf.index
            if not len(found.rows) and not is_id:
                placed.append(self._copy_chunk(chunk, leaf))
                continue
            opened = self._open(chunk, leaf, rows)
            cut = cut_chunk(
                opened,
                mask,
                dead_entries=found.dictionary_hits if is_id else None,
                blank_unused=(index, leaf.index) in self.shared,
                collect_texts=self.has_free_metadata,
            )
            cuts.append(cut)
            self.tally.texts |= cut.erased_texts
            placed.append(self._place_cut(opened, cut))
        self.tally.groups.append(
            GroupReport(
                index,
                rows,
                len(found.rows),
                Unit.PAGE,
                found.proof,
                pages=sum(cut.pages for cut in cuts),
                pages_cut=sum(cut.pages_cut for cut in cuts),
                dictionary_entries_blanked=sum(cut.entries_blanked for cut in cuts),
            )
        )
        revised = revised_group(group, placed, start)
        revised.set_int(GroupField.NUM_ROWS, rows - len(found.rows))
        return revised

    def _place_cut(self, chunk: ColumnChunk, cut: ChunkCut) -> Struct:
        at = self.out.position
        self.out.extend(cut.segments)
        meta = cut.meta
        first_data = at + cut.dictionary_bytes
        place_meta(meta, chunk.meta, at, first_data)
        new = Struct(dict(chunk.chunk.fields))
        new.set(ChunkField.META, Kind.STRUCT, meta)
        move_file_offset(new, chunk.start, chunk.end, at)
        placed = _PlacedChunk(new)
        if cut.column_index is not None:
            placed.column_index = encode(cut.column_index)
        if cut.offset_index is not None:
            placed.offset_index = moved_offset_index(cut.offset_index, first_data)
        self.tally.indexes_dropped += (chunk.column_index is not None) - (
            cut.column_index is not None
        )
        bloom = bloom_range(self.source, chunk.meta)
        if bloom is not None and cut.keeps_bloom:
            placed.bloom = Copy(*bloom)
        self.tally.blooms_dropped += bloom is not None and not cut.keeps_bloom
        self.placed.append(placed)
        return new

    # After the row groups ---------------------------------------------------------------------

    def _place_after_groups(self) -> None:
        for placed in self.placed:
            meta = placed.chunk.struct(ChunkField.META)
            if meta is not None:
                self._place_bloom(meta, placed.bloom)
        for placed in self.placed:
            index = placed.column_index
            self._place_index(placed.chunk, ChunkField.COLUMN_INDEX_OFFSET, index)
        for placed in self.placed:
            offsets = placed.offset_index
            raw = encode(offsets) if isinstance(offsets, Struct) else offsets
            self._place_index(placed.chunk, ChunkField.OFFSET_INDEX_OFFSET, raw)

    def _place_bloom(self, meta: Struct, bloom: Copy | None) -> None:
        if bloom is None:
            meta.drop(MetaField.BLOOM_OFFSET, MetaField.BLOOM_LENGTH)
            return
        meta.set_int(MetaField.BLOOM_OFFSET, self.out.position)
        self.out.copy(bloom.offset, bloom.length)

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

    def _check_metadata(self) -> None:
        """Key/value metadata is free text by whoever wrote the file; we cannot edit it safely.

        Raises:
            ErasedValueInMetadata: a wanted id, or another erased text, stands in it.
        """
        names = {name for leaf in self.footer.leaves for name in (*leaf.path, leaf.name.encode())}
        secrets = {text for text in self.tally.texts if len(text) >= MIN_SECRET_BYTES} - names
        if stands_in_metadata(self.footer, secrets | id_texts(self.ids)):
            raise ErasedValueInMetadata


_MAX_ORDINAL = (1 << 15) - 1
