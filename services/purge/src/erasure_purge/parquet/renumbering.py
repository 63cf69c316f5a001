"""A dictionary without some of its entries, and what that does to the indices into it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .encodings import Column
from .errors import MalformedParquet
from .levels import Bools, UInts

_GONE = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True)
class Renumbering:
    """The entries that stay, in their order, and the new number of each old one."""

    column: Column
    numbers: UInts

    @classmethod
    def without(cls, column: Column, dead: Bools) -> Renumbering:
        """The entries that are not dead move together."""
        alive = ~dead
        numbers = np.cumsum(alive, dtype=np.uint32) - np.uint32(1)
        numbers[dead] = _GONE
        return cls(column.filtered(alive), numbers)

    @property
    def width(self) -> int:
        """Bits for an index."""
        return max(1, (len(self.column) - 1).bit_length())

    def of(self, indices: UInts) -> UInts:
        """The indices' new numbers.

        Raises:
            MalformedParquet: a remaining row uses an entry that nobody should use.
        """
        renumbered = self.numbers[indices]
        if len(renumbered) and int(renumbered.max()) >= len(self.column):
            raise MalformedParquet("a remaining row uses a dictionary entry that goes")
        return renumbered
