"""The ids that arrive are text; a column stores something else."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from erasure_purge.parquet import InMemory, UnsupportedParquet, plan_erasure, scan, verify
from erasure_purge.parquet.errors import IdColumnMissing, IdColumnRepeated, UnsupportedIdType
from erasure_purge.parquet.footer import (
    FileField,
    MetaField,
    chunk_meta,
    footer_bytes,
    group_columns,
    read_footer,
)
from erasure_purge.parquet.thrift_compact import Kind
from tests.unit.parquet.people import ID, erased, file_of, ids_in, written

_A, _B = uuid.UUID(int=1), uuid.UUID(int=2)
MATCHES: list[tuple[pa.DataType, list[Any], str]] = [
    (pa.string(), ["7", "07"], "7"),
    (pa.large_string(), ["ü", "u"], "ü"),
    (pa.binary(), [b"ann", b"bob"], "ann"),
    (pa.int32(), [7, 8], "7"),
    (pa.int64(), [-7, 7], "-7"),
    (pa.uint32(), [4_000_000_000, 1], "4000000000"),
    (pa.uint64(), [1 << 63, 1], str(1 << 63)),
    (pa.float64(), [7.0, 8.5], "7"),
    (pa.decimal128(9, 2), [Decimal("1.50"), Decimal("2.50")], "1.50"),
    (pa.decimal128(30, 2), [Decimal("-1.50"), Decimal("1.50")], "-1.50"),
    (pa.binary(16), [_A.bytes, _B.bytes], str(_A)),
    (pa.uuid(), [_A.bytes, _B.bytes], str(_A)),
]


@pytest.mark.parametrize(("kind", "values", "wanted"), MATCHES, ids=lambda value: str(value)[:20])
def test_text_finds_the_id_in_a_column_of_its_type(
    kind: pa.DataType, values: list[Any], wanted: str
) -> None:
    column = pa.array(values, kind.storage_type if isinstance(kind, pa.UuidType) else kind)
    if isinstance(kind, pa.UuidType):
        column = pa.ExtensionArray.from_storage(kind, column)
    source = written(pa.table({ID: column}))

    after = erased(source, [wanted])

    assert ids_in(after) == pa.array(column)[1:].to_pylist()


@pytest.mark.parametrize("kind", [pa.int32(), pa.int64(), pa.float64()])
def test_what_blanks_a_dictionary_entry_is_nobodys_id(kind: pa.DataType) -> None:
    """Not even that of number zero: erasing it again finds nobody, and nor does the scanner."""
    values = [0, 5, 7, 8]
    source = written(pa.table({ID: pa.array(values, kind), "n": [1, 2, 3, 4]}))
    gone = ["0", "5"]

    after = erased(source, gone)

    assert ids_in(after) == values[2:]
    assert scan(after, ID, gone).is_clean
    assert not plan_erasure(after, ID, gone).changes


def test_where_every_entry_is_blanked_none_becomes_an_erased_id() -> None:
    column = pa.array([0, 1, None], pa.int32())
    source = written(pa.table({ID: column}), write_statistics=False)

    after = erased(source, ["0", "1"])

    assert ids_in(after) == [None]
    assert scan(after, ID, ["0", "1"]).is_clean
    assert not plan_erasure(after, ID, ["0", "1"]).changes


@pytest.mark.parametrize("physical", ["integer", "fixed", "variable"])
@pytest.mark.parametrize("precision", [9, 18])
def test_a_decimal_is_found_however_it_is_stored(physical: str, precision: int) -> None:
    values = [Decimal("-1.50"), Decimal("1.50"), None, Decimal("2.50")]
    column = pa.array(values, pa.decimal128(precision, 2))
    source = written(pa.table({ID: column}), store_decimal_as_integer=physical == "integer")
    if physical == "variable":
        source = _decimals_of_any_length([b"\xff\x6a", b"\x00\x96", b"\x00\x00\x96", b"\x00\xfa"])
        values = [Decimal("-1.50"), Decimal("1.50"), Decimal("1.50"), Decimal("2.50")]

    after = erased(source, ["1.50"])

    assert ids_in(after) == [one for one in values if one != Decimal("1.50")]


def _decimals_of_any_length(stored: list[bytes]) -> InMemory:
    """A column of byte strings that says it holds decimals, as some writers have it."""
    source = written(pa.table({ID: pa.array(stored, pa.binary())}), store_schema=False)
    footer = read_footer(source)
    schema = footer.document.items(FileField.SCHEMA)
    assert schema is not None
    leaf = schema.structs()[1]
    for field, value in ((6, 5), (7, 2), (8, 9)):  # DECIMAL, scale, precision
        leaf.set_int(field, value, Kind.I32)
    for group in footer.row_groups:
        for chunk, one in zip(group_columns(group), footer.leaves, strict=True):
            chunk_meta(chunk, one).drop(MetaField.STATISTICS)
    return InMemory(source.data[: footer.offset] + footer_bytes(footer.document))


@pytest.mark.parametrize("text", ["07", "+7", "7.0", " 7", "seven", "", "9" * 30, "7\0"])
def test_text_that_cannot_be_such_a_number_matches_nothing(text: str) -> None:
    assert not plan_erasure(file_of([7, 70]), ID, [text]).changes


@pytest.mark.parametrize("text", ["1.5", "1.500", "01.50", "+1.50", "1.50e0", "15e-1"])
def test_text_that_a_decimal_column_would_not_write_matches_nothing(text: str) -> None:
    column = pa.array([Decimal("1.50")], pa.decimal128(9, 2))

    assert not plan_erasure(written(pa.table({ID: column})), ID, [text]).changes
    assert plan_erasure(written(pa.table({ID: column})), ID, [Decimal("1.5")]).changes


def test_rows_are_counted_by_the_id_that_was_asked_for() -> None:
    for ids in (["a", "b", "a", "c"], [1, 2, 1, 3]):
        for options in ({"use_dictionary": True}, {"use_dictionary": False}):
            source = file_of(ids * 100, row_group_size=150, **options)
            wanted = [str(ids[0]), str(ids[1]), "stranger"]

            plan = plan_erasure(source, ID, wanted)

            assert plan.rows_by_id == {wanted[0]: 200, wanted[1]: 100}
            assert "rows_by_id" not in repr(plan)


def test_a_column_is_found_in_another_case_if_only_one_is_meant() -> None:
    assert plan_erasure(written(pa.table({"Profile_ID": ["a"]})), ID, ["a"]).changes


def test_typed_ids_match_as_their_text_does() -> None:
    assert ids_in(erased(file_of([7, 8]), [7])) == [8]
    assert ids_in(erased(file_of(["a", "b"]), [b"a"])) == ["b"]


def test_a_null_parent_is_no_match() -> None:
    table = pa.table({"who": pa.array([{"id": "a"}, None, {"id": None}, {"id": "b"}])})

    after = erased(written(table), ["a"], "who.id")

    assert ids_in(after, "who") == [None, {"id": None}, {"id": "b"}]


def test_a_dot_in_a_name_is_a_dot_in_a_name() -> None:
    after = erased(written(pa.table({"who.id": ["a", "b"]})), ["a"], "who.id")

    assert ids_in(after, "who.id") == ["b"]


@pytest.mark.parametrize(
    ("table", "column", "refusal"),
    [
        (pa.table({"other": ["a"]}), ID, IdColumnMissing),
        (pa.table({ID: [["a"]]}), f"{ID}.list.element", IdColumnRepeated),
        (pa.table({ID: [["a"]]}), ID, IdColumnRepeated),
        (pa.table({ID: [{"part": "a"}]}), ID, UnsupportedIdType),
        (pa.table({ID: [True]}), ID, UnsupportedIdType),
        (pa.table({ID: pa.array([0], pa.timestamp("ms"))}), ID, UnsupportedIdType),
    ],
)
def test_a_column_that_cannot_hold_ids_is_refused_by_name(
    table: pa.Table, column: str, refusal: type[UnsupportedParquet]
) -> None:
    with pytest.raises(refusal):
        plan_erasure(written(table), column, ["a"])


def _as_uuids(values: list[bytes]) -> pa.Array:
    return pa.ExtensionArray.from_storage(pa.uuid(), pa.array(values, pa.binary(16)))


def test_a_uuid_is_the_same_in_capitals() -> None:
    a, b = uuid.uuid5(uuid.NAMESPACE_DNS, "a"), uuid.uuid5(uuid.NAMESPACE_DNS, "b")
    source = written(pa.table({ID: _as_uuids([a.bytes, b.bytes])}))

    after = erased(source, [str(a).upper()])

    assert ids_in(after) == [b]
    assert verify(source, after, ID, [str(a).upper()]).holds


def test_a_text_of_sixteen_letters_is_no_uuid() -> None:
    source = written(pa.table({ID: _as_uuids([b"sixteen letters!", _B.bytes])}))

    assert not plan_erasure(source, ID, ["sixteen letters!"]).changes


@pytest.mark.parametrize(
    ("kind", "wanted"), [(pa.float64(), str(1 << 53)), (pa.float32(), str(1 << 24))]
)
def test_an_id_that_shares_a_float_with_others_is_refused(kind: pa.DataType, wanted: str) -> None:
    source = written(pa.table({ID: pa.array([1.0, 2.0], kind)}))

    with pytest.raises(UnsupportedIdType):
        plan_erasure(source, ID, [wanted])


def test_the_proof_takes_no_other_text_for_a_decimal_than_the_planner() -> None:
    source = written(pa.table({ID: pa.array([Decimal(12), Decimal(15)], pa.decimal128(10, 0))}))

    after = erased(source, ["0012", "15"])

    assert ids_in(after) == [Decimal(12)]
    assert verify(source, after, ID, ["0012", "15"]).holds


@pytest.mark.parametrize("number", [10**43 + 7, -(10**43), 0, -128, 127])
def test_a_decimal_in_as_many_bytes_as_it_needs_is_found(number: int) -> None:
    raw = number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)
    if number == -128:
        raw = b"\x80"
    source = written(pa.table({ID: [raw, b"\x05"]}))
    footer = read_footer(source)
    schema = footer.document.items(FileField.SCHEMA)
    assert schema is not None
    element = schema.structs()[1]
    for field, value in ((6, 5), (7, 0), (8, 45)):
        element.set_int(field, value, Kind.I32)
    element.drop(10)
    footer.document.drop(FileField.KEY_VALUE)
    source = InMemory(source.data[: footer.offset] + footer_bytes(footer.document))

    assert plan_erasure(source, ID, [str(number)]).rows_erased == 1


@pytest.mark.parametrize(
    "kind", [pa.string_view(), pa.binary_view(), pa.json_()], ids=lambda kind: str(kind)
)
def test_ids_in_newer_arrow_types_are_found_and_proven(kind: pa.DataType) -> None:
    values = pa.array(['"ann"', '"bob"'])
    column = values.cast(pa.binary()).cast(kind) if kind == pa.binary_view() else values.cast(kind)
    source = written(pa.table({ID: column, "n": [1, 2]}))

    after = erased(source, ['"ann"'])

    assert len(ids_in(after)) == 1
    proof = verify(source, after, ID, ['"ann"'])
    assert proof.holds, proof.problems


VIEWS = [
    pa.string_view(),
    pa.list_(pa.string_view()),
    pa.list_(pa.field("item", pa.string_view()), 1),
    pa.list_view(pa.string()),
    pa.struct([("text", pa.string_view())]),
    pa.map_(pa.string(), pa.string_view()),
]


@pytest.mark.parametrize("kind", VIEWS, ids=str)
def test_the_proof_reads_and_searches_texts_in_every_container(kind: pa.DataType) -> None:
    texts = [f"a text of row {n}" for n in range(2)]
    values: list[Any]
    if pa.types.is_struct(kind):
        values = [{"text": text} for text in texts]
    elif pa.types.is_map(kind):
        values = [[("key", text)] for text in texts]
    else:
        values = texts if kind == pa.string_view() else [[text] for text in texts]
    source = written(pa.table({ID: ["ann", "bob"], "v": pa.array(values, kind)}))

    after = erased(source, ["ann"])
    proof = verify(source, after, ID, ["ann"])
    end = read_footer(after).offset
    leaky = InMemory(after.data[:end] + texts[0].encode() + after.data[end:])

    assert proof.holds, proof.problems
    assert not verify(source, leaky, ID, ["ann"]).holds


def test_an_id_in_a_struct_whose_name_has_a_dot_is_proven() -> None:
    source = written(pa.table({"x.y": [{"id": "ann"}, {"id": "bob"}]}))

    after = erased(source, ["ann"], "x.y.id")

    assert verify(source, after, "x.y.id", ["ann"]).holds
