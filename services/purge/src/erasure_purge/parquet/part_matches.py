"""Where the values of one id column stand among many, and which each is: for composite ids."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .by_arrow import bits_by_arrow, first_dictionary
from .encodings import decode_column, decode_indices
from .errors import UnsupportedParquet
from .find import Wanted, indexed_candidates, only_dictionary_pages, read_on, rows_of
from .found import NO_ROWS
from .levels import Bools
from .page import Page, PageKind
from .page_rows import prove_rows
from .pages import ColumnChunk, FalseOffsetIndex

Ints = npt.NDArray[np.int64]
_NOT_WANTED = -1


@dataclass(frozen=True)
class PartMatches:
    """Rows that hold a wanted value, ascending, the value's code for each, and what was read."""

    rows: Ints
    codes: Ints
    pages: int = 0
    entries: Ints | None = None  # the code of every dictionary entry, -1 for one not wanted

    def without_entries(self) -> PartMatches:
        """The same with a dictionary that holds nothing wanted."""
        entries = None if self.entries is None else np.full_like(self.entries, _NOT_WANTED)
        return replace(self, entries=entries)

    def unused_by(self, remaining: Ints) -> Bools | None:
        """Dictionary entries with a wanted value that none of these rows holds.

        None: there is no dictionary.
        """
        if self.entries is None:
            return None
        used = self.codes[np.isin(self.rows, remaining, assume_unique=True)]
        unused: Bools = (self.entries != _NOT_WANTED) & ~np.isin(self.entries, used)
        return unused


def matches_in_pages(
    chunk: ColumnChunk,
    wanted: Wanted,
    codes: Ints,
    rows: Ints | None,
    *,
    trust_statistics: bool,
) -> PartMatches:
    """Look into the pages that hold one of the rows (None: into all that may hold a value).

    `codes` are those of the wanted values in the order of `wanted.arrow`.
    """
    if rows is not None and len(rows):
        prove_rows(chunk, int(rows[-1]))
    pages = indexed_candidates(chunk, wanted) if trust_statistics else None
    try:
        return _matches(chunk, wanted, codes, rows, pages, trust_statistics=trust_statistics)
    except FalseOffsetIndex:
        chunk.distrust_indexes()
        return _matches(chunk, wanted, codes, rows, None, trust_statistics=trust_statistics)


def _matches(
    chunk: ColumnChunk,
    wanted: Wanted,
    codes: Ints,
    rows: Ints | None,
    pages: list[Page] | None,
    *,
    trust_statistics: bool,
) -> PartMatches:
    if pages is None and rows is None:
        read_on(chunk)
    walk = iter(pages) if pages is not None else chunk.walk()
    page = next(walk, None)
    entries = None
    if page is not None and chunk.dictionary_page is not None:
        entries = _codes_of(chunk.dictionary.arrow(), wanted, codes)
        may_tell_all = trust_statistics and only_dictionary_pages(chunk.meta)
        if (entries == _NOT_WANTED).all() and may_tell_all:
            return PartMatches(NO_ROWS, NO_ROWS, 0, entries)
    read = 0
    found: list[tuple[Ints, Ints]] = []
    while page is not None:
        if rows is None or _holds_one(page, rows):
            found.append(_in_page(chunk, page, wanted, codes, entries))
            read += 1
        page = next(walk, None)
    if not found:
        return PartMatches(NO_ROWS, NO_ROWS, read, entries)
    where, which = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return PartMatches(where, which, read, entries)


def matches_by_arrow(
    chunk: ColumnChunk, wanted: Wanted, codes: Ints, refusal: UnsupportedParquet
) -> PartMatches:
    """The same through pyarrow, where the page level refuses.

    Raises:
        UnsupportedParquet: that refusal, where pyarrow does no better.
    """
    which = _codes_of(bits_by_arrow(chunk, refusal), wanted, codes)
    rows = np.flatnonzero(which != _NOT_WANTED)
    dictionary = matches_in_dictionary(chunk, wanted, codes)
    return replace(dictionary, rows=rows, codes=which[rows])


def matches_in_dictionary(chunk: ColumnChunk, wanted: Wanted, codes: Ints) -> PartMatches:
    """What the dictionary alone says; no rows.

    Raises:
        UnsupportedParquet: it cannot be read.
    """
    dictionary = first_dictionary(chunk)
    if dictionary is None:
        return PartMatches(NO_ROWS, NO_ROWS)
    return PartMatches(NO_ROWS, NO_ROWS, entries=_codes_of(dictionary.arrow(), wanted, codes))


def _holds_one(page: Page, rows: Ints) -> bool:
    return bool(
        np.searchsorted(rows, page.first_row + page.rows) > np.searchsorted(rows, page.first_row)
    )


def _in_page(
    chunk: ColumnChunk, page: Page, wanted: Wanted, codes: Ints, entries: Ints | None
) -> tuple[Ints, Ints]:
    loaded = chunk.load_of_flat(page)
    if loaded.kind is PageKind.DICTIONARY or loaded.num_values == 0:
        return NO_ROWS, NO_ROWS
    content = chunk.content(loaded)
    if loaded.is_dictionary_encoded:
        if entries is None:
            entries = _codes_of(chunk.dictionary.arrow(), wanted, codes)
        indices, _ = decode_indices(content.values, content.value_count, len(entries))
        which = entries[indices]
    elif content.value_count:
        column = decode_column(chunk.leaf, loaded.encoding, content.values, content.value_count)
        which = _codes_of(column.arrow(), wanted, codes)
    else:
        return NO_ROWS, NO_ROWS
    positions = np.flatnonzero(which != _NOT_WANTED)
    return rows_of(page.first_row, content.present, positions), which[positions]


def _codes_of(values: pa.Array, wanted: Wanted, codes: Ints) -> Ints:
    """Every value's code, -1 for those not wanted."""
    places = pc.index_in(values, value_set=wanted.arrow, skip_nulls=True).fill_null(len(codes))
    padded = np.append(codes, _NOT_WANTED)
    which: Ints = padded[places.to_numpy(zero_copy_only=False)]
    return which
