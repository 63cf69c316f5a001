"""INT96 timestamps: pyarrow reads them as nanoseconds in 64 bits, and wraps around in silence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from erasure_shared.errors import Rejected

_FURTHEST_US = (2**63 - 1) // 1_000 - 1


def check_int96(original: pq.ParquetFile, source: BinaryIO) -> None:
    """Refuse dates that 64 bits of nanoseconds do not reach: 1677-09-21 to 2262-04-11.

    Raises:
        Rejected: pyarrow would write another date into a row that is kept.
    """
    columns = [original.schema.column(i) for i in range(len(original.schema))]
    paths = [column.path for column in columns if column.physical_type == "INT96"]
    if not paths:
        return
    coarse = pq.ParquetFile(source, coerce_int96_timestamp_unit="us")
    for number in range(coarse.num_row_groups):
        for column in coarse.read_row_group(number, columns=paths).columns:
            if any(_is_too_far(leaf) for chunk in column.chunks for leaf in _leaves(chunk)):
                raise Rejected(
                    "an INT96 date lies outside 1677-2262 and would be changed by a rewrite",
                    reason_code="UNFAITHFUL_REWRITE",
                )


def _leaves(array: pa.Array) -> Iterator[pa.Array]:
    if pa.types.is_struct(array.type):
        for field in array.flatten():
            yield from _leaves(field)
    elif pa.types.is_nested(array.type):
        yield from _leaves(array.flatten())
    else:
        yield array


def _is_too_far(leaf: pa.Array) -> bool:
    if not pa.types.is_timestamp(leaf.type):
        return False
    bounds = pc.min_max(leaf.cast(pa.int64())).as_py()
    return bounds["min"] is not None and (
        bounds["min"] < -_FURTHEST_US or bounds["max"] > _FURTHEST_US
    )
