"""An offset index that gives pages the wrong rows moves nobody's row."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from erasure_purge.parquet import InMemory, plan_erasure, verify
from erasure_purge.parquet.footer import (
    ChunkField,
    Footer,
    GroupField,
    footer_bytes,
    group_columns,
    read_footer,
)
from erasure_purge.parquet.pages import ColumnChunk
from erasure_purge.parquet.source import CountingSource
from erasure_purge.parquet.thrift_compact import Kind, decode, encode
from tests.unit.parquet.people import ID, applied, written

ROWS = 40
ROWS_OF_A_PAGE = 10
PEOPLE = [f"person-{n:04}" for n in range(ROWS)]
_LOCATIONS, _FIRST_ROW = 1, 3

ONE_ROW_LESS_BEFORE = [0, 9, 19, 29]
ELEMENTS = [0, 5, 15, 25]  # with half of the first page's lists empty


def people(**options: Any) -> InMemory:
    table = pa.table(
        {
            ID: PEOPLE,
            "number": pa.array(range(1000, 1000 + ROWS)),
            "tags": [[] if n < 10 and n % 2 else [f"tag-{n}"] for n in range(ROWS)],
        }
    )
    return written(
        table,
        write_page_index=True,
        max_rows_per_page=ROWS_OF_A_PAGE,
        compression="none",
        **options,
    )


def with_index(
    source: InMemory, column: int, firsts: list[int], *, has_column_index: bool = True
) -> InMemory:
    """The file with other row numbers in the offset index of one column."""
    footer = read_footer(source)
    out = source.data[: footer.offset]
    for group in footer.row_groups:
        chunk = group_columns(group)[column]
        index, _ = decode(source.data[chunk.integer(ChunkField.OFFSET_INDEX_OFFSET) :])
        places = index.items(_LOCATIONS)
        assert places is not None
        assert len(places) == len(firsts)
        for place, first in zip(places.structs(), firsts, strict=True):
            place.set_int(_FIRST_ROW, first)
        raw = encode(index)
        chunk.set_int(ChunkField.OFFSET_INDEX_OFFSET, len(out))
        chunk.set_int(ChunkField.OFFSET_INDEX_LENGTH, len(raw), Kind.I32)
        if not has_column_index:
            chunk.drop(ChunkField.COLUMN_INDEX_OFFSET, ChunkField.COLUMN_INDEX_LENGTH)
        out += raw
    return InMemory(out + footer_bytes(footer.document))


def rows_of(source: InMemory) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(source.data)).to_pylist()
    return rows


def is_indexed(footer: Footer, column: int) -> bool:
    chunk = group_columns(footer.row_groups[0])[column]
    return ChunkField.OFFSET_INDEX_OFFSET in chunk


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("has_column_index", [True, False])
@pytest.mark.parametrize(
    ("column", "firsts"),
    [
        (0, ONE_ROW_LESS_BEFORE),
        (1, ONE_ROW_LESS_BEFORE),
        (2, ONE_ROW_LESS_BEFORE),
        (2, ELEMENTS),
    ],
)
@pytest.mark.parametrize("person", [12, 15, 19])
@pytest.mark.parametrize("use_dictionary", [True, False])
def test_an_index_that_counts_other_rows_moves_nobodys_row(
    version: str,
    has_column_index: bool,
    column: int,
    firsts: list[int],
    person: int,
    use_dictionary: bool,
) -> None:
    truth = people(data_page_version=version, use_dictionary=use_dictionary)
    source = with_index(truth, column, firsts, has_column_index=has_column_index)

    plan = plan_erasure(source, ID, [PEOPLE[person]])

    after = applied(plan, source)
    assert rows_of(after) == [row for row in rows_of(source) if row[ID] != PEOPLE[person]]
    assert not is_indexed(read_footer(after), column)
    assert all(
        verify(source, after, ID, [PEOPLE[person]], plan=plan, thorough=thorough).holds
        for thorough in (True, False)
    )


def test_people_named_by_two_columns_are_found_in_spite_of_such_an_index() -> None:
    for column in (0, 1):
        source = with_index(people(), column, ONE_ROW_LESS_BEFORE)

        plan = plan_erasure(source, (ID, "number"), [(PEOPLE[15], "1015")])

        assert rows_of(applied(plan, source)) == rows_of(source)[:15] + rows_of(source)[16:]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("has_column_index", [True, False])
def test_a_true_index_is_kept(version: str, has_column_index: bool) -> None:
    source = people(data_page_version=version)
    for column in range(3):
        source = with_index(source, column, [0, 10, 20, 30], has_column_index=has_column_index)

    plan = plan_erasure(source, ID, [PEOPLE[15]])

    after = applied(plan, source)
    assert plan.report.indexes_dropped == 0
    assert all(is_indexed(read_footer(after), column) for column in range(3))
    assert rows_of(after) == rows_of(source)[:15] + rows_of(source)[16:]


def test_a_page_that_the_index_hides_before_the_first_is_not_taken_for_a_dictionary() -> None:
    source = people(use_dictionary=False)
    footer = read_footer(source)
    chunk = group_columns(footer.row_groups[0])[1]
    index, _ = decode(source.data[chunk.integer(ChunkField.OFFSET_INDEX_OFFSET) :])
    places = index.items(_LOCATIONS)
    assert places is not None
    del places[0]
    for place, first in zip(places.structs(), [0, 10, 20], strict=True):
        place.set_int(_FIRST_ROW, first)
    raw = encode(index)
    chunk.set_int(ChunkField.OFFSET_INDEX_OFFSET, footer.offset)
    chunk.set_int(ChunkField.OFFSET_INDEX_LENGTH, len(raw), Kind.I32)
    source = InMemory(source.data[: footer.offset] + raw + footer_bytes(footer.document))

    after = applied(plan_erasure(source, ID, [PEOPLE[5]]), source)

    assert rows_of(after) == [row for row in rows_of(source) if row[ID] != PEOPLE[5]]


def test_pages_after_the_last_row_that_goes_are_not_asked() -> None:
    table = pa.table({ID: [f"{n:06}" for n in range(200_000)], "text": ["x" * 99] * 200_000})
    source = written(table, write_page_index=True, use_dictionary=False, compression="none")
    footer = read_footer(source)
    group = footer.row_groups[0]
    counted = CountingSource(source)
    column, leaf = group_columns(group)[1], footer.leaves[1]
    chunk = ColumnChunk(counted, column, leaf, group.integer(GroupField.NUM_ROWS), 1024)

    plan = plan_erasure(source, ID, ["000001"])

    assert len(chunk.pages()) > 8
    assert plan.report.bytes_read < (chunk.end - chunk.start) / 4
