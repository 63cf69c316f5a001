"""What the search of one row group gave: the rows to erase, and dictionary entries to blank."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .footer import Leaf
from .ids import IdKey
from .levels import Bools
from .pages import ColumnChunk

Rows = npt.NDArray[np.int64]
NO_ROWS: Rows = np.zeros(0, np.int64)
OpenChunk = Callable[[Leaf], ColumnChunk]
"""Opens one column of a row group."""


@dataclass(frozen=True)
class GroupFound:
    """The rows to erase from one row group, ascending, and why these.

    `dead`: by column, the dictionary entries of wanted ids that surely no remaining row uses.
    """

    rows: Rows
    proof: str
    dead: Mapping[int, Bools] = field(default_factory=dict)
    rows_by_id: Counter[IdKey] = field(default_factory=Counter, repr=False)

    @property
    def stale(self) -> list[int]:
        """Columns whose dictionary names a wanted id though no row uses it any more."""
        if len(self.rows):
            return []
        return [column for column, entries in self.dead.items() if entries.any()]

    @property
    def is_stale_in_dictionary(self) -> bool:
        """Nothing is to be erased but such names."""
        return bool(self.stale)
