"""Finding rows through pyarrow, where this engine cannot read the id column's pages."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .encodings import Column, bits_type
from .errors import MalformedParquet, UnsupportedParquet
from .find import Found, Wanted, count_values, is_in
from .one_chunk import bits_of, read_chunk
from .order import PhysicalType
from .page import Page, PageKind
from .pages import ColumnChunk
from .raw_pages import walk_raw


def found_by_arrow(chunk: ColumnChunk, wanted: Wanted, refusal: UnsupportedParquet) -> Found:
    """Rows of the chunk's row group that hold a wanted id, ascending.

    Raises:
        UnsupportedParquet: the page level's refusal, where pyarrow does no better; or the
            dictionary cannot be read, so that it may name somebody whom no row names.
    """
    values = bits_by_arrow(chunk, refusal)
    mask = is_in(values, wanted.arrow)
    rows = np.flatnonzero(mask)
    counts: Counter[bytes] = Counter()
    count_values(counts, values.filter(pa.array(mask)), chunk.leaf.width)
    proof = f"{len(rows)} rows found by pyarrow ({refusal.reason})"
    dictionary = first_dictionary(chunk)
    hits = None if dictionary is None else is_in(dictionary.arrow(), wanted.arrow)
    return Found(rows, proof, hits, counts)


def bits_by_arrow(chunk: ColumnChunk, refusal: UnsupportedParquet) -> pa.Array:
    """A column's value per row in the type in which ids are compared; null where there is none."""
    try:
        column = read_chunk(chunk).column(0)
    except MalformedParquet:
        raise refusal from None
    arrays = [_value_of_each_row(array) for array in column.chunks]
    if chunk.leaf.width:
        arrays = [array.view(bits_type(chunk.leaf.width)) for array in arrays]
    return pa.concat_arrays(arrays)


def _value_of_each_row(array: pa.Array) -> pa.Array:
    while pa.types.is_struct(array.type):
        array = pc.struct_field(array, [0])
    return array


def first_dictionary(chunk: ColumnChunk) -> Column | None:
    """The dictionary, if the chunk begins with one; whatever comes after it.

    Raises:
        UnsupportedParquet: there is one that cannot be read.
    """
    first = next(walk_raw(chunk.source, chunk.start, chunk.end), None)
    if first is None or first.kind != PageKind.DICTIONARY:
        return None
    chunk.dictionary_page = Page(first.offset, first.size)
    return chunk.dictionary


def may_have_unused_entries(chunk: ColumnChunk, refusal: UnsupportedParquet) -> bool:
    """Whether the dictionary may hold a value that no row holds.

    Raises:
        UnsupportedParquet: the page level's refusal, where pyarrow does no better.
    """
    dictionary = first_dictionary(chunk)
    if dictionary is None:
        return False
    if chunk.leaf.physical is PhysicalType.INT96:
        return True
    try:
        values = bits_of(read_chunk(chunk), chunk.leaf)
    except MalformedParquet:
        raise refusal from None
    return not bool(is_in(dictionary.arrow(), pc.unique(values)).all())
