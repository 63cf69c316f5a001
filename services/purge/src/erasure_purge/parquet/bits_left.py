"""What a text search cannot find: numbers, dates, decimals and short texts of the erased.

In every row group that lost rows, the values that only the lost rows held are compared, bit by bit,
with the dictionary entries and the bounds that are stated. The values are read by pyarrow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from .by_arrow import first_dictionary
from .footer import Leaf
from .ids import as_arrow
from .levels import Bools
from .one_chunk import bits_of, read_chunk
from .order import PhysicalType, decimal_scale
from .pages import ColumnChunk
from .scan import named_bounds

_FILLER = re.compile(rb"[0-9]{0,9}", re.ASCII)  # what blanked entries of texts may hold
_COMPARED = (
    PhysicalType.INT32,
    PhysicalType.INT64,
    PhysicalType.FLOAT,
    PhysicalType.DOUBLE,
    PhysicalType.BYTE_ARRAY,
    PhysicalType.FIXED_LEN_BYTE_ARRAY,
)


@dataclass(frozen=True)
class LostRows:
    """A column chunk before and after it lost the rows of a mask."""

    before: ColumnChunk
    after: ColumnChunk
    mask: Bools


def places_left(lost: LostRows) -> Iterator[str]:
    """Where the new chunk still names a value that only lost rows held."""
    leaf = lost.before.leaf
    if leaf.physical not in _COMPARED or not lost.mask.any():
        return
    if leaf.width == 0 and decimal_scale(leaf.element) is not None:
        return  # one number has many spellings there
    gone = _gone(lost, leaf)
    if len(gone) == 0:
        return
    dictionary = first_dictionary(lost.after)
    if dictionary is not None and _any_in(dictionary.arrow(), gone):
        yield f"dictionary of {leaf.name}"
    for place, named in named_bounds(lost.after):
        fitting = [value for value in named if not leaf.width or len(value) == leaf.width]
        if fitting and _any_in(as_arrow(leaf, fitting), gone):
            yield f"{place} of {leaf.name}"


def _gone(lost: LostRows, leaf: Leaf) -> pa.Array:
    """The distinct values of the lost rows that no row holds that stays in the row group."""
    table = read_chunk(lost.before)
    erased, remaining = (
        bits_of(table.filter(pa.array(mask)), leaf) for mask in (lost.mask, ~lost.mask)
    )
    gone = pc.unique(erased).drop_null()
    gone = gone.filter(pc.invert(pc.is_in(gone, value_set=remaining)))
    if leaf.width:
        # Zero stands in for blanked entries, and for the other zero in bounds of floats.
        zero = as_arrow(leaf, [bytes(leaf.width)])
        zeros = [zero] if leaf.physical not in _FLOATS else [zero, as_arrow(leaf, [_minus(leaf)])]
        return gone.filter(pc.invert(pc.is_in(gone, value_set=pa.concat_arrays(zeros))))
    named = [value for value in gone.to_pylist() if not _FILLER.fullmatch(value)]
    return pa.array(named, pa.binary())


_FLOATS = (PhysicalType.FLOAT, PhysicalType.DOUBLE)


def _minus(leaf: Leaf) -> bytes:
    return bytes(leaf.width - 1) + b"\x80"


def _any_in(values: pa.Array, gone: pa.Array) -> bool:
    return bool(pc.any(pc.is_in(values, value_set=gone)).as_py())
