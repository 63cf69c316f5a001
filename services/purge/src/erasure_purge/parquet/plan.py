"""From a file and some ids to the segments of the file without them. Pure: reads, never writes.

footer ─► find, per row group ─► cut | write anew | keep | drop ─► indexes ─► footer
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

import pyarrow as pa

from .compression import keep_freed_buffers
from .errors import ErasedValueInMetadata, only_refusals
from .footer import (
    MAGIC,
    FileField,
    Footer,
    GroupField,
    Leaf,
    chunk_meta,
    chunk_range,
    footer_bytes,
    group_columns,
    read_footer,
)
from .found import NO_ROWS, GroupFound, OpenChunk
from .identity import identity_of
from .ids import IdColumns, IdKey, check_ids
from .lost_values import lost_values
from .near_changes import ranges_near_changes
from .pages import ColumnChunk
from .placement import shared_dictionaries
from .placing import Placer
from .remaining import remaining_texts
from .report import ErasurePlan, ErasureReport, GroupReport, Unit
from .segments import Copy
from .source import CountingSource, Source
from .thrift_compact import Items, Kind, Struct

WINDOW_BYTES = 8 * 1024
_MAX_ORDINAL = (1 << 15) - 1


def plan_erasure(
    source: Source,
    id_column: IdColumns,
    ids: Collection[IdKey],
    *,
    trust_statistics: bool = True,
    window_bytes: int = WINDOW_BYTES,
    before_each_step: Callable[[], None] = lambda: None,
) -> ErasurePlan:
    """Plan a file without the rows whose id column holds one of the ids.

    Ids are text (converted by the column's type) or typed; one that cannot be a value of the column
    matches nothing. Of several id columns an id is a tuple, and a row matches if all parts do.
    Planning again what was applied plans no change. `before_each_step` may raise to stop the work,
    for instance because time runs out.

    Raises:
        UnsupportedParquet: nothing is erased; the class says why.
        ValueError: an id does not have a part for every id column.
    """
    check_ids(id_column, ids)
    keep_freed_buffers()
    with only_refusals():
        planner = _Planner(CountingSource(source), id_column, ids, window_bytes, before_each_step)
        return planner.plan(trust_statistics=trust_statistics)


class _Planner:
    def __init__(
        self,
        source: CountingSource,
        id_columns: IdColumns,
        ids: Collection[IdKey],
        window_bytes: int,
        before_each_step: Callable[[], None],
    ) -> None:
        self.source = source
        self.footer: Footer = read_footer(source)
        self.identity = identity_of(self.footer, id_columns, ids)
        self.before_each_step = before_each_step
        self.placer = Placer(source, self.footer, window_bytes, before_each_step)
        self.placer.wanted = self.identity.stored()
        self.rows_by_id: Counter[IdKey] = Counter()

    def plan(self, *, trust_statistics: bool) -> ErasurePlan:
        groups = self.footer.row_groups
        found = [self._find(group, trust_statistics=trust_statistics) for group in groups]
        pa.default_memory_pool().release_unused()  # finding needed it, cutting does not
        erased = sum(len(one.rows) for one in found)
        if erased == 0 and not any(one.is_stale_in_dictionary for one in found):
            return self._unchanged(found)
        self._announce(groups, found)
        out = self.placer.out
        out.copy(0, len(MAGIC))
        self.placer.expect_rows(self.footer.num_rows - erased)
        kept = self._place_groups(groups, found)
        self.placer.place_after_groups()
        self._check_metadata(found)
        document = Struct(dict(self.footer.document.fields))
        old = document.items(FileField.ROW_GROUPS)
        kind = Kind.STRUCT if old is None else old.kind
        document.set(FileField.ROW_GROUPS, Kind.LIST, Items(kind, kept))
        document.set_int(FileField.NUM_ROWS, self.footer.num_rows - erased)
        out.put(footer_bytes(document))
        for one in found:
            self.rows_by_id.update(one.rows_by_id)
        return self._finished(erased, changes=True)

    def _find(self, group: Struct, *, trust_statistics: bool) -> GroupFound:
        self.before_each_step()
        if group.integer(GroupField.NUM_ROWS) == 0:
            return GroupFound(NO_ROWS, "the row group is empty")
        found = self.identity.find(self._opened(group), trust_statistics=trust_statistics)
        keeping = self.source.keeping
        if keeping is not None and not len(found.rows) and not found.stale:
            for leaf in self.identity.leaves:
                start, end = chunk_range(chunk_meta(group_columns(group)[leaf.index], leaf))
                keeping.unneeded(start, end - start)
        return found

    def _opened(self, group: Struct) -> OpenChunk:
        def opened(leaf: Leaf) -> ColumnChunk:
            column = group_columns(group)[leaf.index]
            return self.placer.open(column, leaf, group.integer(GroupField.NUM_ROWS))

        return opened

    def _announce(self, groups: list[Struct], found: list[GroupFound]) -> None:
        """Tell a source that keeps what is read what it will be asked for anyway."""
        keeping = self.source.keeping
        if keeping is not None:
            pairs = zip(groups, found, strict=True)
            near = ranges_near_changes(pairs, self.footer.leaves, keeping.least_copy_bytes)
            keeping.will_be_wanted(near)

    def _place_groups(self, groups: list[Struct], found: list[GroupFound]) -> list[Struct]:
        """Write every row group that keeps a row; their new metadata."""
        shared = shared_dictionaries(groups, found)
        opened = [self._opened(group) for group in groups]
        lost = lost_values(self.footer, opened, found, self.before_each_step)
        kept: list[Struct] = []
        for index, (group, one) in enumerate(zip(groups, found, strict=True)):
            columns = {column for number, column in shared if number == index}
            placed = self.placer.place(index, group, one, columns, lost)
            if placed is None:
                continue
            if len(kept) > _MAX_ORDINAL:
                placed.drop(GroupField.ORDINAL)
            if GroupField.ORDINAL in placed:
                placed.set_int(GroupField.ORDINAL, len(kept), Kind.I16)
            kept.append(placed)
        return kept

    def _unchanged(self, found: list[GroupFound]) -> ErasurePlan:
        for index, (group, one) in enumerate(zip(self.footer.row_groups, found, strict=True)):
            rows = group.integer(GroupField.NUM_ROWS)
            self.placer.reports.append(GroupReport(index, rows, 0, Unit.NONE, one.proof))
        self.placer.out.copy(0, self.source.size_bytes)
        return self._finished(0, changes=False)

    def _finished(self, erased: int, *, changes: bool) -> ErasurePlan:
        placer = self.placer
        segments = placer.out.finished()
        copied = sum(segment.length for segment in segments if isinstance(segment, Copy))
        report = ErasureReport(
            groups=placer.reports,
            bytes_copied=copied,
            bytes_new=placer.out.position - copied,
            bytes_read=self.source.read_bytes,
            reads=self.source.reads,
            indexes_dropped=placer.indexes_dropped,
            bloom_filters_dropped=placer.blooms_dropped,
            bloom_filters_rebuilt=placer.blooms_rebuilt,
        )
        rows_by_id = dict(self.rows_by_id)
        return ErasurePlan(segments, self.footer.num_rows, erased, changes, report, rows_by_id)

    def _check_metadata(self, found: list[GroupFound]) -> None:
        """Key/value metadata is free text by whoever wrote the file; we cannot edit it safely.

        Raises:
            ErasedValueInMetadata: a wanted id stands in it, or a text that no remaining row holds.
        """
        ids = self.identity.texts()
        quoted = self.placer.metadata.quoted(ids, self.placer.texts)
        opened = [self._opened(group) for group in self.footer.row_groups]
        texts = quoted - ids
        if self.identity.are_named(
            quoted & ids, list(zip(opened, found, strict=True))
        ) or texts > remaining_texts(texts, self.source, self.footer, found):
            raise ErasedValueInMetadata
