"""Pages that state the bounds of more than themselves do not name what another page lost."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from erasure_purge.parquet import InMemory, plan_erasure, verify
from erasure_purge.parquet.footer import (
    ChunkField,
    MetaField,
    chunk_meta,
    footer_bytes,
    group_columns,
    read_footer,
)
from erasure_purge.parquet.page import PageField, V1Field
from erasure_purge.parquet.thrift_compact import Items, Kind, Struct, decode, encode
from tests.unit.parquet.people import ID, applied, written
from tests.unit.parquet.rebuilt import Page, rebuilt

ROWS = 30
PEOPLE = [f"person-{n:04}" for n in range(ROWS)]
ERASED, EXTREME = 3, 99_999
_MAX, _MIN = 5, 6
_MIN_VALUES, _MAX_VALUES = 2, 3


def number(value: int) -> bytes:
    return struct.pack("<q", value)


def bounds(low: int, high: int) -> Struct:
    return Struct({_MAX: (Kind.BINARY, number(high)), _MIN: (Kind.BINARY, number(low))})


def people(*, write_page_index: bool = False, extremes: tuple[int, ...] = (ERASED,)) -> InMemory:
    numbers = [EXTREME if n in extremes else 1_000 + n for n in range(ROWS)]
    table = pa.table({ID: PEOPLE, "number": pa.array(numbers, pa.int64())})
    return written(
        table,
        write_page_index=write_page_index,
        max_rows_per_page=10,
        use_dictionary=False,
        write_statistics=[ID] if not write_page_index else True,
        compression="none",
    )


def stating(is_stated: Callable[[int], bool]) -> Callable[[Struct, bytes], Iterable[Page]]:
    """Page headers that state the whole chunk's bounds, from the first page on."""
    pages = iter(range(ROWS))

    def change(header: Struct, body: bytes) -> Iterable[Page]:
        details = header.struct(PageField.DATA)
        assert details is not None
        details.drop(V1Field.STATISTICS)
        if is_stated(next(pages)):
            details.set(V1Field.STATISTICS, Kind.STRUCT, bounds(1_000, EXTREME))
        yield header, body

    return change


def with_chunk_bounds(source: InMemory, stated: Struct | None) -> InMemory:
    footer = read_footer(source)
    meta = chunk_meta(group_columns(footer.row_groups[0])[1], footer.leaves[1])
    meta.drop(MetaField.STATISTICS)
    if stated is not None:
        meta.set(MetaField.STATISTICS, Kind.STRUCT, stated)
    return InMemory(source.data[: footer.offset] + footer_bytes(footer.document))


def with_wide_index(source: InMemory) -> InMemory:
    footer = read_footer(source)
    chunk = group_columns(footer.row_groups[0])[1]
    index, _ = decode(source.data[chunk.integer(ChunkField.COLUMN_INDEX_OFFSET) :])
    index.set(_MIN_VALUES, Kind.LIST, Items(Kind.BINARY, [number(1_000)] * 3))
    index.set(_MAX_VALUES, Kind.LIST, Items(Kind.BINARY, [number(EXTREME)] * 3))
    raw = encode(index)
    chunk.set_int(ChunkField.COLUMN_INDEX_OFFSET, footer.offset)
    chunk.set_int(ChunkField.COLUMN_INDEX_LENGTH, len(raw), Kind.I32)
    return InMemory(source.data[: footer.offset] + raw + footer_bytes(footer.document))


def in_headers(stated: Struct | None, *, of_cut_page: bool = True) -> InMemory:
    source = rebuilt(people(), stating(lambda page: of_cut_page or page > 0), "number")
    return with_chunk_bounds(source, stated)


WIDE = {
    "column index, no chunk statistics": lambda: with_chunk_bounds(
        with_wide_index(people(write_page_index=True)), None
    ),
    "page headers, no chunk statistics": lambda: in_headers(None),
    "page headers, the cut page has none": lambda: in_headers(
        bounds(1_000, EXTREME), of_cut_page=False
    ),
    "page headers, wider chunk statistics": lambda: in_headers(bounds(0, 100_000)),
}


@pytest.mark.parametrize("source", WIDE.values(), ids=WIDE)
def test_no_bound_names_what_another_page_lost(source: Callable[[], InMemory]) -> None:
    before = source()
    assert before.data.count(number(EXTREME)) > 2

    plan = plan_erasure(before, ID, [PEOPLE[ERASED]])

    after = applied(plan, before)
    rows = pq.read_table(io.BytesIO(after.data)).to_pylist()
    assert number(EXTREME) not in after.data
    assert [row[ID] for row in rows] == PEOPLE[:ERASED] + PEOPLE[ERASED + 1 :]
    assert verify(before, after, ID, [PEOPLE[ERASED]], plan=plan).holds


def test_a_bound_that_is_a_row_of_the_page_itself_stays() -> None:
    source = people(write_page_index=True, extremes=(ERASED, 25))

    after = applied(plan_erasure(source, ID, [PEOPLE[ERASED]]), source)

    chunk = group_columns(read_footer(after).row_groups[0])[1]
    index, _ = decode(after.data[chunk.integer(ChunkField.COLUMN_INDEX_OFFSET) :])
    highs = index.items(_MAX_VALUES)
    assert highs == [number(1_009), number(1_019), number(EXTREME)]
