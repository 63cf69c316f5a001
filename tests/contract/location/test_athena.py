"""The search of S3 tables against the local cloud's Athena."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from erasure_location.core.deadline import Deadline
from erasure_shared.errors import OutOfTime, Rejected
from tests.contract.location.lake import Lake, found_ids, where
from tests.synthetic import AWKWARD_IDS

pytestmark = pytest.mark.local_cloud
STRANGERS = [f"stranger-{number}" for number in range(200)]


def test_each_object_is_found_once_with_the_subjects_that_it_holds(lake: Lake) -> None:
    first = lake.put("profiles/part-1.parquet", ["ann", "bob", "ann", "carl"])
    second = lake.put("profiles/part 2.parquet", ["bob", "zoe"])
    lake.put("profiles/part-3.parquet", ["zoe"])

    findings = lake.find(["ann", "bob", "nobody"])

    assert where(findings) == {first: {"ann", "bob"}, second: {"bob"}}


def test_a_survey_counts_the_objects_and_rows_that_a_search_would_find(lake: Lake) -> None:
    lake.put("profiles/part-1.parquet", ["ann", "bob", "ann", "carl"])
    lake.put("profiles/part 2.parquet", ["bob", "zoe"])
    lake.put("profiles/part-3.parquet", ["zoe"])
    lake.put_bytes("profiles/part-4.parquet", b"this is not Parquet at all")

    extent = lake.survey(["ann", "bob", "nobody"])

    assert (extent.locations, extent.rows, extent.unreadable) == (3, 4, 1)
    assert extent.size_bytes > extent.largest_bytes > 0
    assert extent.scanned_bytes > 0
    assert lake.left_over() == []


@pytest.mark.parametrize("strangers", [0, 200])
def test_awkward_ids_are_found_literally(lake: Lake, strangers: int) -> None:
    uri = lake.put("profiles/part-1.parquet", [*AWKWARD_IDS, "ann"])

    findings = lake.find([*AWKWARD_IDS, *STRANGERS[:strangers]])

    assert where(findings) == {uri: set(AWKWARD_IDS)}


@pytest.mark.parametrize("number_of_ids", [1, 200])
def test_nothing_that_holds_identifiers_is_left_behind(lake: Lake, number_of_ids: int) -> None:
    lake.put("profiles/part-1.parquet", STRANGERS)

    lake.find(STRANGERS[:number_of_ids])

    assert lake.left_over() == []


@pytest.mark.parametrize(
    ("id_type", "arrow_type", "values", "wanted"),
    [
        ("bigint", pa.int64(), [12, 345], "12"),
        ("decimal(10,0)", pa.decimal128(10, 0), [Decimal(12), Decimal(345)], "12"),
    ],
)
def test_numbers_are_found_by_their_text(
    lake: Lake,
    id_type: str,
    arrow_type: pa.DataType,
    values: list[object],
    wanted: str,
) -> None:
    store = lake.create_table("numbered", id_type)
    uri = lake.put("numbered/part-1.parquet", values, arrow_type)

    findings = lake.find([wanted, "0345"], store)

    assert where(findings) == {uri: {wanted}}


def test_ids_in_a_struct_are_found(lake: Lake) -> None:
    people = [{"id": "ann", "age": 1}, {"id": "bob", "age": 2}, None]
    kind = pa.struct([("id", pa.string()), ("age", pa.int32())])
    table = lake.create_table("nested", "struct<id:string,age:int>")
    uri = lake.put("nested/part-1.parquet", people, kind)

    findings = lake.find(["ann", "eve"], table.model_copy(update={"id_column": "profile_id.id"}))

    assert where(findings) == {uri: {"ann"}}


def test_ids_that_are_floating_point_numbers_are_for_a_person_to_repair(lake: Lake) -> None:
    store = lake.create_table("measured", "double")
    lake.put("measured/part-1.parquet", [12.0], pa.float64())

    with pytest.raises(Rejected) as refusal:
        lake.find(["12", "12.0", "1.2E1"], store)

    assert refusal.value.reason_code == "GLUE_ID_TYPE_UNSUPPORTED"


def test_an_unreadable_object_is_found_with_everybody_and_hides_no_other(lake: Lake) -> None:
    readable = lake.put("profiles/part-1.parquet", ["ann"])
    broken = [
        lake.put_bytes("profiles/part-2.parquet", b"this is not Parquet at all"),
        lake.put_bytes("profiles/part 3 (a copy).parquet", b"PAR1 neither is this PAR1"),
    ]

    findings = lake.find(["ann", "bob"])

    assert where(findings) == {readable: {"ann"}} | {uri: {"ann", "bob"} for uri in broken}
    assert lake.left_over() == []


def test_an_object_whose_id_has_another_type_is_found_with_everybody(lake: Lake) -> None:
    readable = lake.put("profiles/part-1.parquet", ["ann"])
    broken = lake.put("profiles/part-2.parquet", [1, 2], pa.int64())

    findings = lake.find(["ann", "bob"])

    assert where(findings) == {readable: {"ann"}, broken: {"ann", "bob"}}


def test_a_table_of_broken_objects_is_for_a_person_to_repair(lake: Lake) -> None:
    for number in range(22):
        lake.put_bytes(f"profiles/part-{number}.parquet", b"this is not Parquet at all")

    with pytest.raises(Rejected, match="cannot read the objects") as refusal:
        lake.find(["ann"])

    assert refusal.value.reason_code == "ATHENA_HIVE_BAD_DATA"


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("table", "GLUE_EntityNotFoundException"),
        ("id_column", "GLUE_NO_ID_COLUMN"),
        ("database", "GLUE_EntityNotFoundException"),
    ],
)
def test_what_the_catalogue_does_not_know_is_for_a_person_to_repair(
    lake: Lake, field: str, code: str
) -> None:
    lake.put("profiles/part-1.parquet", ["ann"])
    store = lake.store.model_copy(update={field: "missing"})

    with pytest.raises(Rejected) as refusal:
        lake.find(["ann"], store)

    assert refusal.value.reason_code == code


def test_more_rows_than_a_page_holds_are_all_read(lake: Lake) -> None:
    people = [f"person-{number}" for number in range(2_500)]
    uri = lake.put("profiles/part-1.parquet", people)

    [found] = lake.find(people)

    assert found.address == uri
    assert found_ids(found) == set(people)


def test_no_query_is_started_when_the_time_is_up(lake: Lake) -> None:
    with pytest.raises(OutOfTime):
        lake.find(STRANGERS, deadline=Deadline(lambda: 1.0))

    assert lake.left_over() == []
