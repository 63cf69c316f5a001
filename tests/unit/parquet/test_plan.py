"""What a plan promises: the smallest unit, nothing left, nothing else changed."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from erasure_purge.parquet import Copy, InMemory, Unit, UnsupportedParquet, plan_erasure, scan
from erasure_purge.parquet.errors import (
    ChecksumMismatch,
    EncryptedParquet,
    ErasedValueInMetadata,
    MalformedParquet,
)
from erasure_purge.parquet.footer import FileField, footer_bytes, read_footer
from erasure_purge.parquet.scan import scan_bytes
from erasure_purge.parquet.thrift_compact import Kind, Struct
from tests.unit.parquet.people import ID, applied, erased, file_of, ids_in, written

IDS = [f"person-{n:04}" for n in range(1_000)]


def test_erasing_nobody_writes_nothing() -> None:
    source = file_of(IDS)

    plan = plan_erasure(source, ID, ["stranger"])

    assert not plan.changes
    assert plan.segments == [Copy(0, source.size_bytes)]
    assert plan.rows_erased == 0


def test_no_ids_at_all_find_nobody() -> None:
    assert not plan_erasure(file_of([*IDS, None]), ID, []).changes


def test_a_row_group_that_loses_all_its_rows_disappears() -> None:
    source = file_of(IDS, row_group_size=100)

    plan = plan_erasure(source, ID, IDS[100:200])
    after = applied(plan, source)

    assert [group.unit for group in plan.report.groups].count(Unit.REMOVED) == 1
    assert pq.ParquetFile(io.BytesIO(after.data)).num_row_groups == 9
    assert ids_in(after) == IDS[:100] + IDS[200:]
    assert ids_in(erased(after, IDS[:1])) == IDS[1:100] + IDS[200:]


def test_a_file_that_loses_all_its_rows_says_so_and_stays_valid() -> None:
    source = file_of(IDS, row_group_size=300)

    plan = plan_erasure(source, ID, IDS)
    after = applied(plan, source)

    assert plan.empties
    assert ids_in(after) == []
    assert not plan_erasure(after, ID, IDS).changes


def test_row_groups_without_the_person_are_copied_byte_for_byte() -> None:
    source = file_of(IDS, row_group_size=100)

    plan = plan_erasure(source, ID, [IDS[550]])

    assert [group.unit for group in plan.report.groups].count(Unit.PAGE) == 1
    assert plan.report.bytes_new < source.size_bytes / 2


def test_the_footer_keeps_what_it_does_not_know() -> None:
    source = file_of(IDS)
    footer = read_footer(source)
    footer.document.set(4242, Kind.BINARY, b"from the future")
    odd = InMemory(source.data[: footer.offset] + footer_bytes(footer.document))

    after = erased(odd, IDS[:1])

    assert read_footer(after).document.blob(4242) == b"from the future"
    assert read_footer(after).document.get(FileField.CREATED_BY) == footer.document.get(
        FileField.CREATED_BY
    )


@pytest.mark.parametrize(
    "options",
    [
        {"use_dictionary": True},
        {"use_dictionary": False},
        {"compression": "none"},
        {"data_page_version": "2.0"},
        {"write_page_index": True},
        {"column_encoding": {ID: "DELTA_BYTE_ARRAY"}, "use_dictionary": False},
    ],
    ids=str,
)
def test_nothing_of_the_erased_is_left_in_any_byte(options: dict[str, Any]) -> None:
    source = file_of(IDS, **options)
    gone = [IDS[0], IDS[-1], IDS[500]]  # both bounds among them

    after = erased(source, gone)

    assert not scan(source, ID, gone).is_clean
    assert scan(after, ID, gone).is_clean
    for row in (0, 999, 500):
        assert f"note-of-row-{row:04}".encode() not in _unpacked(after)


def _unpacked(source: InMemory) -> bytes:
    """Raw bytes and everything that pyarrow reads, dictionaries as dictionaries."""
    table = pq.read_table(io.BytesIO(source.data), read_dictionary=["note"])
    entries = [str(chunk.dictionary.to_pylist()) for chunk in table["note"].chunks]
    return source.data + "".join(entries).encode()


def test_an_id_that_only_a_dictionary_still_holds_is_blanked_too() -> None:
    # As a rewrite of a pandas categorical leaves it: no row, but the name in the dictionary.
    names = pa.DictionaryArray.from_arrays(pa.array([0, 0, 0]), pa.array(["bob", "ann@example"]))
    source = written(pa.table({ID: names}), write_statistics=False)
    before = scan(source, ID, ["ann@example"])

    plan = plan_erasure(source, ID, ["ann@example"])
    after = applied(plan, source)

    assert not before.is_clean
    assert plan.changes
    assert plan.rows_erased == 0
    assert scan(after, ID, ["ann@example"]).is_clean
    assert ids_in(after) == ["bob"] * 3


@pytest.mark.parametrize("group", [1, 2, 5])
def test_a_categorical_does_not_keep_the_erased_in_other_row_groups(group: int) -> None:
    # Arrow writes the whole dictionary of a categorical column into every row group.
    mails = [f"{one}@example.com" for one in IDS[:10]]
    column = pa.DictionaryArray.from_arrays(pa.array(range(10)), pa.array(mails))
    source = written(pa.table({ID: IDS[:10], "mail": column}), row_group_size=group)

    after = erased(source, IDS[3:5])

    for mail in mails[3:5]:
        assert not scan_bytes(after, read_footer(after), [mail.encode()]).findings
    left = pq.read_table(io.BytesIO(after.data))["mail"].cast(pa.string()).to_pylist()
    assert left == mails[:3] + mails[5:]


def test_dictionary_entries_stay_distinct_when_many_are_blanked() -> None:
    rows = [*IDS, "", "0", "1"]
    source = file_of(rows)

    after = erased(source, IDS[:500])

    table = pq.read_table(io.BytesIO(after.data), read_dictionary=[ID])
    entries = table[ID].chunk(0).dictionary.to_pylist()
    assert len(set(entries)) == len(entries)
    assert ids_in(after) == rows[500:]


@pytest.mark.parametrize("dtype", [pa.int64(), pa.float64(), pa.binary(8)])
def test_no_number_outlives_in_the_place_of_one_that_was_erased_before(dtype: pa.DataType) -> None:
    numbers = pa.array([b"number-0", b"number-1", b"number-2"], pa.binary(8))
    table = pa.table({ID: ["a", "b", "c"], "n": numbers.view(dtype)})
    source = written(table, compression="none", write_statistics=False)

    after = erased(erased(source, ["b"]), ["a"])

    assert b"number-1" not in after.data
    assert b"number-0" not in after.data
    assert b"number-2" in after.data


def test_a_value_that_others_share_stays_in_dictionary_and_statistics() -> None:
    table = pa.table({ID: ["a", "b", "c"], "tier": ["gold", "gold", "iron"], "n": [1, 1, 2]})

    after = erased(written(table), ["a"])

    group = pq.read_metadata(io.BytesIO(after.data)).row_group(0)
    assert (group.column(1).statistics.min, group.column(1).statistics.max) == ("gold", "iron")
    assert (group.column(2).statistics.min, group.column(2).statistics.max) == (1, 2)


def test_an_erased_id_in_the_key_value_metadata_is_a_refusal() -> None:
    table = pa.table({ID: IDS}).replace_schema_metadata({"last_writer": IDS[3]})

    with pytest.raises(ErasedValueInMetadata):
        plan_erasure(written(table), ID, [IDS[3]])
    assert plan_erasure(written(table), ID, [IDS[4]]).changes


def test_an_erased_text_in_the_key_value_metadata_is_a_refusal() -> None:
    table = pa.table({ID: IDS, "mail": [f"mail-of-{one}@example.com" for one in IDS]})
    table = table.replace_schema_metadata({"sample": f"row: mail-of-{IDS[3]}@example.com"})

    with pytest.raises(ErasedValueInMetadata):
        plan_erasure(written(table), ID, [IDS[3]])
    with pytest.raises(ErasedValueInMetadata):
        plan_erasure(written(table, row_group_size=1), ID, [IDS[3]])


def test_an_encrypted_footer_is_a_refusal() -> None:
    source = file_of(IDS)

    with pytest.raises(EncryptedParquet):
        plan_erasure(InMemory(source.data[:-4] + b"PARE"), ID, IDS[:1])


def test_encrypted_columns_are_a_refusal() -> None:
    source = file_of(IDS)
    footer = read_footer(source)
    footer.document.set(FileField.ENCRYPTION, Kind.STRUCT, Struct())
    locked = InMemory(source.data[: footer.offset] + footer_bytes(footer.document))

    with pytest.raises(EncryptedParquet):
        plan_erasure(locked, ID, IDS[:1])


def test_a_page_that_does_not_match_its_checksum_is_a_refusal() -> None:
    source = file_of(IDS, write_page_checksum=True, use_dictionary=False, compression="none")
    place = source.data.index(IDS[7].encode())
    bent = InMemory(source.data[:place] + b"X" + source.data[place + 1 :])

    with pytest.raises(ChecksumMismatch):
        plan_erasure(bent, ID, [IDS[8]])


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1PAR1PAR1", b"x" * 100])
def test_what_is_no_parquet_file_is_a_refusal(data: bytes) -> None:
    with pytest.raises(MalformedParquet):
        plan_erasure(InMemory(data), ID, IDS[:1])


def test_a_refusal_names_a_reason_and_no_value() -> None:
    table = pa.table({ID: IDS}).replace_schema_metadata({"k": IDS[3]})

    with pytest.raises(UnsupportedParquet) as refusal:
        plan_erasure(written(table), ID, [IDS[3]])

    assert refusal.value.reason == "ERASED_VALUE_IN_METADATA"
    assert IDS[3] not in str(refusal.value)


def test_a_printed_plan_names_nobody() -> None:
    source = file_of(IDS, use_dictionary=False, compression="none", row_group_size=100)

    printed = repr(plan_erasure(source, ID, [IDS[3]]))

    assert "person-" not in printed
    assert "note-of" not in printed
