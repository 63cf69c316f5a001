"""Which rows of a row group hold a wanted id: the cheapest proof of absence first.

statistics ─► bloom filter ─► page index ─► dictionary ─► the id column's pages
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .bloom import BloomFilter
from .encodings import DICTIONARY_ENCODINGS, ByteColumn, Column, decode_column, decode_indices
from .footer import Leaf, MetaField
from .found import NO_ROWS, Rows
from .ids import as_arrow, as_stored
from .levels import Bools, UInts
from .order import Key, Order, key
from .page import Content, Page, PageKind
from .page_rows import prove_rows
from .pages import ColumnChunk, FalseOffsetIndex
from .thrift_compact import Struct

_SEQUENTIAL_WINDOW_BYTES = 4 * 1024 * 1024
_BLOOM_MAX_IDS = 1000  # above, hashing in Python costs more than reading the column
_RAW_SEARCH_MAX_IDS = 4  # up to here a search in the raw page beats taking it apart
_BATCH_VALUES = 1 << 18  # values compared at a time, since every comparison hashes all ids

_MAX, _MIN, _MAX_VALUE, _MIN_VALUE = 1, 2, 5, 6
_NULL_PAGES, _MIN_VALUES, _MAX_VALUES = 1, 2, 3
_STATS_PAGE_TYPE, _STATS_ENCODING = 1, 2


class Wanted:
    """The ids to look for, as the column stores them, in the column's order where it has one."""

    def __init__(self, leaf: Leaf, stored: Collection[bytes]) -> None:
        self.leaf = leaf
        self.stored = frozenset(stored)
        self._ordered: list[tuple[Key, bytes]] | None = None
        self._arrow: pa.Array | None = None

    def __len__(self) -> int:
        return len(self.stored)

    @property
    def arrow(self) -> pa.Array:
        """The ids as a value set for Arrow."""
        if self._arrow is None:
            self._arrow = as_arrow(self.leaf, self.stored)
        return self._arrow

    @property
    def has_order(self) -> bool:
        """Whether bounds can exclude an id."""
        return self.leaf.order in (Order.SIGNED, Order.UNSIGNED, Order.BYTES)

    def within(self, low: bytes, high: bytes) -> list[bytes]:
        """The ids that a page or chunk with these bounds may hold."""
        if self._ordered is None:
            keyed = ((key(self.leaf.order, value), value) for value in self.stored)
            self._ordered = sorted((place, value) for place, value in keyed if place is not None)
        first, last = key(self.leaf.order, low), key(self.leaf.order, high)
        if first is None or last is None or first > last:  # type: ignore[operator]
            return list(self.stored)
        begin = bisect_left(self._ordered, first, key=lambda pair: pair[0])
        end = bisect_right(self._ordered, last, key=lambda pair: pair[0])
        # A writer may have cut a maximum short without rounding it up.
        while (
            self.leaf.order is Order.BYTES
            and end < len(self._ordered)
            and self._ordered[end][1].startswith(high)
        ):
            end += 1
        return [value for _, value in self._ordered[begin:end]]


@dataclass(frozen=True)
class Found:
    """The rows that hold a wanted id, and what the dictionary says of the wanted ids."""

    rows: Rows
    proof: str
    dictionary_hits: Bools | None = None
    rows_by_value: Counter[bytes] = field(default_factory=Counter, repr=False)


def find_rows(chunk: ColumnChunk, wanted: Wanted, *, trust_statistics: bool) -> Found:
    """Rows of the chunk's row group that hold a wanted id, ascending."""
    pages: list[Page] | None = None
    if trust_statistics:
        wanted, proof = narrowed(chunk, wanted)
        if proof:
            return Found(NO_ROWS, proof)
        pages = indexed_candidates(chunk, wanted)
        if pages == []:
            return Found(NO_ROWS, "the page index excludes every id")
    if not wanted.stored:
        return Found(NO_ROWS, "no id can be a value of the id column")
    try:
        return _search(chunk, wanted, pages, trust_statistics=trust_statistics)
    except FalseOffsetIndex:
        chunk.distrust_indexes()
        return _search(chunk, wanted, None, trust_statistics=trust_statistics)


def narrowed(chunk: ColumnChunk, wanted: Wanted) -> tuple[Wanted, str]:
    """The ids that statistics and bloom filter leave over, or the proof that none is."""
    bounds = _chunk_bounds(chunk)
    if bounds is not None and wanted.has_order:
        inside = wanted.within(*bounds)
        if not inside:
            return wanted, "statistics exclude every id"
        if len(inside) < len(wanted):
            wanted = Wanted(wanted.leaf, inside)
    if len(wanted) <= _BLOOM_MAX_IDS:
        bloom = BloomFilter.of(chunk.source, chunk.meta)
        if bloom is not None:
            possible = [value for value in wanted.stored if bloom.may_contain(value)]
            if not possible:
                return wanted, "the bloom filter excludes every id"
            wanted = Wanted(wanted.leaf, possible)
    return wanted, ""


def _chunk_bounds(chunk: ColumnChunk) -> tuple[bytes, bytes] | None:
    statistics = chunk.meta.struct(MetaField.STATISTICS)
    if statistics is None:
        return None
    low = high = None
    if chunk.leaf.order_is_stated:
        low, high = statistics.blob(_MIN_VALUE), statistics.blob(_MAX_VALUE)
    if (low is None or high is None) and chunk.leaf.order is Order.SIGNED:
        # The older fields are in signed order, which is right for these types only.
        low, high = statistics.blob(_MIN), statistics.blob(_MAX)
    width = chunk.leaf.width
    if low is None or high is None or (width and not len(low) == len(high) == width):
        return None
    return low, high


def indexed_candidates(chunk: ColumnChunk, wanted: Wanted) -> list[Page] | None:
    """The pages whose bounds admit an id; None if the indexes cannot tell."""
    index = chunk.column_index
    if index is None or not wanted.has_order or not chunk.leaf.order_is_stated:
        return None
    if chunk.offset_index is None:
        return None
    nulls, lows, highs = (index.items(n) for n in (_NULL_PAGES, _MIN_VALUES, _MAX_VALUES))
    if nulls is None or lows is None or highs is None:
        return None
    pages = chunk.pages()
    if not len(nulls) == len(lows) == len(highs) == len(pages):
        return None
    bounds = zip(pages, nulls, lows.blobs(), highs.blobs(), strict=True)
    candidates = [p for p, null, low, high in bounds if not null and wanted.within(low, high)]
    if candidates:
        prove_rows(chunk, candidates[-1].first_row)
    return candidates if chunk.is_indexed else None


def _search(
    chunk: ColumnChunk, wanted: Wanted, pages: list[Page] | None, *, trust_statistics: bool
) -> Found:
    """Look into the dictionary, then into the pages it does not clear."""
    may_tell_all = trust_statistics and only_dictionary_pages(chunk.meta)
    if pages is None and not may_tell_all:
        read_on(chunk)
    walk = iter(pages) if pages is not None else chunk.walk()
    first = next(walk, None)
    if first is None:
        return Found(NO_ROWS, "the row group holds no pages")
    hits = None
    if chunk.dictionary_page is not None:
        hits = np.asarray(is_in(chunk.dictionary.arrow(), wanted.arrow))
        if not hits.any() and may_tell_all:
            return Found(NO_ROWS, "the dictionary holds no wanted id", hits)
    if pages is None:
        read_on(chunk)
    matches = _Matches(wanted)
    read = 0
    page: Page | None = first
    while page is not None:
        read += _match_page(chunk, page, hits, matches)
        page = next(walk, None)
    rows = matches.rows()
    proof = f"{len(rows)} rows found in {read} pages of the id column"
    return Found(rows, proof, hits, matches.rows_by_value)


def read_on(chunk: ColumnChunk) -> None:
    """From here the chunk is read to its end: in few reads."""
    chunk.window.window_bytes = max(chunk.window.window_bytes, _SEQUENTIAL_WINDOW_BYTES)


def _match_page(chunk: ColumnChunk, page: Page, hits: Bools | None, matches: _Matches) -> bool:
    """Add the page's matches; False if its values need not be unpacked."""
    loaded = chunk.load_of_flat(page)
    if loaded.kind is PageKind.DICTIONARY or loaded.num_values == 0:
        return False
    if loaded.is_dictionary_encoded and hits is not None:
        if not hits.any():
            return False
        content = chunk.content(loaded)
        indices, _ = decode_indices(content.values, content.value_count, len(hits))
        positions = np.flatnonzero(hits[indices])
        matches.add_positions(page.first_row, content, positions)
        matches.count_entries(chunk.dictionary, indices[positions])
        return True
    content = chunk.content(loaded)
    if content.value_count:
        column = (
            chunk.dictionary  # raises: dictionary-encoded without a dictionary
            if loaded.is_dictionary_encoded
            else decode_column(chunk.leaf, loaded.encoding, content.values, content.value_count)
        )
        matches.add(page.first_row, content, column)
    return True


def only_dictionary_pages(meta: Struct) -> bool:
    """Whether the writer's own count says that every data page is dictionary-encoded."""
    counts = meta.items(MetaField.ENCODING_STATS)
    if not counts:
        return False
    return all(
        entry.integer(_STATS_PAGE_TYPE) == PageKind.DICTIONARY
        or entry.integer(_STATS_ENCODING) in DICTIONARY_ENCODINGS
        for entry in counts.structs()
    )


class _Matches:
    """Collects values until comparing them is worth hashing the ids, and the rows that matched."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.rows_by_value: Counter[bytes] = Counter()
        self._rows: list[Rows] = []
        self._waiting: list[tuple[int, Bools | None, pa.Array]] = []
        self._values = 0

    def add(self, first_row: int, content: Content, column: Column) -> None:
        """Compare a page's values, now or together with the next pages'."""
        if self._is_surely_absent(column):
            return
        self._waiting.append((first_row, content.present, column.arrow()))
        self._values += len(column)
        if len(self.wanted) <= _BLOOM_MAX_IDS or self._values >= _BATCH_VALUES:
            self._compare()

    def _is_surely_absent(self, column: Column) -> bool:
        if not isinstance(column, ByteColumn) or len(self.wanted) > _RAW_SEARCH_MAX_IDS:
            return False
        return not any(value in column.plain for value in self.wanted.stored)

    def add_positions(self, first_row: int, content: Content, positions: Rows) -> None:
        """Add values that matched, by their position among the page's values."""
        if len(positions):
            self._rows.append(rows_of(first_row, content.present, positions))

    def count_entries(self, dictionary: Column, indices: UInts) -> None:
        """Count rows by the dictionary entry that they use."""
        entries, counts = np.unique(indices, return_counts=True)
        where = np.zeros(len(dictionary), np.bool_)
        where[entries] = True
        values = dictionary.selected(where)
        self.rows_by_value.update(dict(zip(values, counts.tolist(), strict=True)))

    def _compare(self) -> None:
        if not self._waiting:
            return
        together = pa.concat_arrays([array for _, _, array in self._waiting])
        mask = is_in(together, self.wanted.arrow)
        count_values(self.rows_by_value, together.filter(pa.array(mask)), self.wanted.leaf.width)
        start = 0
        for first_row, present, array in self._waiting:
            positions = np.flatnonzero(mask[start : start + len(array)])
            start += len(array)
            if len(positions):
                self._rows.append(rows_of(first_row, present, positions))
        self._waiting, self._values = [], 0

    def rows(self) -> Rows:
        """All rows that matched, ascending."""
        self._compare()
        return np.sort(np.concatenate(self._rows)) if self._rows else NO_ROWS


def rows_of(first_row: int, present: Bools | None, positions: Rows) -> Rows:
    if present is None:
        return positions + first_row
    return np.flatnonzero(present)[positions] + first_row


def count_values(counts: Counter[bytes], values: pa.Array, width: int) -> None:
    """Add how often each value occurs, by its physical bytes."""
    distinct, times = pc.value_counts(values).flatten()
    for value, count in zip(distinct.to_pylist(), times.to_pylist(), strict=True):
        counts[as_stored(value, width)] += count


def is_in(values: pa.Array, ids: pa.Array) -> Bools:
    mask = pc.is_in(values, value_set=ids)
    return np.asarray(mask.to_numpy(zero_copy_only=False), np.bool_)
