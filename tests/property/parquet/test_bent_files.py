"""Bytes flipped anywhere in footers, page headers and the beginnings of pages.

Nothing but a named refusal may leave the engine, and nothing wrong may be proven right. Where
pyarrow reads a bent file, what was proven is compared with what it reads.

ERASURE_FUZZ_EXAMPLES=2000 makes a long run of it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, event, given, settings

from erasure_purge.parquet import (
    InMemory,
    UnsupportedParquet,
    plan_erasure,
    planned_bytes,
    scan,
    verify,
)
from erasure_purge.parquet.footer import chunk_meta, chunk_range, group_columns, read_footer
from erasure_purge.parquet.raw_pages import walk_raw
from tests.unit.parquet.people import ID, written
from tests.unit.parquet.rebuilt import behind_an_index_page, from_the_future, rebuilt

EXAMPLES = int(os.environ.get("ERASURE_FUZZ_EXAMPLES", "300"))
TENANT = "tenant"
ROWS = 120
_BODY_BYTES = 8
_WRITERS: list[dict[str, Any]] = [
    {},
    {"data_page_version": "2.0"},
    {"compression": "gzip", "write_page_checksum": True, "write_page_index": True},
    {"compression": "none", "use_dictionary": False, "data_page_version": "2.0"},
    {"compression": "none", "use_dictionary": False, "write_page_index": True},
    {
        "compression": "none",
        "use_dictionary": False,
        "column_encoding": {
            ID: "DELTA_BYTE_ARRAY",
            TENANT: "DELTA_BINARY_PACKED",
            "spend": "BYTE_STREAM_SPLIT",
        },
    },
    {"compression": "none"},
]


def _rows() -> pa.Table:
    rows = range(ROWS)
    return pa.table(
        {
            ID: [f"person-{n:04}" for n in rows],
            TENANT: [n % 3 for n in rows],
            "mail": [None if n % 7 == 0 else f"mail-of-{n}@example.com" for n in rows],
            "tags": [None if n % 11 == 0 else [f"tag-{n}"] * (n % 4) for n in rows],
            "spend": [n * 1.5 for n in rows],
            "active": [n % 2 == 0 for n in rows],
        }
    )


@cache
def _files() -> list[tuple[InMemory, list[int]]]:
    """Whole files, and the places in each where a flipped bit hurts most."""
    files = []
    for options in _WRITERS:
        source = written(
            _rows(), row_group_size=60, data_page_size=300, write_batch_size=20, **options
        )
        names = [leaf.name for leaf in read_footer(source).leaves]
        files += [
            source,
            rebuilt(source, behind_an_index_page, *names),
            rebuilt(source, from_the_future, *names[1:4]),
        ]
    return [(file, _places(file)) for file in files]


def _places(source: InMemory) -> list[int]:
    footer = read_footer(source)
    places = list(range(footer.offset, source.size_bytes))
    for group in footer.row_groups:
        for chunk, leaf in zip(group_columns(group), footer.leaves, strict=True):
            for page in walk_raw(source, *chunk_range(chunk_meta(chunk, leaf))):
                end = page.body_offset + min(_BODY_BYTES, page.body_bytes)
                places += range(page.offset, end)
    return places


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
@given(
    number=st.integers(0, 3 * len(_WRITERS) - 1),
    flips=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(1, 255)), min_size=1, max_size=4),
    people=st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=9),
    several=st.booleans(),
    trust=st.booleans(),
)
def test_a_bent_file_is_refused_by_name_or_erased_from_rightly(
    number: int, flips: list[tuple[int, int]], people: list[int], several: bool, trust: bool
) -> None:
    whole, places = _files()[number]
    bent = bytearray(whole.data)
    for at, bits in flips:
        bent[places[at % len(places)]] ^= bits
    source = InMemory(bytes(bent))
    column: str | Sequence[str] = (ID, TENANT) if several else ID
    ids = [(f"person-{n:04}", str(n % 3)) if several else f"person-{n:04}" for n in people]

    with suppress(UnsupportedParquet):
        scan(source, column, ids)
    try:
        plan = plan_erasure(source, column, ids, trust_statistics=trust)
    except UnsupportedParquet as refusal:
        event(refusal.reason)
        return
    after = InMemory(b"".join(planned_bytes(plan, source)))
    proof = verify(source, after, column, ids, plan=plan)

    event(f"proven {proof.holds}")
    if proof.holds:
        expected = [row for row in _read(source) if _who(row, several) not in ids]
        assert repr(_read(after)) == repr(expected)


def _read(source: InMemory) -> list[dict[str, Any]]:
    """The rows, texts as their bytes, for these may be bent, too."""
    table = pq.read_table(pa.BufferReader(source.data))
    columns = [
        pa.chunked_array([_texts_as_bytes(chunk) for chunk in column.chunks] or [[]])
        for column in table.columns
    ]
    values = zip(*(column.to_pylist() for column in columns), strict=True)
    return [dict(zip(table.column_names, row, strict=True)) for row in values]


def _texts_as_bytes(array: pa.Array) -> pa.Array:
    """The array with every text in it, however deep, as its bytes."""
    if pa.types.is_string(array.type):
        return array.view(pa.binary())
    if pa.types.is_list(array.type):
        values = _texts_as_bytes(array.values)
        return pa.ListArray.from_arrays(array.offsets, values, mask=array.is_null())
    if pa.types.is_struct(array.type):
        parts = [_texts_as_bytes(part) for part in array.flatten()]
        names = [part.name for part in array.type]
        return pa.StructArray.from_arrays(parts, names, mask=array.is_null())
    return array


def _who(row: dict[str, Any], several: bool) -> object:
    person = None if row[ID] is None else row[ID].decode("utf-8", "replace")
    return (person, str(row[TENANT])) if several else person
