"""What of a file lies so near to changes that it is read in whole, sooner or later.

A range between two changes that is shorter than a store can copy is sent with them. Known before
the pages are, it is read in few large pieces, and page headers cost no reads of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from .footer import GroupField, Leaf, chunk_meta, chunk_range, group_columns
from .found import GroupFound, Rows
from .thrift_compact import Struct

_STEPS = 64  # in the shortest range that is copied: so exact need a place be


def ranges_near_changes(
    groups: Iterable[tuple[Struct, GroupFound]], leaves: Sequence[Leaf], least_copy_bytes: int
) -> list[tuple[int, int]]:
    """Where they begin and end, about: a column's rows are taken to be of one size."""
    places = [
        _places(group, leaf, found.rows, max(1, least_copy_bytes // _STEPS))
        for group, found in groups
        if 0 < len(found.rows) < group.integer(GroupField.NUM_ROWS)
        for leaf in leaves
    ]
    if not places:
        return []
    changes = np.unique(np.concatenate(places))
    breaks = np.flatnonzero(np.diff(changes) >= least_copy_bytes)
    firsts, lasts = changes[[0, *(breaks + 1)]], changes[[*breaks, -1]]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def _places(group: Struct, leaf: Leaf, rows: Rows, step: int) -> Rows:
    """Where in the file these rows of a column are, to a step."""
    start, end = chunk_range(chunk_meta(group_columns(group)[leaf.index], leaf))
    bytes_per_row = (end - start) / group.integer(GroupField.NUM_ROWS)
    return np.unique((rows * bytes_per_row).astype(np.int64) // step) * step + start
