"""Free text beside the rows: what it quotes of the erased makes the file a refusal."""

from __future__ import annotations

import base64
import io
import json
import tracemalloc

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given

from erasure_purge.parquet import InMemory, plan_erasure, scan, verify
from erasure_purge.parquet.errors import ErasedValueInMetadata
from erasure_purge.parquet.footer import read_footer
from erasure_purge.parquet.metadata import Metadata
from tests.unit.parquet.people import ID, erased, ids_in, written

IDS = [f"person-{n:04}" for n in range(40)]
MAILS = [f"mail-of-{n:04}@example.com" for n in range(40)]
GONE, STAYS = 7, 8
SPARK = "org.apache.spark.sql.parquet.row.metadata"


def people(**metadata: str) -> pa.Table:
    return pa.table({ID: IDS, "mail": MAILS}).replace_schema_metadata(metadata)


def polars_file(frame: pl.DataFrame) -> InMemory:
    sink = io.BytesIO()
    frame.write_parquet(sink)
    return InMemory(sink.getvalue())


def enum_of(column: str) -> pl.DataFrame:
    frame = pl.DataFrame({ID: IDS, "mail": MAILS})
    return frame.with_columns(pl.col(column).cast(pl.Enum(frame[column].to_list())))


def spark_row(**metadata: object) -> str:
    field = {"name": "mail", "type": "string", "nullable": True, "metadata": metadata}
    return json.dumps({"type": "struct", "fields": [field]})


def refuses(source: InMemory) -> bool:
    try:
        plan_erasure(source, ID, [IDS[GONE]])
    except ErasedValueInMetadata:
        return True
    return False


@pytest.mark.parametrize("column", [ID, "mail"])
def test_the_categories_of_a_polars_enum_name_everybody(column: str) -> None:
    source = polars_file(enum_of(column))

    assert refuses(source)
    assert not scan(source, ID, [IDS[GONE]]).is_clean


@pytest.mark.parametrize("column", [ID, "mail"])
def test_the_proof_reads_the_categories_too(column: str) -> None:
    frame = enum_of(column)
    without = frame.filter(pl.col(ID).cast(pl.String) != IDS[GONE])

    proof = verify(polars_file(frame), polars_file(without), ID, [IDS[GONE]])

    assert "the key/value metadata quotes nobody" in proof.problems


def test_a_category_that_somebody_else_has_too_names_nobody() -> None:
    tariffs = ["tariff of the early", "tariff of the late"]
    frame = pl.DataFrame({ID: IDS, "tariff": [tariffs[n % 2] for n in range(40)]})
    source = polars_file(frame.with_columns(pl.col("tariff").cast(pl.Enum(tariffs))))

    after = erased(source, [IDS[GONE]])

    assert IDS[GONE] not in ids_in(after)
    assert verify(source, after, ID, [IDS[GONE]]).holds


@pytest.mark.parametrize("quoted", [IDS[GONE], MAILS[GONE]])
@pytest.mark.parametrize(
    "wrapped",
    [
        lambda field: field,
        lambda field: pa.field("deep", pa.list_(pa.struct([field]))),
        lambda field: pa.field("deep", pa.dictionary(pa.int32(), pa.struct([field]))),
        lambda field: pa.field("deep", pa.map_(pa.string(), field)),
        lambda field: pa.field("deep", pa.list_(field, 2)),
        lambda field: pa.field("deep", pa.dense_union([field])),
    ],
)
def test_metadata_of_any_arrow_field_is_searched(wrapped: object, quoted: str) -> None:
    field = pa.field("x", pa.string(), metadata={"example": quoted})
    schema = pa.schema([wrapped(field)])  # type: ignore[operator]
    metadata = Metadata([(b"ARROW:schema", base64.b64encode(schema.serialize()))], ())

    assert metadata.quoted({IDS[GONE].encode()}, {MAILS[GONE].encode()}) == {quoted.encode()}


def test_parameters_of_extension_types_are_searched() -> None:
    kind = pa.opaque(pa.int32(), type_name=IDS[GONE], vendor_name="vendor")
    schema = pa.schema([pa.field("x", kind)])
    metadata = Metadata([(b"ARROW:schema", base64.b64encode(schema.serialize()))], ())

    assert metadata.quoted({IDS[GONE].encode()}, ()) == {IDS[GONE].encode()}


def test_an_arrow_schema_that_cannot_be_decoded_is_searched_as_it_is() -> None:
    for encoded in (base64.b64encode(b"\xff" * 20 + MAILS[GONE].encode()), MAILS[GONE].encode()):
        metadata = Metadata([(b"ARROW:schema", encoded)], ())

        assert metadata.quoted((), {MAILS[GONE].encode()}) == {MAILS[GONE].encode()}


@given(st.data())
def test_no_arrow_schema_ends_in_anything_but_an_answer(data: st.DataObject) -> None:
    schema = pa.schema([pa.field("x", pa.list_(pa.string()), metadata={"a": "b"})])
    message = bytearray(schema.serialize().to_pybytes())
    for at in data.draw(st.lists(st.integers(0, len(message) - 1), max_size=4)):
        message[at] = data.draw(st.integers(0, 255))

    metadata = Metadata([(b"ARROW:schema", base64.b64encode(bytes(message)))], ())

    assert metadata.quoted({b"person-0001"}, ()) == set()


def test_labels_in_sparks_schema_name_people() -> None:
    labels = spark_row(ml_attr={"vals": MAILS, "type": "nominal"})

    assert refuses(written(people(**{SPARK: labels})))
    assert refuses(written(people(**{SPARK: json.dumps({"ml_attr": {"vals": MAILS}})})))
    assert not refuses(written(people(**{SPARK: spark_row(comment=MAILS[STAYS])})))


def test_attributes_of_a_data_frame_name_people() -> None:
    frame = people().to_pandas()
    frame.attrs["example"] = MAILS[GONE]

    assert refuses(written(pa.Table.from_pandas(frame)))


def test_symbols_of_an_avro_enum_name_people() -> None:
    mails = {"type": "enum", "name": "mail", "symbols": MAILS}
    schema = {"type": "record", "name": "r", "fields": [{"name": "mail", "type": mails}]}

    assert refuses(written(people(**{"parquet.avro.schema": json.dumps(schema)})))


def test_what_json_escapes_is_found() -> None:
    ids = ["jürgen-größe", *IDS[1:]]
    table = pa.table({ID: ids}).replace_schema_metadata({"owners": json.dumps(ids[:1])})

    with pytest.raises(ErasedValueInMetadata):
        plan_erasure(written(table), ID, ids[:1])


def test_a_text_that_names_a_column_is_no_secret() -> None:
    notes = ["changed_field" if n == GONE else f"note-of-{n}" for n in range(40)]
    table = pa.table({ID: IDS, "changed_field": notes})
    source = written(table.replace_schema_metadata({"columns": "profile_id, changed_field"}))

    assert verify(source, erased(source, [IDS[GONE]]), ID, [IDS[GONE]]).holds


def test_a_person_called_like_a_column_can_be_erased() -> None:
    source = written(pa.table({ID: IDS, IDS[GONE]: MAILS}))

    assert verify(source, erased(source, [IDS[GONE]]), ID, [IDS[GONE]]).holds


def test_what_only_describes_a_schema_is_no_free_text() -> None:
    at = pa.array([0] * len(IDS), pa.timestamp("us", tz="Europe/Berlin"))
    described = pa.Table.from_pandas(pa.table({ID: IDS, "at": at}).to_pandas())
    metadata = {**(described.schema.metadata or {}), SPARK: spark_row()}
    metadata["avro.schema"] = json.dumps({"type": "record", "name": "r", "fields": []})
    source = written(described.replace_schema_metadata(metadata))

    assert not Metadata.of(read_footer(source)).has_free_text
    assert not Metadata.of(read_footer(polars_file(pl.DataFrame({ID: IDS})))).has_free_text


def test_many_lengths_of_ids_need_no_more_memory_than_one() -> None:
    text = np.random.default_rng(1).integers(97, 123, 200_000, np.uint8).tobytes()
    metadata = Metadata([(b"k", text)], ())
    ids = {b"u" * (n % 25) + b"person-%04d" % n for n in range(50)} | {text[5_000:5_040]}
    tracemalloc.start()

    quoted = metadata.quoted(ids, ())

    assert quoted == {text[5_000:5_040]}
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


_LETTERS = st.text("ab", min_size=6, max_size=9).map(str.encode)


@given(st.sets(_LETTERS, max_size=40), st.text("ab", max_size=200).map(str.encode))
def test_an_id_is_quoted_exactly_where_it_stands(ids: set[bytes], text: bytes) -> None:
    assert Metadata([(b"", text)], ()).quoted(ids, ()) == {one for one in ids if one in text}
