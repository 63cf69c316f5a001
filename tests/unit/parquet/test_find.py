"""The cheapest proof of absence comes first; the report says which it was."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from erasure_purge.parquet import InMemory, plan_erasure
from erasure_purge.parquet.bloom import xxh64
from erasure_purge.parquet.encodings import Encoding
from erasure_purge.parquet.footer import (
    ChunkField,
    MetaField,
    footer_bytes,
    group_columns,
    read_footer,
)
from erasure_purge.parquet.source import CountingSource
from tests.unit.parquet.people import ID, erased, file_of, ids_in

MANY = [f"person-{n:05}" for n in range(20_000)]


def _reasons(ids: list[str], **options: Any) -> set[str]:
    plan = plan_erasure(file_of(MANY, **options), ID, ids)
    return {group.reason for group in plan.report.groups}


def test_statistics_exclude_row_groups() -> None:
    assert _reasons(["somebody"], row_group_size=5_000) == {"statistics exclude every id"}


def test_a_page_index_leaves_one_page_to_read() -> None:
    source = file_of(MANY, write_page_index=True, data_page_size=4_096, use_dictionary=False)
    counted = CountingSource(source)

    plan = plan_erasure(counted, ID, [MANY[12_345]], window_bytes=64)

    assert plan.report.groups[0].reason == "1 rows found in 1 pages of the id column"
    assert counted.read_bytes < source.size_bytes / 2


def test_a_page_index_can_exclude_every_page() -> None:
    source = file_of([*MANY[:5_000], *MANY[6_000:]], write_page_index=True, data_page_size=1_024)

    plan = plan_erasure(source, ID, ["person-05500"])

    assert not plan.changes


def test_a_full_dictionary_without_the_id_spares_the_pages() -> None:
    ids = [f"p{n % 7}" for n in range(5_000)]

    plan = plan_erasure(file_of(ids, write_statistics=False), ID, ["p9"])

    assert plan.report.groups[0].reason == "the dictionary holds no wanted id"


def test_lying_statistics_can_be_distrusted() -> None:
    source = file_of(MANY, use_dictionary=False)

    plan = plan_erasure(source, ID, ["zzz"], trust_statistics=False)

    assert plan.report.groups[0].reason.startswith("0 rows found")


def test_a_lying_count_of_encodings_can_be_distrusted() -> None:
    source = file_of(MANY, dictionary_pagesize_limit=1_024, data_page_size=1_024)
    footer = read_footer(source)
    for chunk in group_columns(footer.row_groups[0]):
        meta = chunk.struct(ChunkField.META)
        assert meta is not None
        counts = meta.items(MetaField.ENCODING_STATS)
        assert counts is not None
        counts[:] = [one for one in counts.structs() if one.integer(2) != Encoding.PLAIN]
        assert counts
    lying = InMemory(source.data[: footer.offset] + footer_bytes(footer.document))

    assert plan_erasure(lying, ID, [MANY[-1]], trust_statistics=False).rows_erased == 1


@pytest.mark.parametrize("count", [1, 3, 5, 1_500])
def test_few_and_many_ids_are_found_alike(count: int) -> None:
    wanted = MANY[:: len(MANY) // count][:count]

    after = erased(file_of(MANY), wanted)

    assert ids_in(after) == [one for one in MANY if one not in set(wanted)]


def test_a_hundred_thousand_ids_are_sought_at_once() -> None:
    strangers = [f"stranger-{n}" for n in range(100_000 - 2)]

    plan = plan_erasure(file_of(MANY), ID, [*strangers, MANY[7], MANY[19_999]])

    assert plan.rows_by_id == {MANY[7]: 1, MANY[19_999]: 1}


@pytest.mark.parametrize("options", [{"write_page_index": True}, {}])
def test_a_sorted_file_stays_sorted_and_is_still_searched_by_its_indexes(
    options: dict[str, Any],
) -> None:
    sorting = [pq.SortingColumn(0)]
    source = file_of(
        MANY, data_page_size=4_096, write_batch_size=64, sorting_columns=sorting, **options
    )
    gone = [MANY[0], *MANY[5_000:5_400], MANY[-1]]  # both ends, and whole pages

    after = erased(source, gone)

    left = pq.ParquetFile(pa.BufferReader(after.data))
    assert left.metadata.row_group(0).sorting_columns == tuple(sorting)
    for one, rows in ((MANY[1], 1), (MANY[5_100], 0), (MANY[5_400], 1), (MANY[-2], 1)):
        found = pq.read_table(pa.BufferReader(after.data), filters=[(ID, "=", one)])
        assert found.num_rows == rows
        assert plan_erasure(after, ID, [one]).rows_erased == rows


def test_hashes_are_those_of_the_specification() -> None:
    # https://github.com/Cyan4973/xxHash: XXH64 with seed 0
    assert xxh64(b"") == 0xEF46DB3751D8E999
    assert xxh64(b"a") == 0xD24EC4F1A98C6E5B
    assert xxh64(b"abc") == 0x44BC2CF5AD770999
    text = b"Nobody inspects the spammish repetition"
    assert xxh64(text) == 0xFBCEA83C8A378BF1
