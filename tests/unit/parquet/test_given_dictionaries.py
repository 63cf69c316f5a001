"""A dictionary that was given to the writer names nobody whom the file lost, wherever it stands."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from erasure_purge.parquet import InMemory, plan_erasure, scan, verify
from erasure_purge.parquet.every_entry import uses_every_entry
from erasure_purge.parquet.footer import (
    FileField,
    GroupField,
    MetaField,
    chunk_meta,
    footer_bytes,
    group_columns,
    read_footer,
)
from erasure_purge.parquet.given_dictionaries import columns_of_given_dictionaries
from erasure_purge.parquet.pages import ColumnChunk
from tests.unit.parquet.people import ID, applied, written

PEOPLE = [f"person-{n:04}" for n in range(300)]
MAILS = [f"mail-of-{n:04}@example.com" for n in range(300)]
GROUP = 50
CATEGORY = pa.dictionary(pa.int32(), pa.string())


def category(indices: Sequence[int], entries: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(list(indices), pa.int32()), pa.array(entries))


def growing(column: str, **options: Any) -> InMemory:
    """Three row groups whose dictionaries all name everybody, and each somebody more."""
    kinds = {ID: pa.string(), "mail": pa.string()} | {column: CATEGORY}
    schema, sink = pa.schema(list(kinds.items())), io.BytesIO()
    with pq.ParquetWriter(sink, schema, compression="none", **options) as writer:
        for number in range(3):
            rows = range(number * GROUP, number * GROUP + GROUP)
            columns = {
                name: category(rows, values[: 200 + number])
                if name == column
                else values[rows[0] : rows[-1] + 1]
                for name, values in ((ID, PEOPLE), ("mail", MAILS))
            }
            writer.write_table(pa.table(columns, schema=schema))
    return InMemory(sink.getvalue())


def rows_of(source: InMemory) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(source.data)).to_pylist()
    return rows


def assert_forgotten(source: InMemory, person: int) -> InMemory:
    plan = plan_erasure(source, ID, [PEOPLE[person]])
    after = applied(plan, source)
    assert PEOPLE[person].encode() not in after.data
    assert MAILS[person].encode() not in after.data
    assert rows_of(after) == [row for row in rows_of(source) if row[ID] != PEOPLE[person]]
    assert verify(source, after, ID, [PEOPLE[person]], plan=plan).holds
    return after


@pytest.mark.parametrize("column", [ID, "mail"])
@pytest.mark.parametrize("person", [10, 60, 110])
@pytest.mark.parametrize("store_schema", [True, False])
def test_dictionaries_of_other_sizes_forget_whom_another_row_group_lost(
    column: str, person: int, store_schema: bool
) -> None:
    assert_forgotten(growing(column, store_schema=store_schema), person)


def test_a_value_erased_from_pages_without_the_dictionary_goes_from_it_too() -> None:
    # Of two dictionaries in one column Arrow writes the first; what comes after is written plain.
    mails = pa.chunked_array([category(range(100), MAILS[:250]), category(range(100, 200), MAILS)])
    source = written(pa.table({ID: PEOPLE[:200], "mail": mails}), compression="none")

    assert_forgotten(source, 150)


def test_a_dictionary_that_the_footer_does_not_state_is_found() -> None:
    table = pa.table({ID: PEOPLE, "mail": category(range(300), MAILS)})
    source = written(table, row_group_size=100, compression="none")
    footer = read_footer(source)
    for group in footer.row_groups:
        for chunk, leaf in zip(group_columns(group), footer.leaves, strict=True):
            meta = chunk_meta(chunk, leaf)
            meta.set_int(MetaField.DATA_PAGE_OFFSET, meta.integer(MetaField.DICTIONARY_OFFSET))
            meta.drop(MetaField.DICTIONARY_OFFSET)
    source = InMemory(source.data[: footer.offset] + footer_bytes(footer.document))

    assert_forgotten(source, 120)


def without_rows(number: int, source: InMemory) -> InMemory:
    """The file with a row group of which nothing is left but the dictionaries."""
    footer = read_footer(source)
    group = footer.row_groups[number]
    left = footer.num_rows - group.integer(GroupField.NUM_ROWS)
    group.set_int(GroupField.NUM_ROWS, 0)
    for chunk, leaf in zip(group_columns(group), footer.leaves, strict=True):
        meta = chunk_meta(chunk, leaf)
        start = meta.integer(MetaField.DICTIONARY_OFFSET)
        meta.set_int(MetaField.TOTAL_COMPRESSED, meta.integer(MetaField.DATA_PAGE_OFFSET) - start)
        meta.set_int(MetaField.NUM_VALUES, 0)
        meta.drop(MetaField.STATISTICS)
    footer.document.set_int(FileField.NUM_ROWS, left)
    return InMemory(source.data[: footer.offset] + footer_bytes(footer.document))


@pytest.mark.parametrize("number", [0, 1])
def test_the_dictionary_of_a_row_group_without_rows_names_nobody(number: int) -> None:
    # The same people twice, so that the row group left without rows names those of the other.
    table = pa.table({ID: PEOPLE * 2, "mail": MAILS * 2})
    source = without_rows(number, written(table, row_group_size=300, compression="none"))

    after = applied(plan_erasure(source, ID, [PEOPLE[7]]), source)

    footer = read_footer(after)
    group = footer.row_groups[number]
    for chunk, leaf in zip(group_columns(group), footer.leaves, strict=True):
        opened = ColumnChunk(after, chunk, leaf, 0, 1024)
        assert opened.pages() == []
        entries = opened.dictionary.selected(opened.dictionary.arrow().is_valid().to_numpy(False))
        assert PEOPLE[7].encode() not in entries
        assert MAILS[7].encode() not in entries


def test_a_value_that_a_row_there_still_holds_stays() -> None:
    tiers = ["gold", "silver", "bronze-and-rare"]
    sink = io.BytesIO()
    schema = pa.schema([(ID, pa.string()), ("tier", CATEGORY)])
    with pq.ParquetWriter(sink, schema, compression="none") as writer:
        for number, indices in enumerate(([0, 1], [0, 2], [1, 2])):
            entries = category(indices, [*tiers, *map(str, range(number))])
            table = pa.table({ID: PEOPLE[2 * number :][:2], "tier": entries}, schema=schema)
            writer.write_table(table)
    source = InMemory(sink.getvalue())

    after = applied(plan_erasure(source, ID, [PEOPLE[3]]), source)  # the second row group's "rare"

    assert rows_of(after) == [row for row in rows_of(source) if row[ID] != PEOPLE[3]]
    dictionaries = [
        pq.ParquetFile(io.BytesIO(after.data), read_dictionary=["tier"])
        .read_row_group(number)["tier"]
        .chunk(0)
        .dictionary.to_pylist()
        for number in range(3)
    ]
    assert [tiers[2] in entries for entries in dictionaries] == [False, False, True]


class Recording(InMemory):
    """Notes where it was read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.ranges: list[tuple[int, int]] = []

    def read(self, offset: int, length: int) -> bytes:
        self.ranges.append((offset, offset + length))
        return super().read(offset, length)


@pytest.mark.parametrize("is_given", [True, False])
def test_other_row_groups_are_asked_only_for_dictionaries_that_were_given(
    *, is_given: bool
) -> None:
    mails = [mail * (200 + n) for n, mail in enumerate(MAILS)]
    values = category(range(300), mails) if is_given else pa.array(mails)
    table = pa.table({ID: PEOPLE, "mail": values})
    source = Recording(written(table, row_group_size=100, compression="none").data)
    footer = read_footer(source)
    meta = chunk_meta(group_columns(footer.row_groups[1])[1], footer.leaves[1])
    start = meta.integer(MetaField.DICTIONARY_OFFSET)
    end = start + meta.integer(MetaField.TOTAL_COMPRESSED)

    plan_erasure(source, ID, [PEOPLE[7]])

    assert any(first < end and start < last for first, last in source.ranges) == is_given


@pytest.mark.parametrize(
    ("writer", "asked"),
    [
        (b"parquet-mr version 1.13.1", set()),
        (b"DuckDB version v1.4.0", set()),
        (b"parquet-cpp-arrow version 9.0.0", {0, 1, 2}),
        (b"fastparquet-python version 2024.11.0", {0, 1, 2}),
        (b"", {0, 1, 2}),
    ],
)
def test_without_arrows_schema_the_writer_decides(writer: bytes, asked: set[int]) -> None:
    table = pa.table({ID: ["a"], "tags": [["x"]], "score": [1.5], "is_member": [True]})
    sink = io.BytesIO()
    pq.write_table(table, sink, store_schema=False)
    footer = read_footer(InMemory(sink.getvalue()))
    footer.document.fields[FileField.CREATED_BY] = (
        footer.document.fields[FileField.CREATED_BY][0],
        writer,
    )

    assert columns_of_given_dictionaries(footer) == asked


def test_arrows_schema_tells_which_leaves_are_dictionaries() -> None:
    tier = category([0], ["gold"])
    table = pa.table(
        {
            "plain": ["a"],
            "struct": pa.StructArray.from_arrays([pa.array(["x"]), tier], ["text", "tier"]),
            "list": pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), tier),
            "map": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
            "last": tier,
        }
    )

    footer = read_footer(written(table))

    assert [leaf.name for leaf in footer.leaves if leaf.index in {2, 3, 6}] == [
        "struct.tier",
        "list.list.element",
        "last",
    ]
    assert columns_of_given_dictionaries(footer) == {2, 3, 6}


def test_a_dictionary_without_pages_has_an_entry_that_is_not_used() -> None:
    source = without_rows(0, written(pa.table({ID: PEOPLE}), compression="none"))
    footer = read_footer(source)
    chunk = group_columns(footer.row_groups[0])[0]

    assert not uses_every_entry(ColumnChunk(source, chunk, footer.leaves[0], 0, 1024))


def test_what_takes_the_place_of_an_entry_is_no_wanted_id() -> None:
    column = pa.array(["ann", "cleo", None]).dictionary_encode()
    source = written(pa.table({ID: column, "n": [1, 2, 3]}), row_group_size=1)
    wanted = ["ann", "cleo", "", "0"]

    after = applied(plan_erasure(source, ID, wanted), source)

    assert not plan_erasure(after, ID, wanted).changes


def test_bounds_taken_from_a_given_dictionary_name_nobody_who_is_gone() -> None:
    mails = ["ann@example.com", None]
    column = pa.array(mails).dictionary_encode()
    source = written(pa.table({ID: ["ann", "bob"], "mail": column}), row_group_size=1)
    assert source.data.count(b"ann@example.com") > 2, "the group of nobody's mail tells nothing"

    after = applied(plan_erasure(source, ID, ["ann"]), source)

    assert b"ann@example.com" not in after.data
    assert verify(source, after, ID, ["ann"]).holds


def test_a_partition_names_whom_it_holds_no_row_of_and_the_scanner_tells(tmp_path: Path) -> None:
    ids = pa.array(["ann-of-the-first", "bob-of-the-second"]).dictionary_encode()
    pq.write_to_dataset(pa.table({"part": [1, 2], ID: ids}), tmp_path, partition_cols=["part"])
    (second,) = (tmp_path / "part=2").iterdir()
    source = InMemory(second.read_bytes())

    assert not plan_erasure(source, ID, ["ann-of-the-first"]).rows_erased
    assert not scan(source, ID, ["ann-of-the-first"]).is_clean
