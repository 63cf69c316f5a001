"""Random tables, as other people's writers could have made them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

IDS = ("ann", "bob", "eve", "o'hara", "é", "")
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=5)
_INSTANTS = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
_VALUES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.string(): _TEXT,
    pa.binary(): st.binary(max_size=5),
    pa.int8(): st.integers(-128, 127),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint32(): st.integers(0, 2**32 - 1),
    pa.float64(): st.floats(),
    pa.float32(): st.floats(width=32),
    pa.bool_(): st.booleans(),
    pa.decimal128(12, 2): st.decimals(-(10**9), 10**9, places=2).map(Decimal),
    pa.date32(): st.dates(),
    pa.timestamp("us", tz="UTC"): _INSTANTS,
    pa.timestamp("ms"): _INSTANTS.map(
        lambda at: at.replace(tzinfo=None, microsecond=at.microsecond // 1000 * 1000)
    ),
}
_SCALARS = st.sampled_from(list(_VALUES))
TYPES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        inner.map(pa.list_),
        st.tuples(inner, inner).map(lambda two: pa.struct(zip("xy", two, strict=True))),
    ),
    max_leaves=4,
)


def values(kind: pa.DataType) -> st.SearchStrategy[Any]:
    """A value of that type, or null."""
    if pa.types.is_list(kind):
        filled: st.SearchStrategy[Any] = st.lists(values(kind.value_type), max_size=3)
    elif pa.types.is_struct(kind):
        filled = st.fixed_dictionaries({field.name: values(field.type) for field in kind})
    else:
        filled = _VALUES[kind]
    return st.none() | filled


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Some rows of a few people, with columns of any type beside."""
    rows = draw(st.integers(1, 30))
    ids = draw(st.lists(st.none() | st.sampled_from(IDS), min_size=rows, max_size=rows))
    id_column = pa.array(ids, pa.string())
    columns = {"profile_id": id_column.dictionary_encode() if draw(st.booleans()) else id_column}
    for number, kind in enumerate(draw(st.lists(TYPES, max_size=4))):
        cells = draw(st.lists(values(kind), min_size=rows, max_size=rows))
        columns[f"c{number}"] = pa.array(cells, kind)
    return pa.table(columns)


WRITING = st.fixed_dictionaries(
    {
        "compression": st.sampled_from(["NONE", "SNAPPY", "GZIP", "ZSTD"]),
        "data_page_version": st.sampled_from(["1.0", "2.0"]),
        "use_dictionary": st.booleans(),
        "row_group_size": st.integers(1, 40),
        "data_page_size": st.sampled_from([64, 1_000_000]),
        "write_page_index": st.booleans(),
        "store_schema": st.booleans(),
        "version": st.sampled_from(["1.0", "2.4", "2.6"]),
    }
)
"""How the file is written."""
