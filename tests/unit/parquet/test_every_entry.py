"""A dictionary that its own rows use up names nobody who is gone, and a few pages show it."""

from __future__ import annotations

import pyarrow as pa
import pytest

from erasure_purge.parquet import InMemory
from erasure_purge.parquet.every_entry import uses_every_entry
from erasure_purge.parquet.footer import GroupField, group_columns, read_footer
from erasure_purge.parquet.pages import ColumnChunk
from erasure_purge.parquet.source import CountingSource
from tests.unit.parquet.people import ID, written

ROWS = 200_000
TIER = "tier"
TIERS = ["gold", "iron", "zinc"]


def people(tiers: list[str]) -> InMemory:
    table = pa.table({ID: [f"person-{n:05}" for n in range(len(tiers))], TIER: tiers})
    return written(table, row_group_size=len(tiers) // 2, use_dictionary=[TIER], compression="none")


def chunk_of(
    source: InMemory, group: int, window_bytes: int = 64
) -> tuple[CountingSource, ColumnChunk]:
    footer = read_footer(source)
    row_group = footer.row_groups[group]
    counted = CountingSource(source)
    rows = row_group.integer(GroupField.NUM_ROWS)
    column, leaf = group_columns(row_group)[1], footer.leaves[1]
    return counted, ColumnChunk(counted, column, leaf, rows, window_bytes)


def mixed(rows: int = ROWS) -> list[str]:
    return [TIERS[n % 3] for n in range(rows)]


def test_the_first_pages_tell_that_every_entry_is_used() -> None:
    counted, chunk = chunk_of(people(mixed()), 1)

    assert uses_every_entry(chunk)
    assert counted.read_bytes < (chunk.end - chunk.start) / 2


def test_an_entry_in_the_last_row_is_used() -> None:
    _, chunk = chunk_of(people([*mixed(ROWS - 1), "rare"]), 1)

    assert uses_every_entry(chunk)


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_an_entry_of_no_row_is_not_used(compression: str) -> None:
    table = pa.table(
        {ID: [f"p{n}" for n in range(9)], TIER: pa.array(TIERS * 3).dictionary_encode()}
    )
    table = table.set_column(
        1, TIER, pa.DictionaryArray.from_arrays(pa.array([0, 1, 0] * 3), pa.array(TIERS))
    )
    _, chunk = chunk_of(written(table, compression=compression), 0)

    assert not uses_every_entry(chunk)


def test_without_a_dictionary_there_is_nothing_to_use() -> None:
    source = written(pa.table({ID: ["a", "b"], TIER: ["x", "y"]}), use_dictionary=False)
    _, chunk = chunk_of(source, 0)

    assert uses_every_entry(chunk)
