"""The values that a file's erased rows held, of columns whose dictionaries may name them elsewhere.

They are read before any row group is written, because an earlier one may name what a later loses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .cut import read_values
from .encodings import bits_type
from .errors import UNLEARNED, MalformedParquet
from .footer import Footer, GroupField, chunk_meta, group_columns
from .found import GroupFound, OpenChunk
from .given_dictionaries import columns_of_given_dictionaries, has_dictionary
from .levels import Bools
from .one_chunk import bits_of, read_chunk
from .order import PhysicalType
from .page_rows import prove_rows
from .pages import ColumnChunk
from .row_starts import RowStarts

LostValues = dict[int, pa.Array]
"""By column, the distinct values of erased rows."""


def lost_values(
    footer: Footer,
    opened: Sequence[OpenChunk],
    found: Sequence[GroupFound],
    before_each_step: Callable[[], None],
) -> LostValues:
    """What erased rows held in columns that may have been given their dictionaries."""
    rows = [group.integer(GroupField.NUM_ROWS) for group in footer.row_groups]
    pairs = zip(footer.row_groups, rows, found, strict=True)
    kept = [group for group, count, one in pairs if len(one.rows) < count]
    lost: LostValues = {}
    for column in sorted(columns_of_given_dictionaries(footer)):
        leaf, arrays = footer.leaves[column], []
        metas = (chunk_meta(group_columns(group)[column], leaf) for group in kept)
        if not any(map(has_dictionary, metas)):
            continue
        for opening, count, one in zip(opened, rows, found, strict=True):
            if len(one.rows):
                before_each_step()
                mask = np.zeros(count, np.bool_)
                mask[one.rows] = True
                arrays.append(_lost_by_chunk(opening(leaf), mask))
        if arrays:
            lost[column] = pc.unique(pa.concat_arrays(arrays))
    return lost


def _lost_by_chunk(chunk: ColumnChunk, erased_rows: Bools) -> pa.Array:
    """The erased rows' values, or more where only pyarrow can read them."""
    width = chunk.leaf.width
    nothing = pa.array([], bits_type(width) if width else pa.binary())
    try:
        return pa.concat_arrays([nothing, *_lost_by_pages(chunk, erased_rows)])
    except UNLEARNED as refusal:
        if chunk.leaf.physical is PhysicalType.INT96:
            raise
        try:
            return pc.unique(bits_of(read_chunk(chunk), chunk.leaf))
        except MalformedParquet:
            raise refusal from None


def _lost_by_pages(chunk: ColumnChunk, erased_rows: Bools) -> Iterator[pa.Array]:
    prove_rows(chunk, int(np.flatnonzero(erased_rows)[-1]))
    rows = RowStarts(chunk, erased_rows)
    for number in rows.touched():
        loaded = chunk.load(rows.pages[number])
        content = chunk.content(loaded)
        erased = ~rows.kept(number, loaded, content)
        if content.present is not None:
            erased = erased[content.present]
        if erased.any():
            values = read_values(chunk, loaded, content).filtered(erased)
            yield values.distinct().arrow()
