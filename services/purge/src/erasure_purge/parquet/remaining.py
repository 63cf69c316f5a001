"""Which texts of erased rows a remaining row holds as well: those name nobody who was erased."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .errors import UnsupportedParquet
from .footer import Footer, GroupField, group_columns
from .found import GroupFound
from .one_chunk import bits_of, read_chunk
from .order import PhysicalType
from .pages import ColumnChunk
from .source import Source

_WINDOW_BYTES = 4 * 1024 * 1024


def remaining_texts(
    texts: set[bytes], source: Source, footer: Footer, found: Sequence[GroupFound]
) -> set[bytes]:
    """Those of the texts that a remaining row holds, in whichever column.

    Reads no further than until all are found; what pyarrow cannot read holds none.
    """
    missing = set(texts)
    for leaf in footer.leaves:
        if leaf.physical is not PhysicalType.BYTE_ARRAY:
            continue
        for group, one in zip(footer.row_groups, found, strict=True):
            rows = group.integer(GroupField.NUM_ROWS)
            if not missing or len(one.rows) == rows:
                continue
            keep = np.ones(rows, np.bool_)
            keep[one.rows] = False
            column = group_columns(group)[leaf.index]
            try:
                table = read_chunk(ColumnChunk(source, column, leaf, rows, _WINDOW_BYTES))
            except UnsupportedParquet:
                continue
            values = bits_of(table.filter(pa.array(keep)), leaf)
            wanted = pa.array(list(missing), values.type)
            missing -= set(pc.unique(values.filter(pc.is_in(values, wanted))).to_pylist())
    return texts - missing
