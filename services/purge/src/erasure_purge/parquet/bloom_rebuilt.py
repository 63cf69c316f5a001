"""A chunk's bloom filter after a cut: built anew from what remains, if all of that is in hand.

A filter cannot forget a value, so the old one goes in any case.
"""

from __future__ import annotations

from collections.abc import Collection

from .bloom import NewBloomFilter
from .cut import PageValues
from .encodings import DICTIONARY_ENCODINGS, Column
from .order import PhysicalType
from .pages import ColumnChunk

_KINDS = (
    PhysicalType.INT32,
    PhysicalType.INT64,
    PhysicalType.FLOAT,
    PhysicalType.DOUBLE,
    PhysicalType.BYTE_ARRAY,
    PhysicalType.FIXED_LEN_BYTE_ARRAY,
)


class RebuiltBloom:
    """Hears of every page that is cut; the other pages must only use the dictionary."""

    def __init__(self, chunk: ColumnChunk, touched: Collection[int]) -> None:
        self.chunk = chunk
        self._filter: NewBloomFilter | None = None
        if chunk.leaf.physical not in _KINDS:
            return
        fresh = NewBloomFilter.like(chunk.source, chunk.meta)
        if fresh is None:
            return
        cut = frozenset(touched)
        others = (page for number, page in enumerate(chunk.pages()) if number not in cut)
        if all(chunk.encoding_of(page) in DICTIONARY_ENCODINGS for page in others):
            self._filter = fresh

    def note(self, remaining: PageValues) -> None:
        """Take in what remains of a page, unless the dictionary will tell."""
        if self._filter is not None and remaining.indices is None:
            self._filter.insert(remaining.column)

    def finished(self, living: Column | None) -> bytes | None:
        """The filter with the dictionary's living entries; None where values are not in hand.

        `living`: None if there is no dictionary, or if all of it lives.
        """
        if self._filter is None:
            return None
        if living is None and self.chunk.dictionary_page is not None:
            living = self.chunk.dictionary
        if living is not None:
            self._filter.insert(living)
        return self._filter.data
