"""Whether a bloom filter remembers what is not there: proven by values that pyarrow reads."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .bloom import BloomFilter, NewBloomFilter
from .by_arrow import first_dictionary
from .encodings import ByteColumn, Column, FixedColumn
from .footer import Leaf, MetaField
from .one_chunk import bits_of, read_chunk
from .pages import ColumnChunk


def remembers_others(chunk: ColumnChunk) -> bool:
    """Whether some bit of the chunk's filter comes from none of its values or entries."""
    if MetaField.BLOOM_OFFSET not in chunk.meta:
        return False
    stored = BloomFilter.of(chunk.source, chunk.meta)
    explained = NewBloomFilter.like(chunk.source, chunk.meta)
    if stored is None or explained is None:
        return True
    values = pc.unique(bits_of(read_chunk(chunk), chunk.leaf))
    explained.insert(_column(values, chunk.leaf))
    dictionary = first_dictionary(chunk)
    if dictionary is not None:
        explained.insert(dictionary)
    bits, known = (np.frombuffer(data, np.uint8) for data in (stored.bits, explained.bits))
    return bool((bits & ~known).any())


def _column(values: pa.Array, leaf: Leaf) -> Column:
    if not leaf.width:
        return ByteColumn.of(values)
    data = np.frombuffer(values.buffers()[1] or b"", np.uint8)
    octets = data[: len(values) * leaf.width].reshape(len(values), leaf.width)
    return FixedColumn(leaf.physical, octets)
