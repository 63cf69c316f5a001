"""The engine: what is kept is kept as it was, what goes leaves nothing."""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from erasure_purge.rewrite import erase
from erasure_shared.errors import OutOfTime, Rejected
from tests.unit.purge.parquet_files import erased, ids_in, parquet, profiles, read

CANARY = "zanzibar-canary"

SPEND = [Decimal("1.50"), None, Decimal("-2.25"), Decimal("9.99")]
ADDRESSES = [
    {"city": "X", "n": [1.5]},
    None,
    {"city": None, "n": None},
    {"city": "Y", "n": [float("nan")]},
]
MANY_TYPES = pa.table(
    {
        "profile_id": pa.array(["ann", "bob", None, "eve"]),
        "spend": pa.array(SPEND, pa.decimal128(18, 2)),
        "ratio": pa.array([float("nan"), -0.0, None, float("nan")]),
        "at": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 4, pa.timestamp("us", tz="UTC")),
        "day": pa.array([date(2026, 1, 1), None, date(1970, 1, 1), date(1, 1, 1)]),
        "tags": pa.array([["a"], [], None, [None, "b"]], pa.list_(pa.string())),
        "address": pa.array(ADDRESSES),
        "more": pa.array([[("k", 1)], None, [], [("k", 2)]], pa.map_(pa.string(), pa.int32())),
        "tier": pa.array(["gold", "iron", "gold", "iron"]).dictionary_encode(),
        "small": pa.array([1, 2, 3, 4], pa.int8()),
        "flag": pa.array([True, None, False, True]),
        "raw": pa.array([b"\x00", b"", None, b"\xff"]),
    }
)


def file_of(content: bytes) -> pq.ParquetFile:
    return pq.ParquetFile(BytesIO(content))


@pytest.mark.parametrize("codec", ["NONE", "SNAPPY", "GZIP", "ZSTD", "BROTLI", "LZ4"])
@pytest.mark.parametrize("page_version", ["1.0", "2.0"])
def test_kept_rows_types_and_metadata_stay_as_they_were(codec: str, page_version: str) -> None:
    table = MANY_TYPES.replace_schema_metadata({"owner": "lake", "note": "é"})
    before = parquet(table, compression=codec, data_page_version=page_version)

    erasure, after = erased(before, "bob", "nobody")

    assert (erasure.rows_before, erasure.rows_erased) == (4, 1)
    old, new = file_of(before), file_of(after)
    assert new.schema_arrow.equals(old.schema_arrow, check_metadata=True)
    assert new.metadata.metadata == old.metadata.metadata
    assert new.metadata.row_group(0).column(0).compression == (
        old.metadata.row_group(0).column(0).compression
    )
    expected = old.read().filter(pa.array([True, False, True, True]))
    assert str(new.read().to_pylist()) == str(expected.to_pylist())


def test_options_differ_by_column_as_they_did() -> None:
    table = pa.table({"profile_id": ["ann", "bob"], "n": [1, 2], "f": [1.0, 2.0]})
    before = parquet(
        table,
        compression={"profile_id": "GZIP", "n": "ZSTD", "f": "NONE"},
        use_dictionary=["profile_id"],
        column_encoding={"n": "DELTA_BINARY_PACKED", "f": "BYTE_STREAM_SPLIT"},
        write_statistics=["n"],
        write_page_checksum=True,
        write_page_index=True,
        sorting_columns=[pq.SortingColumn(0)],
        data_page_version="2.0",
        bloom_filter_options={"profile_id": {"ndv": 10, "fpp": 0.01}},
    )

    _, after = erased(before, "ann")

    old, new = file_of(before).metadata.row_group(0), file_of(after).metadata.row_group(0)
    for position in range(3):
        chunk, as_before = new.column(position), old.column(position)
        assert chunk.compression == as_before.compression
        assert chunk.encodings == as_before.encodings
        assert chunk.is_stats_set == as_before.is_stats_set
        assert chunk.has_column_index == as_before.has_column_index
        assert (chunk.bloom_filter_offset is None) == (as_before.bloom_filter_offset is None)
    assert new.sorting_columns == old.sorting_columns
    page = after[new.column(1).data_page_offset :][:2]
    assert page == b"\x15\x06"


def test_row_groups_stay_where_they_were_and_empty_ones_are_not_written() -> None:
    before = profiles("ann", "bob", "ann", "ann", "eve", "bob", row_group_size=2)

    _, after = erased(before, "ann")

    groups = file_of(after).metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [1, 2]
    assert ids_in(after) == ["bob", "eve", "bob"]
    again, _ = erased(after, "bob")
    assert again.rows_erased == 2


def test_a_category_leaves_its_dictionary_with_its_last_row() -> None:
    table = pa.table(
        {
            "profile_id": pa.array(["ann", "bob", "eve"]).dictionary_encode(),
            "email": pa.array(["ann@example.org", "b@example.org", "e@example.org"])
            .dictionary_encode()
            .cast(pa.dictionary(pa.int8(), pa.string(), ordered=True)),
        }
    )
    before = parquet(table, compression="NONE")

    _, after = erased(before, "ann")

    assert b"ann@example.org" in before
    assert b"ann" not in after
    assert file_of(after).schema_arrow.equals(file_of(before).schema_arrow)


def test_field_ids_and_nullability_stay() -> None:
    schema = pa.schema(
        [
            pa.field("profile_id", pa.string(), nullable=False, metadata={"PARQUET:field_id": "7"}),
            pa.field("x", pa.int32(), metadata={"PARQUET:field_id": "9"}),
        ]
    )
    before = parquet(pa.table([["ann", "bob"], [1, 2]], schema=schema))

    _, after = erased(before, "ann")

    assert (
        str(file_of(after).schema).splitlines()[1:]
        == (str(file_of(before).schema).splitlines()[1:])
    )


@pytest.mark.parametrize("name", ["item", "array_element"])
def test_names_inside_legacy_lists_stay(name: str) -> None:
    kind = pa.list_(pa.field(name, pa.struct([("a", pa.int32())])))
    table = pa.table({"profile_id": ["ann", "bob"], "l": pa.array([[{"a": 1}], None], kind)})
    before = parquet(table, use_compliant_nested_type=False, store_schema=False)

    _, after = erased(before, "ann")

    assert file_of(after).schema.column(1).path == f"l.list.{name}.a"


def test_int96_stays_int96() -> None:
    table = pa.table(
        {"profile_id": ["ann", "bob"], "at": pa.array([0, 1_234_567_891], pa.timestamp("ns"))}
    )
    before = parquet(table, use_deprecated_int96_timestamps=True, store_schema=False)

    _, after = erased(before, "ann")

    assert file_of(after).schema.column(1).physical_type == "INT96"
    assert read(after).column("at").to_pylist() == read(before).column("at").to_pylist()[1:]


def test_int96_beyond_nanoseconds_is_refused_and_not_wrapped_around() -> None:
    table = pa.table(
        {"profile_id": ["ann", "bob"], "at": [None, {"l": [datetime(1500, 1, 1)]}]},  # noqa: DTZ001
        schema=pa.schema(
            {"profile_id": pa.string(), "at": pa.struct({"l": pa.list_(pa.timestamp("us"))})}
        ),
    )
    before = parquet(table, use_deprecated_int96_timestamps=True)

    with pytest.raises(Rejected, match="1677-2262"):
        erased(before, "ann")


@pytest.mark.parametrize(
    ("column", "ids", "gone"),
    [
        (pa.array(["1", "01", None]), ["1"], [0]),
        (pa.array(["1", "2", "1"]).dictionary_encode(), ["1"], [0, 2]),
        (pa.array(["1", "2"], pa.large_string()), ["2"], [1]),
        (pa.array([1, -5, None], pa.int16()), ["-5", "01", "+1", "1.0", "99999999"], [1]),
        (pa.array([1, 2**63], pa.uint64()), [str(2**63)], [1]),
        (pa.array([Decimal("1.50"), Decimal("2.00")], pa.decimal128(9, 2)), ["1.5", "2.00"], [1]),
        (pa.array([b"ann", b"\xff"]), ["ann"], [0]),
        (pa.array([UUID(int=1).bytes, UUID(int=2).bytes], pa.uuid()), [str(UUID(int=2))], [1]),
        (pa.array([UUID(int=1).bytes, b"x" * 16], pa.binary(16)), ["x" * 16], [1]),
    ],
)
def test_identifiers_are_compared_as_the_column_writes_them(
    column: pa.Array, ids: list[str], gone: list[int]
) -> None:
    before = parquet(pa.table({"profile_id": column, "n": list(range(len(column)))}))

    erasure, after = erased(before, *ids)

    assert erasure.rows_erased == len(gone)
    assert set(erasure.rows_by_id) <= set(ids)
    kept = [n for n in range(len(column)) if n not in gone]
    assert read(after).column("n").to_pylist() == kept


def test_a_nested_id_is_found_whatever_its_case_and_null_parents_are_kept() -> None:
    people = pa.array([{"Id": "ann", "x": 1}, None, {"Id": None, "x": 2}, {"Id": "bob", "x": 3}])
    before = parquet(pa.table({"Person": people}))

    erasure, after = erased(before, "ann", column="person.id")

    assert erasure.rows_by_id == {"ann": 1}
    assert read(after).column("Person").to_pylist() == people.to_pylist()[1:]


def test_a_column_whose_name_holds_a_dot_is_found() -> None:
    before = parquet(pa.table({"person.id": ["ann", "bob"]}))

    erasure, _ = erased(before, "ann", column="person.id")

    assert erasure.rows_erased == 1


def test_nothing_is_written_where_nobody_is_found() -> None:
    erasure, after = erased(profiles("bob"), "ann")

    assert (erasure.rows_erased, after) == (0, b"")


def test_nothing_is_written_where_nothing_is_left() -> None:
    erasure, after = erased(profiles("ann"), "ann")

    assert (erasure.rows_after, after) == (0, b"")


def encrypted_footer() -> bytes:
    return b"PARE" + profiles(CANARY)[4:-4] + b"PARE"


def with_broken_page() -> bytes:
    content = bytearray(profiles(CANARY, "bob", compression="NONE", write_page_checksum=True))
    position = content.index(b"note of " + CANARY.encode())
    content[position] ^= 0xFF
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "EMPTY_OBJECT"),
        (b"profile_id\n" + CANARY.encode(), "NOT_PARQUET"),
        (b"PAR1", "TRUNCATED_PARQUET"),
        (profiles(CANARY)[:-9], "TRUNCATED_PARQUET"),
        (b"PAR1" + b"garbage" * 9 + struct.pack("<i", 30) + b"PAR1", "UNREADABLE_PARQUET"),
        (encrypted_footer(), "ENCRYPTED_PARQUET"),
        (with_broken_page(), "UNREADABLE_PARQUET"),
        (parquet(pa.table({"other": [CANARY]})), "ID_COLUMN_MISSING"),
        (parquet(pa.table({"profile_id": [[CANARY]]})), "ID_COLUMN_UNSUPPORTED"),
        (parquet(pa.table({"profile_id": [1.5]})), "ID_COLUMN_UNSUPPORTED"),
    ],
)
def test_a_bad_object_gives_one_clear_error_without_values(content: bytes, code: str) -> None:
    with pytest.raises(Rejected) as refusal:
        erased(content, CANARY)

    assert refusal.value.reason_code == code
    assert CANARY not in str(refusal.value)


def test_time_that_runs_out_stops_between_row_groups() -> None:
    calls: list[Any] = []

    def before_each_step() -> None:
        calls.append(None)
        if len(calls) == 4:
            raise OutOfTime

    content = profiles("ann", "bob", "eve", row_group_size=1)
    with pytest.raises(OutOfTime):
        erase(BytesIO(content), BytesIO(), "profile_id", ["ann"], before_each_step)
