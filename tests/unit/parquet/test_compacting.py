"""Dictionaries lose the entries of the erased where that costs no more than it saves."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from erasure_purge.parquet import InMemory, plan_erasure, scan, verify
from erasure_purge.parquet.encodings import FixedColumn
from erasure_purge.parquet.errors import MalformedParquet
from erasure_purge.parquet.footer import GroupField, group_columns, read_footer
from erasure_purge.parquet.order import PhysicalType
from erasure_purge.parquet.pages import ColumnChunk
from erasure_purge.parquet.renumbering import Renumbering
from tests.unit.parquet.people import ID, applied, written

_PEOPLE = 3_000
_IDS = [f"person-{n:05}" for n in range(_PEOPLE)]


def _visits(order: list[int], **options: Any) -> InMemory:
    """Two visits of each person; without statistics, so that only dictionaries name them."""
    table = pa.table(
        {
            ID: [_IDS[n] for n in order],
            "email": [None if n % 7 == 0 else f"{_IDS[n]}@example.com" for n in order],
            "joined": pa.array([n * 1_000_003 for n in order], pa.int64()),
            "tags": [[f"tag-{n}", f"tag-{n // 2}"][: n % 3] for n in order],
        }
    )
    return written(table, compression="none", write_statistics=False, **options)


def _entries(source: InMemory) -> list[int]:
    """Entries of every column's dictionary."""
    footer = read_footer(source)
    (group,) = footer.row_groups
    counts = []
    for column, leaf in zip(group_columns(group), footer.leaves, strict=True):
        chunk = ColumnChunk(source, column, leaf, group.integer(GroupField.NUM_ROWS), 1 << 16)
        assert chunk.pages()
        counts.append(len(chunk.dictionary))
    return counts


def _distinct(source: InMemory) -> list[int]:
    table = pq.read_table(io.BytesIO(source.data))
    columns = [
        table[ID],
        table["email"],
        table["joined"],
        pa.chunked_array([pa.array([tag for tags in table["tags"].to_pylist() for tag in tags])]),
    ]
    return [len(set(column.drop_null().to_pylist())) for column in columns]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_where_every_page_is_cut_dictionaries_keep_only_what_is_used(version: str) -> None:
    order = [n % _PEOPLE for n in range(2 * _PEOPLE)]
    before = _visits(order, data_page_version=version, write_page_index=True)
    gone = _IDS[::4]
    plan = plan_erasure(before, ID, gone)

    after = applied(plan, before)

    assert _entries(after) == _distinct(after)
    assert sum(group.dictionary_entries_removed for group in plan.report.groups) > len(gone)
    assert sum(group.dictionary_entries_blanked for group in plan.report.groups) == 0
    assert verify(before, after, ID, gone, plan=plan).holds
    assert len(after.data) / len(before.data) <= 1.01 * plan.rows_after / plan.rows_before


def test_pages_without_erased_rows_are_renumbered_where_enough_is_saved() -> None:
    order = sorted(n % _PEOPLE for n in range(2 * _PEOPLE))
    before = _visits(order, data_page_size=256, write_batch_size=100)
    gone = _IDS[:1_000]

    plan = plan_erasure(before, ID, gone)

    after = applied(plan, before)
    assert _entries(after) == _distinct(after)
    assert verify(before, after, ID, gone, plan=plan).holds
    assert scan(after, ID, gone).is_clean


def test_one_person_is_blanked_and_the_other_pages_stay() -> None:
    order = sorted(n % _PEOPLE for n in range(2 * _PEOPLE))
    before = _visits(order, data_page_size=256, write_batch_size=100)

    plan = plan_erasure(before, ID, _IDS[500:501])

    (group,) = plan.report.groups
    assert group.dictionary_entries_removed == 0
    assert group.dictionary_entries_blanked >= 3
    assert group.pages_cut < group.pages / 10


def test_a_dictionary_of_which_nothing_remains_is_blanked() -> None:
    before = written(pa.table({ID: ["a", "b"], "note": ["of somebody", None]}))
    plan = plan_erasure(before, ID, ["a"])

    after = applied(plan, before)

    assert pq.read_table(io.BytesIO(after.data)).to_pylist() == [{ID: "b", "note": None}]
    assert verify(before, after, ID, ["a"], plan=plan).holds


@pytest.mark.parametrize("many", [3, 300])
def test_what_blanks_an_entry_is_nobodys_value(many: int) -> None:
    values = ["", *map(str, range(many))]
    before = written(pa.table({ID: ["a"] * len(values) + ["b"], "number": [*values, None]}))

    after = applied(plan_erasure(before, ID, ["a"]), before)

    footer = read_footer(after)
    column, leaf = group_columns(footer.row_groups[0])[1], footer.leaves[1]
    chunk = ColumnChunk(after, column, leaf, 1, 1 << 16)
    assert chunk.pages()
    entries = chunk.dictionary.selected(np.ones(len(chunk.dictionary), np.bool_))
    assert len(entries) == len(values)
    assert not set(entries) & {value.encode() for value in values}


def test_a_categorical_column_keeps_its_living_categories_in_every_row_group() -> None:
    names = [f"category-of-{n:04}" for n in range(400)]
    table = pa.table({ID: _IDS[:400], "kind": pa.array(names).dictionary_encode()})
    before = written(table, row_group_size=100)
    gone = _IDS[:90]
    plan = plan_erasure(before, ID, gone)

    after = applied(plan, before)

    assert pq.read_table(io.BytesIO(after.data))["kind"].to_pylist() == names[90:]
    assert verify(before, after, ID, gone, plan=plan).holds


def test_an_index_of_an_entry_that_goes_is_never_written() -> None:
    column = FixedColumn(PhysicalType.INT32, np.arange(12, dtype=np.uint8).reshape(3, 4))
    by = Renumbering.without(column, np.array([False, True, False]))

    with pytest.raises(MalformedParquet):
        by.of(np.array([0, 1], np.uint32))

    assert by.of(np.array([2, 0], np.uint32)).tolist() == [1, 0]
