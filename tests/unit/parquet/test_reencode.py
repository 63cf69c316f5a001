"""What the page level cannot cut is written anew, chunk by chunk; everything else is left alone."""

from __future__ import annotations

import datetime as dt
import gzip
import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from erasure_purge.parquet import InMemory, Unit, UnsupportedParquet, plan_erasure, scan, verify
from erasure_purge.parquet.errors import (
    ErasedValueInMetadata,
    MalformedParquet,
    UnclearRowBoundaries,
    UnfaithfulInt96,
    UnknownPageType,
)
from erasure_purge.parquet.footer import (
    ChunkField,
    Leaf,
    MetaField,
    chunk_meta,
    group_columns,
    read_footer,
)
from erasure_purge.parquet.one_chunk import read_chunk
from erasure_purge.parquet.page import PageField
from erasure_purge.parquet.pages import ColumnChunk
from erasure_purge.parquet.placement import moved_meta
from erasure_purge.parquet.raw_pages import walk_raw
from erasure_purge.parquet.reencode import check_reads_as, check_shape
from erasure_purge.parquet.scan import scan_bytes
from erasure_purge.parquet.thrift_compact import Struct
from tests.unit.parquet.people import ID, applied, erased, ids_in, written
from tests.unit.parquet.rebuilt import (
    behind_an_index_page,
    from_the_future,
    rebuilt,
    rows_counted_as_values,
    with_future_metadata,
)

ROWS = 400
IDS = [f"person-{n:04}" for n in range(ROWS)]
GONE = [IDS[0], IDS[3], IDS[199]]  # all in the first of two row groups
_START = dt.datetime(2024, 1, 1)  # noqa: DTZ001 - a timestamp without a zone


def _people() -> pa.Table:
    rows = range(ROWS)
    return pa.table(
        {
            ID: IDS,
            "mail": [None if n % 7 == 0 else f"mail-of-{n:04}@example.com" for n in rows],
            "tags": [None if n % 11 == 0 else [f"tag-{n:04}"] * (n % 4) for n in rows],
            "attributes": pa.array(
                [[("k", n)] * (n % 3) for n in rows], pa.map_(pa.string(), pa.int64())
            ),
            "spend": [float("nan") if n % 5 == 0 else n * 1.5 for n in rows],
            "level": pa.array([n % 200 * 20_000_000 for n in rows], pa.uint32()),
            "balance": pa.array([None if n % 3 else n - 100 for n in rows], pa.int32()).cast(
                pa.decimal128(12, 2)
            ),
            "seen": pa.array([_START + dt.timedelta(hours=n) for n in rows], pa.timestamp("us")),
            "active": [n % 2 == 0 for n in rows],
        }
    )


def _file(**options: Any) -> InMemory:
    return written(
        _people(), row_group_size=200, data_page_size=500, write_batch_size=50, **options
    )


def _columns(source: InMemory) -> list[str]:
    return [leaf.name for leaf in read_footer(source).leaves]


_UNKNOWN: dict[str, Callable[[InMemory], InMemory]] = {
    "index pages": lambda file: rebuilt(file, behind_an_index_page, *_columns(file)),
    "page header fields": lambda file: rebuilt(file, from_the_future, *_columns(file)),
    "column metadata fields": lambda file: with_future_metadata(file, *_columns(file)),
}
_WRITERS: dict[str, dict[str, Any]] = {
    "v1": {},
    "v2": {"data_page_version": "2.0"},
    "gzip with checksums": {"compression": "gzip", "write_page_checksum": True},
    "plain": {"compression": "none", "use_dictionary": False, "data_page_version": "2.0"},
    "int96": {"use_deprecated_int96_timestamps": True, "store_decimal_as_integer": True},
    "delta": {
        "compression": "zstd",
        "use_dictionary": False,
        "column_encoding": {ID: "DELTA_BYTE_ARRAY", "spend": "BYTE_STREAM_SPLIT"},
    },
}


@pytest.mark.parametrize("options", _WRITERS.values(), ids=_WRITERS)
@pytest.mark.parametrize("make", _UNKNOWN.values(), ids=_UNKNOWN)
def test_a_row_group_of_unknown_pages_is_written_anew_without_the_erased(
    make: Callable[[InMemory], InMemory], options: dict[str, Any]
) -> None:
    source = make(_file(**options))

    plan = plan_erasure(source, ID, GONE)
    after = applied(plan, source)

    assert plan.report.groups[0].unit is Unit.ROW_GROUP
    assert plan.report.groups[0].chunks_reencoded == len(_columns(source))
    proof = verify(source, after, ID, GONE, plan=plan)
    assert proof.problems == []
    assert ids_in(after) == [one for one in IDS if one not in GONE]
    assert scan(after, ID, GONE).is_clean
    assert not plan_erasure(after, ID, GONE).changes


def test_the_other_row_groups_are_copied_byte_for_byte() -> None:
    source = _UNKNOWN["page header fields"](_file(compression="gzip"))
    second = [_range(column) for column in group_columns(read_footer(source).row_groups[1])]

    after = erased(source, GONE)

    copied = [_range(column) for column in group_columns(read_footer(after).row_groups[1])]
    for (old, end), (new, new_end) in zip(second, copied, strict=True):
        assert source.data[old:end] == after.data[new:new_end]


def _range(chunk: Struct) -> tuple[int, int]:
    meta = chunk.struct(ChunkField.META)
    assert meta is not None
    start = min(
        meta.integer(MetaField.DICTIONARY_OFFSET, 1 << 40), meta.integer(MetaField.DATA_PAGE_OFFSET)
    )
    return start, start + meta.integer(MetaField.TOTAL_COMPRESSED)


def test_chunks_that_can_be_cut_are_cut() -> None:
    source = rebuilt(_file(), from_the_future, "mail", "tags.list.element")

    group = plan_erasure(source, ID, GONE).report.groups[0]

    assert group.unit is Unit.COLUMN_CHUNK
    assert group.chunks_reencoded == 2
    assert "fields from the future" in group.reason


def test_nested_pages_that_miscount_their_rows_are_written_anew() -> None:
    file = _file(data_page_version="2.0")
    source = rebuilt(file, rows_counted_as_values, "tags.list.element", "attributes.key_value.key")

    plan = plan_erasure(source, ID, GONE)

    assert plan.report.groups[0].chunks_reencoded == 2
    assert verify(source, applied(plan, source), ID, GONE, plan=plan).holds


def test_what_is_written_anew_keeps_its_writers_manner() -> None:
    source = _UNKNOWN["page header fields"](
        _file(compression="gzip", data_page_version="2.0", write_page_checksum=True)
    )

    after = erased(source, GONE)

    for name in ("mail", "level", "tags.list.element"):
        old, new = (_chunk(file, name) for file in (source, after))
        assert _manner(after, new) == _manner(source, old)


def _chunk(source: InMemory, name: str) -> tuple[Struct, Leaf]:
    footer = read_footer(source)
    leaf = next(leaf for leaf in footer.leaves if leaf.name == name)
    return chunk_meta(group_columns(footer.row_groups[0])[leaf.index], leaf), leaf


def _manner(source: InMemory, chunk: tuple[Struct, Leaf]) -> tuple[object, ...]:
    meta, _ = chunk
    start = meta.integer(MetaField.DICTIONARY_OFFSET, 0) or meta.integer(MetaField.DATA_PAGE_OFFSET)
    end = start + meta.integer(MetaField.TOTAL_COMPRESSED)
    pages = list(walk_raw(source, start, end))
    encodings = meta.items(MetaField.ENCODINGS)
    assert encodings is not None
    return (
        meta.integer(MetaField.CODEC),
        sorted(set(encodings.ints())),
        {page.kind for page in pages},
        {PageField.CRC in page.header for page in pages},
        meta.struct(MetaField.STATISTICS) is not None,
    )


def test_statistics_of_what_is_written_anew_are_those_of_the_rows_that_stay() -> None:
    source = _UNKNOWN["column metadata fields"](_file())

    after = pq.ParquetFile(io.BytesIO(erased(source, GONE).data))

    left = after.read_row_group(0)
    chunks = [after.metadata.row_group(0).column(n) for n in range(after.metadata.num_columns)]
    of = {chunk.path_in_schema: chunk.statistics for chunk in chunks}
    assert (of[ID].min, of[ID].max, of[ID].null_count) == (IDS[1], IDS[198], 0)
    assert of["mail"].null_count == left["mail"].null_count
    assert (of["level"].min, of["level"].max) == (20_000_000, 3_960_000_000)
    assert (of["balance"].min, of["balance"].max) == (-94, 98)


def test_nothing_else_is_said_of_what_is_written_anew_that_was_true_before() -> None:
    source = _UNKNOWN["column metadata fields"](
        _file(write_page_index=True, bloom_filter_options={ID: {"ndv": 400, "fpp": 0.01}})
    )
    was, _ = _chunk(source, ID)
    assert MetaField.SIZE_STATISTICS in was
    assert MetaField.BLOOM_OFFSET in was

    plan = plan_erasure(source, ID, GONE)
    meta, leaf = _chunk(applied(plan, source), ID)

    assert set(meta) <= {*range(1, 8), MetaField.DATA_PAGE_OFFSET, *range(11, 14)}
    chunk = group_columns(read_footer(applied(plan, source)).row_groups[0])[leaf.index]
    assert ChunkField.COLUMN_INDEX_OFFSET not in chunk
    assert ChunkField.OFFSET_INDEX_OFFSET not in chunk
    assert plan.report.indexes_dropped == len(_columns(source))
    assert plan.report.bloom_filters_dropped == 1


def test_another_shape_is_not_taken() -> None:
    (narrow,) = read_footer(written(pa.table({"n": pa.array([1], pa.int32())}))).leaves
    for column in (
        pa.array([1], pa.int64()),
        pa.array([[1]], pa.list_(pa.int32())),
        pa.array([{"n": 1}], pa.struct([("n", pa.int32())])),
        pa.array([b"1234"], pa.binary(4)),
    ):
        (other,) = read_footer(written(pa.table({"n": column}))).leaves

        with pytest.raises(UnclearRowBoundaries):
            check_shape(narrow, other)


def test_what_does_not_read_as_the_rows_that_stay_is_not_taken() -> None:
    source = _file()
    footer = read_footer(source)
    leaf = footer.leaves[0]
    chunk = ColumnChunk(source, group_columns(footer.row_groups[0])[0], leaf, 200, 8192)
    pages = source.read(chunk.start, chunk.end - chunk.start)
    meta = moved_meta(chunk.meta, 4 - chunk.start)
    rows = read_chunk(chunk)
    other = pa.table([pa.array(rows.column(0).to_pylist()[::-1], pa.binary())], schema=rows.schema)

    check_reads_as(chunk, meta, pages, rows)
    for wrong in (other, rows.slice(1)):
        with pytest.raises((UnclearRowBoundaries, OSError)):
            check_reads_as(chunk, meta, pages, wrong)


def test_rows_are_found_and_counted_where_only_pyarrow_reads_the_ids() -> None:
    for kind in (pa.string(), pa.int32(), pa.int64(), pa.float64(), pa.binary(4)):
        values = [b"%04d" % n for n in (7, 8, 7)] if kind == pa.binary(4) else [7, 8, 7]
        column = pa.array(values, kind) if kind != pa.string() else pa.array(["7", "8", "7"])
        source = rebuilt(written(pa.table({ID: column})), behind_an_index_page, ID)

        plan = plan_erasure(source, ID, ["0007" if kind == pa.binary(4) else "7"])

        assert plan.rows_erased == 2
        assert list(plan.rows_by_id.values()) == [2]
        assert "found by pyarrow (UNKNOWN_PAGE_TYPE)" in plan.report.groups[0].reason


def test_nested_ids_are_found_where_only_pyarrow_reads_them() -> None:
    people = pa.array([{"id": "ann"}, None, {"id": None}, {"id": "bob"}])
    source = rebuilt(written(pa.table({"who": people})), behind_an_index_page, "who.id")

    assert ids_in(erased(source, ["ann"], "who.id"), "who") == people[1:].to_pylist()


def test_a_stale_dictionary_is_written_anew_where_only_pyarrow_reads_the_rows() -> None:
    names = pa.DictionaryArray.from_arrays(pa.array([0, 0]), pa.array(["bob", "ann@example"]))
    source = written(pa.table({ID: names, "n": [1, 2]}), write_statistics=False)
    source = rebuilt(source, behind_an_index_page, ID)

    plan = plan_erasure(source, ID, ["ann@example"])
    after = applied(plan, source)

    assert (plan.rows_erased, plan.changes) == (0, True)
    assert plan.report.groups[0].unit is Unit.COLUMN_CHUNK
    assert scan(after, ID, ["ann@example"]).is_clean
    assert ids_in(after) == ["bob", "bob"]


@pytest.mark.parametrize("group", [1, 2, 5])
def test_a_categorical_does_not_keep_the_erased_in_other_row_groups(group: int) -> None:
    mails = [f"{one}@example.com" for one in IDS[:10]]
    column = pa.DictionaryArray.from_arrays(pa.array(range(10)), pa.array(mails))
    table = pa.table({ID: IDS[:10], "mail": column, "n": list(range(10))})
    source = with_future_metadata(written(table, row_group_size=group), "mail", "n")

    plan = plan_erasure(source, ID, IDS[3:5])
    after = applied(plan, source)

    for mail in mails[3:5]:
        assert not scan_bytes(after, read_footer(after), [mail.encode()]).findings
    assert verify(source, after, ID, IDS[3:5], plan=plan).holds
    others = [one for one in plan.report.groups if one.rows_erased == 0]
    assert {one.chunks_reencoded for one in others} <= {1}  # not the column n


def test_texts_written_anew_are_searched_in_the_metadata_too() -> None:
    table = _people().replace_schema_metadata({"sample": "mail-of-0003@example.com"})
    for rows in (1, 200):
        source = rebuilt(written(table, row_group_size=rows), from_the_future, "mail")

        with pytest.raises(ErasedValueInMetadata):
            plan_erasure(source, ID, [IDS[3]])


def test_an_int96_date_that_pyarrow_would_change_is_a_refusal_of_its_own() -> None:
    table = pa.table({ID: ["a", "b"], "seen": pa.array([0, 1], pa.timestamp("s"))})
    plain = written(
        table, use_deprecated_int96_timestamps=True, use_dictionary=False, compression="none"
    )
    day = plain.data.index((2_440_588).to_bytes(4, "little"))  # 1970-01-01 as a Julian day
    year_8977 = (5_000_000).to_bytes(4, "little")
    bent = InMemory(plain.data[:day] + year_8977 + plain.data[day + 4 :])

    assert plan_erasure(rebuilt(plain, from_the_future, "seen"), ID, ["b"]).changes
    assert plan_erasure(bent, ID, ["b"]).changes
    with pytest.raises(UnfaithfulInt96):
        plan_erasure(rebuilt(bent, from_the_future, "seen"), ID, ["b"])


def test_what_pyarrow_cannot_read_either_keeps_the_page_levels_refusal() -> None:
    source = rebuilt(_file(), behind_an_index_page, "mail")
    bent = rebuilt(source, lambda header, body: [(header, body[::-1])], "mail")

    with pytest.raises(UnknownPageType):
        plan_erasure(bent, ID, GONE)


def test_a_contradiction_is_no_case_for_writing_anew() -> None:
    def one_value_short(header: Struct, body: bytes) -> list[tuple[Struct, bytes]]:
        details = header.struct(PageField.DATA)
        if details is not None:
            details.set_int(1, details.integer(1) - 1)
        return [(header, body)]

    source = rebuilt(_file(), one_value_short, "level")

    with pytest.raises(MalformedParquet):
        plan_erasure(source, ID, GONE)


def test_the_scanner_looks_into_pages_of_unknown_kinds() -> None:
    def behind_a_quote(header: Struct, body: bytes) -> list[tuple[Struct, bytes]]:
        pages = list(behind_an_index_page(header, body))
        index, _ = pages[1]
        quote = IDS[3].encode()
        index.set_int(PageField.COMPRESSED, len(quote))
        return [pages[0], (index, quote)]

    source = rebuilt(_file(compression="none"), behind_a_quote, "level")

    found = scan(source, ID, [IDS[3]])

    assert "pages of an unknown kind of level" in found.findings


def test_the_scanner_unpacks_pages_of_unknown_kinds() -> None:
    def behind_a_packed_quote(header: Struct, body: bytes) -> list[tuple[Struct, bytes]]:
        pages = list(behind_an_index_page(header, body))
        index, _ = pages[1]
        quote = gzip.compress(IDS[3].encode() * 9)
        index.set_int(PageField.UNCOMPRESSED, len(IDS[3]) * 9)
        index.set_int(PageField.COMPRESSED, len(quote))
        return [pages[0], (index, quote)]

    source = rebuilt(_file(compression="gzip"), behind_a_packed_quote, "level")

    found = scan(source, ID, [IDS[3]])

    assert "pages of an unknown kind of level" in found.findings


def test_the_scanner_fails_by_name_where_nobody_can_look() -> None:
    source = rebuilt(_file(), behind_an_index_page, "mail")
    bent = rebuilt(source, lambda header, body: [(header, body[::-1])], "mail")

    with pytest.raises(UnsupportedParquet):
        scan(bent, ID, GONE)
