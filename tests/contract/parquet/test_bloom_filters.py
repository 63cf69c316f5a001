"""Bloom filters of chunks that lost rows: a reader of its own asks the new ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from erasure_purge.parquet import (
    ErasurePlan,
    InMemory,
    LocalFile,
    apply_plan,
    plan_erasure,
    planned_bytes,
    verify,
)
from erasure_purge.parquet.bloom import BloomFilter
from erasure_purge.parquet.footer import (
    MetaField,
    chunk_meta,
    footer_bytes,
    group_columns,
    read_footer,
)
from erasure_purge.parquet.thrift_compact import Kind, decode

ID = "profile_id"
_IDS = [f"person-{n:05}-{n * 7_919 % 10_007}" for n in range(4_000)]
_NUMBERS = [n * 1_000_003 for n in range(4_000)]
_FPP = 0.001
_WRITERS: dict[str, dict[str, Any]] = {
    "by dictionary": {},
    "plain": {"use_dictionary": False},
    "plain after a full dictionary": {"dictionary_pagesize_limit": 5_000, "data_page_size": 5_000},
    "split": {
        "use_dictionary": False,
        "column_encoding": {ID: "DELTA_BYTE_ARRAY", "number": "BYTE_STREAM_SPLIT"},
    },
}


def _file(path: Path, **options: Any) -> Path:
    table = pa.table({ID: _IDS, "number": pa.array(_NUMBERS, pa.int64())})
    filters = {name: {"ndv": len(_IDS), "fpp": _FPP} for name in table.column_names}
    pq.write_table(
        table, path, bloom_filter_options=filters, compression="zstd", write_statistics=False,
        row_group_size=2_000, **options,
    )  # fmt: skip
    return path


def _erased(path: Path, ids: list[str]) -> tuple[Path, ErasurePlan]:
    out = path.with_name("after.parquet")
    with LocalFile(path) as source:
        plan = plan_erasure(source, ID, ids)
        apply_plan(plan, source, out)
    return out, plan


def _excluded(path: Path, column: str, values: list[Any]) -> int:
    """How many values DuckDB is sure of that no row group holds them."""
    with duckdb.connect() as connection:
        probe = "select bool_and(bloom_filter_excludes) from parquet_bloom_probe(?, ?, ?)"
        answers = [
            connection.execute(probe, [str(path), column, value]).fetchone() for value in values
        ]
    return sum(answer == (True,) for answer in answers)


@pytest.mark.parametrize("options", _WRITERS.values(), ids=_WRITERS.keys())
def test_duckdb_finds_who_remains_possible_and_who_left_excluded(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    before = _file(tmp_path / "before.parquet", **options)
    gone, kept = slice(0, 4_000, 20), slice(1, 4_000, 20)

    after, plan = _erased(before, _IDS[gone])

    assert plan.report.bloom_filters_rebuilt == 4
    assert plan.report.bloom_filters_dropped == 0
    assert _excluded(before, ID, _IDS[gone]) == 0
    for column, values in ((ID, _IDS), ("number", _NUMBERS)):
        assert _excluded(after, column, values[kept]) == 0
        assert _excluded(after, column, values[gone]) >= 195


@pytest.mark.parametrize("options", _WRITERS.values(), ids=_WRITERS.keys())
def test_a_filter_of_which_half_will_do_is_halved(tmp_path: Path, options: dict[str, Any]) -> None:
    before = _file(tmp_path / "before.parquet", **options)
    gone = [one for n, one in enumerate(_IDS) if n % 8 < 5]
    kept = [one for n, one in enumerate(_IDS) if n % 8 >= 5]

    after, plan = _erased(before, gone)

    old, new = InMemory(before.read_bytes()), InMemory(after.read_bytes())
    assert plan.report.bloom_filters_rebuilt == 4
    assert [len(one.bits) * 2 for one in _filters(new)] == [len(one.bits) for one in _filters(old)]
    assert _excluded(after, ID, kept[::10]) == 0
    assert _excluded(after, ID, gone[::10]) >= 245
    assert verify(old, new, ID, gone, plan=plan).holds


def test_a_filter_keeps_its_size_if_as_many_values_remain(tmp_path: Path) -> None:
    path = tmp_path / "before.parquet"
    table = pa.table({ID: _IDS, "number": [n % 50 for n in range(len(_IDS))]})
    filters = {"number": {"ndv": 50, "fpp": _FPP}}
    pq.write_table(table, path, bloom_filter_options=filters)

    after, _ = _erased(path, [one for n, one in enumerate(_IDS) if n % 7])

    sizes = [
        [len(one.bits) for one in _filters(InMemory(file.read_bytes()))] for file in (path, after)
    ]
    assert sizes[0] == sizes[1]


def test_the_next_search_uses_the_rebuilt_filter(tmp_path: Path) -> None:
    after, _ = _erased(_file(tmp_path / "before.parquet"), _IDS[:3])

    with LocalFile(after) as source:
        again = plan_erasure(source, ID, _IDS[:3])

    assert not again.changes
    assert {group.reason for group in again.report.groups} == {"the bloom filter excludes every id"}


def test_a_filter_is_dropped_where_pages_with_other_values_are_not_read(tmp_path: Path) -> None:
    before = _file(
        tmp_path / "before.parquet", use_dictionary=False, data_page_size=1_000, write_batch_size=50
    )

    after, plan = _erased(before, _IDS[:1])

    assert plan.report.bloom_filters_rebuilt == 0
    assert plan.report.bloom_filters_dropped == 2
    assert pq.read_table(after)[ID].to_pylist() == _IDS[1:]


def test_a_filter_that_remembers_somebody_is_a_problem(tmp_path: Path) -> None:
    before = _file(tmp_path / "before.parquet")
    after, plan = _erased(before, _IDS[:1])
    old, new = InMemory(before.read_bytes()), InMemory(after.read_bytes())

    remembering = _with_the_filter_of(old, new)

    assert verify(old, new, ID, _IDS[:1], plan=plan).holds
    assert verify(old, remembering, ID, _IDS[:1]).problems == [
        "no bloom filter remembers an erased value"
    ]


def _filters(source: InMemory) -> list[BloomFilter]:
    """Every filter of the file."""
    footer = read_footer(source)
    found = [
        BloomFilter.of(source, chunk_meta(column, leaf))
        for group in footer.row_groups
        for column, leaf in zip(group_columns(group), footer.leaves, strict=True)
    ]
    return [one for one in found if one is not None]


def _with_the_filter_of(old: InMemory, new: InMemory) -> InMemory:
    """The new file with the old bits in its first filter."""
    metas = []
    for source in (old, new):
        footer = read_footer(source)
        column = group_columns(footer.row_groups[0])[0]
        metas.append(chunk_meta(column, footer.leaves[0]))
    was, now = (
        BloomFilter.of(source, meta) for source, meta in zip((old, new), metas, strict=True)
    )
    assert was is not None
    assert now is not None
    at = new.data.index(now.bits, metas[1].integer(MetaField.BLOOM_OFFSET))
    return InMemory(new.data[:at] + was.bits + new.data[at + len(was.bits) :])


@pytest.mark.parametrize("stated", ["bits alone", "nothing"])
def test_a_filter_whose_header_the_stated_length_leaves_out_is_copied_whole(
    tmp_path: Path, stated: str
) -> None:
    data = _file(tmp_path / "before.parquet", use_dictionary=False).read_bytes()
    footer = read_footer(InMemory(data))
    for group in footer.row_groups:
        for chunk, leaf in zip(group_columns(group), footer.leaves, strict=True):
            meta = chunk_meta(chunk, leaf)
            header, _ = decode(data[meta.integer(MetaField.BLOOM_OFFSET) :])
            meta.drop(MetaField.BLOOM_LENGTH)
            if stated == "bits alone":
                meta.set_int(MetaField.BLOOM_LENGTH, header.integer(1), Kind.I32)
    source = InMemory(data[: footer.offset] + footer_bytes(footer.document))

    after = InMemory(b"".join(planned_bytes(plan_erasure(source, ID, _IDS[:1]), source)))

    footer = read_footer(after)
    meta = chunk_meta(group_columns(footer.row_groups[1])[0], footer.leaves[0])
    bloom = BloomFilter.of(after, meta)
    assert bloom is not None
    assert all(bloom.may_contain(one.encode()) for one in _IDS[2_000:])
