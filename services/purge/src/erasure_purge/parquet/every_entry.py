"""Whether a chunk's rows use its whole dictionary: mostly its first pages tell."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from .dictionary import entries_of
from .encodings import decode_indices
from .pages import ColumnChunk


def uses_every_entry(chunk: ColumnChunk) -> bool:
    """Whether every entry of the dictionary is some row's value; pages are read until it shows.

    True without a dictionary.
    """
    unused = None
    for page in chunk.walk():
        if chunk.dictionary_page is None:
            return True
        if unused is None:
            unused = np.ones(len(chunk.dictionary), np.bool_)
        loaded = chunk.load(page)
        if loaded.is_dictionary_encoded and loaded.num_values:
            content = chunk.content(loaded)
            indices, _ = decode_indices(content.values, content.value_count, len(unused))
            unused[indices] = False
        if not unused.any():
            return True
    return chunk.dictionary_page is None or (unused is None and len(chunk.dictionary) == 0)


def names_one(chunk: ColumnChunk, values: pa.Array) -> bool:
    """Whether the dictionary has an entry of one of these values, whoever uses it."""
    next(chunk.walk(), None)
    return chunk.dictionary_page is not None and bool(entries_of(chunk.dictionary, values).any())
