"""Which entries of a chunk's dictionary erased rows used, and which the others use."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from .cut import PageValues
from .dictionary import entries_of, of_same_value
from .levels import Bools
from .new_pages import NewPages


class EntryUse:
    """Learned from the pages that are cut; the others are read only if an entry hangs on them."""

    def __init__(self, pages: NewPages) -> None:
        self.pages = pages
        self.chunk = pages.chunk
        self.erased: Bools | None = None
        self.kept: Bools | None = None

    def note(self, gone: PageValues, remaining: PageValues) -> None:
        """Remember what a page that was cut tells."""
        if gone.indices is None or remaining.indices is None:
            return
        if self.erased is None or self.kept is None:
            self.erased = np.zeros(len(gone.column), np.bool_)
            self.kept = np.zeros(len(gone.column), np.bool_)
        self.erased[gone.indices] = True
        self.kept[remaining.indices] = True

    def kept_by_all(self) -> Bools | None:
        """The entries that remaining rows use; None unless every page of indices was cut."""
        return self.kept if next(self.pages.uncut_by_dictionary(), None) is None else None

    def dead(self, lost: pa.Array | None = None) -> Bools | None:
        """Entries with values of erased rows that no remaining row uses; None without any.

        `lost`: values that the file lost elsewhere, or in pages that do not use the dictionary.
        """
        if self.chunk.dictionary_page is None or (self.erased is None and lost is None):
            return None
        dictionary = self.chunk.dictionary
        named = np.zeros(len(dictionary), np.bool_)
        if self.erased is not None:
            named |= of_same_value(dictionary, self.erased)
        if lost is not None:
            named |= entries_of(dictionary, lost)
        return self._unused(named)

    def unused(self) -> Bools | None:
        """Every entry that no remaining row uses; None without a dictionary."""
        if self.chunk.dictionary_page is None:
            return None
        return self._unused(np.ones(len(self.chunk.dictionary), np.bool_))

    def _unused(self, entries: Bools) -> Bools:
        """Those of the entries that no remaining row uses."""
        wanted = entries.copy()
        if self.kept is not None:
            wanted &= ~self.kept
        for number in self.pages.uncut_by_dictionary():
            if not wanted.any():
                break
            values = self.pages.values(number)
            if values.indices is not None:
                wanted[values.indices] = False
        return wanted
