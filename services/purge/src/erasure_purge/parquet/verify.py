"""Proof that an erasure did what it should and nothing else, independent of the planner.

Rows are compared through pyarrow, never through our own page reader; what must be gone is searched
in bytes (scan.py). Nothing of the data appears in the result.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .bits_left import LostRows, places_left
from .bloom_left import remembers_others
from .errors import UnsupportedParquet, only_refusals
from .footer import (
    FileField,
    Footer,
    GroupField,
    MetaField,
    chunk_meta,
    group_columns,
    read_footer,
)
from .ids import IdColumns, IdKey, check_ids, id_leaf
from .joined import comes_from_joining
from .levels import Bools
from .metadata import Metadata, id_texts
from .pages import ColumnChunk
from .report import ErasurePlan
from .scan import METADATA, SCHEMA, patterns, scan_bytes
from .segments import Copy
from .source import Source
from .witness import (
    WantedRows,
    column_of,
    is_same,
    leaf_texts,
    open_with_arrow,
)

_COMPARE_BYTES = 4 * 1024 * 1024
_SCHEMA_FIELDS = (
    FileField.SCHEMA,
    FileField.KEY_VALUE,
    FileField.CREATED_BY,
    FileField.COLUMN_ORDERS,
)


@dataclass
class Verification:
    """What was checked, and what is wrong; empty problems mean proven."""

    rows_before: int = 0
    rows_after: int = 0
    rows_erased: int = 0
    checks: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Everything that was checked is right."""
        return not self.problems

    def expect(self, check: str, *, holds: bool) -> None:
        """Record one check."""
        self.checks.append(check)
        if not holds:
            self.problems.append(check)


def verify(
    before: Source,
    after: Source,
    id_column: IdColumns,
    ids: Collection[IdKey],
    *,
    plan: ErasurePlan | None = None,
    thorough: bool = True,
) -> Verification:
    """Check a file against the one it was made from.

    Always: row counts, no wanted id in the id column, schema and metadata, and with a plan, that
    untouched ranges are the same bytes. Thorough: every remaining row equal and in order, and no
    erased value left anywhere in the bytes; a part of an id that a remaining row shares is none.

    Raises:
        ValueError: an id does not have a part for every id column.
    """
    check_ids(id_column, ids)
    result = Verification()
    try:
        with only_refusals():
            _check(before, after, id_column, ids, plan, result, thorough=thorough)
    except (UnsupportedParquet, OSError) as error:
        # Arrow quotes values in its messages.
        result.expect(f"the files can be read ({type(error).__name__})", holds=False)
    return result


def _check(
    before: Source,
    after: Source,
    id_columns: IdColumns,
    ids: Collection[IdKey],
    plan: ErasurePlan | None,
    result: Verification,
    *,
    thorough: bool,
) -> None:
    if plan is not None:
        same = _copies_are_same(plan, before, after)
        result.expect("untouched ranges are the same bytes", holds=same)
    old, new = open_with_arrow(before), open_with_arrow(after)
    footer = read_footer(before)
    _check_footers(footer, read_footer(after), result)
    id_columns = _as_spelled(footer, id_columns)
    wanted = WantedRows(id_columns, ids)
    masks = [wanted.mask(old, group) for group in range(old.num_row_groups)]
    result.rows_before, result.rows_after = old.metadata.num_rows, new.metadata.num_rows
    result.rows_erased = sum(int(mask.sum()) for mask in masks)
    expected = result.rows_before - result.rows_erased
    result.expect("the remaining rows are as many as expected", holds=expected == result.rows_after)
    left = sum(int(wanted.mask(new, group).sum()) for group in range(new.num_row_groups))
    result.expect("no row holds a wanted id", holds=left == 0)
    if thorough and result.holds:
        _check_rows(old, new, masks, result)
        _check_groups(before, after, masks, result)
        secrets = _texts_of_ids(old, masks, wanted)
        _check_leaks(old, new, masks, after, secrets, result)


def _as_spelled(footer: Footer, id_columns: IdColumns) -> IdColumns:
    """The id columns' names as the file has them."""
    if isinstance(id_columns, str):
        return id_leaf(footer, id_columns).name
    return [id_leaf(footer, name).name for name in id_columns]


def _texts_of_ids(old: pq.ParquetFile, masks: list[Bools], wanted: WantedRows) -> set[bytes]:
    """The ids as texts; of several columns, every part that no remaining row holds."""
    if wanted.whole is None:
        return id_texts(wanted.parts[0])
    secrets: set[bytes] = set()
    for number, part in enumerate(wanted.parts):
        secrets |= id_texts(set(part) - wanted.shared(old, masks, number))
    return secrets


# Rows ---------------------------------------------------------------------------------------


def _check_rows(
    old: pq.ParquetFile, new: pq.ParquetFile, masks: list[Bools], result: Verification
) -> None:
    """Every remaining row, in order: column by column, so that memory stays with one column."""
    kept = [group for group, mask in enumerate(masks) if not mask.all() or len(mask) == 0]
    same = len(kept) == new.num_row_groups
    if same:
        names = old.schema_arrow.names
        for at, group in enumerate(kept):
            keep = pa.array(~masks[group])
            for number in range(len(names)):
                before = column_of(old, group, number).filter(keep)
                same = same and is_same(before, column_of(new, at, number))
    result.expect("every remaining row is equal and in order", holds=same)


# What is said about the rows --------------------------------------------------------------------


def _check_footers(old: Footer, new: Footer, result: Verification) -> None:
    for part in _SCHEMA_FIELDS:
        same = old.document.get(part) == new.document.get(part)
        result.expect(f"the file's {part.name.lower()} is unchanged", holds=same)
    codecs = [_codecs(footer) for footer in (old, new)]
    result.expect("every column keeps its codec", holds=codecs[1] <= codecs[0])


def _codecs(footer: Footer) -> set[tuple[str, int]]:
    return {
        (leaf.name, chunk_meta(chunk, leaf).integer(MetaField.CODEC))
        for group in footer.row_groups
        for chunk, leaf in zip(group_columns(group), footer.leaves, strict=True)
    }


def _copies_are_same(plan: ErasurePlan, before: Source, after: Source) -> bool:
    position = 0
    for segment in plan.segments:
        if isinstance(segment, Copy):
            for start in range(0, segment.length, _COMPARE_BYTES):
                length = min(_COMPARE_BYTES, segment.length - start)
                old = before.read(segment.offset + start, length)
                if old != after.read(position + start, length):
                    return False
        position += segment.length
    return position == after.size_bytes


def _check_groups(before: Source, after: Source, masks: list[Bools], result: Verification) -> None:
    """Row group by row group: what is said about it, beside its rows."""
    old, new = read_footer(before), read_footer(after)
    kept = [group for group, mask in enumerate(masks) if not mask.all() or len(mask) == 0]
    pairs = [
        (old.row_groups[group], remaining, masks[group])
        for group, remaining in zip(kept, new.row_groups, strict=True)
    ]
    same = all(
        one.get(GroupField.SORTING_COLUMNS) == other.get(GroupField.SORTING_COLUMNS)
        for one, other, _ in pairs
    )
    result.expect("every row group keeps its sort order", holds=same)
    blooms = bits = 0
    for one, other, mask in pairs:
        for leaf, was, chunk in zip(
            new.leaves, group_columns(one), group_columns(other), strict=True
        ):
            lost = LostRows(
                ColumnChunk(before, was, leaf, len(mask), _COMPARE_BYTES),
                ColumnChunk(after, chunk, leaf, len(mask) - int(mask.sum()), _COMPARE_BYTES),
                mask,
            )
            # A filter cannot forget: where a value was erased, it must be a new one.
            blooms += _fewer(lost) and remembers_others(lost.after)
            bits += any(True for _ in places_left(lost))
    result.expect("no bloom filter remembers an erased value", holds=not blooms)
    result.expect("no dictionary and no bound names an erased value", holds=not bits)


def _fewer(lost: LostRows) -> bool:
    """Whether the chunk lost an entry."""
    before, after = (
        chunk.meta.integer(MetaField.NUM_VALUES) for chunk in (lost.before, lost.after)
    )
    return before != after


# What must be gone ------------------------------------------------------------------------------


def _check_leaks(
    old: pq.ParquetFile,
    new: pq.ParquetFile,
    masks: list[Bools],
    after: Source,
    texts: set[bytes],
    result: Verification,
) -> None:
    """Search the bytes for every id, and every text that only erased rows held."""
    gone: dict[str, set[bytes]] = {}
    for name, erased, remaining in _texts(old, masks):
        lost = pc.unique(erased).drop_null()
        lost = lost.filter(pc.invert(pc.is_in(lost, value_set=pc.unique(remaining))))
        gone[name] = {value for value in lost.to_pylist() if value}
    everything = set().union(*gone.values()) if gone else set()
    footer = read_footer(after)
    report = scan_bytes(after, footer, patterns(everything | texts))
    leaks = [
        place
        for place, found in report.found.items()
        if place not in (METADATA, SCHEMA)
        and any(
            not _remains(new, needle) and not comes_from_joining(after, footer, place, needle)
            for needle in found
        )
    ]
    for place in leaks:
        result.expect(f"no erased value in {place}", holds=False)
    result.expect("no erased value anywhere in the bytes", holds=not leaks)
    quoted = Metadata.of(footer).quoted(texts, everything)
    named = [text for text in quoted if not _remains(new, text)]
    result.expect("the key/value metadata quotes nobody", holds=not named)


def _texts(
    file: pq.ParquetFile, masks: list[Bools]
) -> Iterator[tuple[str, pa.ChunkedArray, pa.ChunkedArray]]:
    """Of every column of texts or bytes, also nested: the erased and the remaining values."""
    for number, name in enumerate(file.schema_arrow.names):
        erased: list[pa.Array] = []
        remaining: list[pa.Array] = []
        for group, mask in enumerate(masks):
            column = column_of(file, group, number)
            if mask.any():
                erased += leaf_texts(column.filter(pa.array(mask)))
            remaining += leaf_texts(column.filter(pa.array(~mask)))
        if erased:
            kind = pa.large_binary()
            yield name, pa.chunked_array(erased, kind), pa.chunked_array(remaining, kind)


def _remains(file: pq.ParquetFile, needle: bytes) -> bool:
    """Whether a remaining value legitimately holds these bytes, as "joanne" holds "anne"."""
    prefix = len(needle) - 4
    short = prefix < 8 and int.from_bytes(needle[:4], "little") == prefix
    text = needle[4:] if short else needle
    for group in range(file.num_row_groups):
        for number in range(len(file.schema_arrow.names)):
            for leaf in leaf_texts(column_of(file, group, number)):
                if pc.any(pc.match_substring(leaf, pattern=text)).as_py():
                    return True
    return False
