"""Queries see those objects of a table that Athena would see, and read them as it would."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.contract.local_cloud.warehouse import NASTY, OPENX, Warehouse


def test_a_column_that_an_older_object_lacks_is_null(people: Warehouse) -> None:
    people.put("people/old.parquet", {"profile_id": ["old"], "address": [{"city": "Bonn"}]})
    people.put("people/new.parquet", {"profile_id": ["new"], "visits": pa.array([1], "int32")})

    rows = people.rows("SELECT profile_id, visits, address.country FROM people ORDER BY 1")

    assert rows == [["new", "1", None], ["old", None, None]]


def test_upper_case_in_a_file_and_other_writers_timestamps_are_read(people: Warehouse) -> None:
    output = io.BytesIO()
    moment = datetime(2026, 1, 31, 10)  # noqa: DTZ001 - INT96 has no zone
    table = pa.table({"Profile_ID": ["ann"], "seen_at": [moment]})
    pq.write_table(table, output, use_deprecated_int96_timestamps=True)
    people.put_bytes("people/spark.parquet", output.getvalue())

    assert people.rows("SELECT profile_id, seen_at FROM people") == [
        ["ann", "2026-01-31 10:00:00.000"]
    ]


@pytest.mark.parametrize(
    "body", [b"not Parquet at all", b"PAR1PAR1", b"PAR1" + b"\0" * 64 + b"PARE"]
)
def test_an_unreadable_object_fails_the_query_and_is_named(people: Warehouse, body: bytes) -> None:
    people.put("people/good.parquet", {"profile_id": ["ann"]})
    bad = people.put_bytes("people/bad.parquet", body)

    reason = people.reason("SELECT count(*) FROM people WHERE profile_id = 'ann'")

    assert reason.startswith("HIVE_BAD_DATA")
    assert bad in reason


def test_an_object_that_the_path_leaves_out_is_not_even_opened(people: Warehouse) -> None:
    people.put("people/good.parquet", {"profile_id": ["ann"]})
    bad = people.put_bytes("people/bad.parquet", b"PAR1 cut short")

    rows = people.rows('SELECT p.profile_id FROM people p WHERE p."$path" NOT IN (?)', f"'{bad}'")

    assert rows == [["ann"]]


def test_damaged_pages_fail_the_query_and_the_object_is_named(people: Warehouse) -> None:
    output = io.BytesIO()
    pq.write_table(pa.table({"profile_id": [f"p-{n}" for n in range(1000)]}), output)
    body = bytearray(output.getvalue())
    body[4:400] = b"\xff" * 396
    bad = people.put_bytes("people/bad.parquet", bytes(body))

    reason = people.reason("SELECT count(*) FROM people WHERE profile_id = 'p-7'")

    assert reason.startswith("HIVE_BAD_DATA")
    assert bad in reason


def test_a_file_type_that_contradicts_the_table_fails_only_queries_of_that_column(
    people: Warehouse,
) -> None:
    people.put("people/a.parquet", {"profile_id": ["ann"], "visits": ["many"]})

    assert people.rows("SELECT profile_id FROM people") == [["ann"]]
    assert people.reason("SELECT visits FROM people").startswith("HIVE_BAD_DATA: Field visits")


def test_hidden_and_empty_objects_are_not_read(people: Warehouse) -> None:
    people.put("people/a.parquet", {"profile_id": ["ann"]})
    people.put_bytes("people/_SUCCESS", b"done")
    people.put_bytes("people/.tmp/x.parquet", b"half")
    people.put_bytes("people/empty.parquet", b"")

    assert people.rows("SELECT count(*) FROM people") == [["1"]]


def test_a_table_without_objects_has_no_rows(people: Warehouse) -> None:
    assert people.rows("SELECT * FROM people") == []


def test_only_the_current_version_of_an_object_is_read(people: Warehouse) -> None:
    people.put("people/a.parquet", {"profile_id": ["ann", "bob"]})
    people.put("people/a.parquet", {"profile_id": ["bob"]})

    assert people.rows("SELECT profile_id FROM people") == [["bob"]]


def test_projected_dates_in_range_are_partitions_and_others_are_not(warehouse: Warehouse) -> None:
    warehouse.table(
        "daily",
        [("profile_id", "string")],
        keys=("dt",),
        projection__enabled="true",
        projection__dt__type="date",
        projection__dt__format="yyyy-MM-dd",
        projection__dt__range="2026-01-01,NOW+1DAYS",
    )
    for day in ("2025-12-31", "2026-01-01", "2026-01-02", "no-date"):
        warehouse.put(f"daily/dt={day}/a.parquet", {"profile_id": [day]})

    rows = warehouse.rows("SELECT profile_id, dt FROM daily WHERE dt < '2026-03-01' ORDER BY 1")

    assert rows == [["2026-01-01", "2026-01-01"], ["2026-01-02", "2026-01-02"]]


def test_partitions_that_the_query_excludes_are_not_even_opened(warehouse: Warehouse) -> None:
    warehouse.table(
        "daily",
        [("profile_id", "string")],
        keys=("dt", "kind"),
        projection__enabled="true",
        projection__dt__type="integer",
        projection__dt__range="1,12",
        projection__dt__digits="2",
        projection__kind__type="enum",
        projection__kind__values="web,shop",
    )
    warehouse.put("daily/dt=01/kind=web/a.parquet", {"profile_id": ["ann"]})
    warehouse.put_bytes("daily/dt=02/kind=web/bad.parquet", b"not Parquet")
    warehouse.put_bytes("daily/dt=1/kind=web/bad.parquet", b"not Parquet")
    warehouse.put_bytes("daily/dt=01/kind=other/bad.parquet", b"not Parquet")

    assert warehouse.rows("SELECT d.profile_id FROM daily d WHERE d.dt = '01'") == [["ann"]]


def test_registered_partitions_are_read_from_where_the_catalogue_says(warehouse: Warehouse) -> None:
    warehouse.table("listed", [("profile_id", "string")], keys=("dt",))
    warehouse.put("elsewhere/a.parquet", {"profile_id": ["ann"]})
    warehouse.put("listed/dt=unknown/a.parquet", {"profile_id": ["bob"]})
    warehouse.cloud.glue.create_partition(
        DatabaseName=warehouse.database,
        TableName="listed",
        PartitionInput={
            "Values": ["today"],
            "StorageDescriptor": {"Location": f"s3://{warehouse.bucket}/elsewhere/"},
        },
    )

    assert warehouse.rows("SELECT profile_id, dt FROM listed") == [["ann", "today"]]


@pytest.fixture
def wanted(people: Warehouse) -> Warehouse:
    people.table(
        "wanted",
        [("profile_id", "string")],
        serde=OPENX,
        keys=("batch",),
        projection__enabled="true",
        projection__batch__type="injected",
        storage__location__template=f"s3://{people.bucket}/wanted/${{batch}}/",
    )
    return people


def put_wanted(warehouse: Warehouse, batch: str, ids: list[str]) -> None:
    lines = "".join(json.dumps({"profile_id": profile_id}) + "\n" for profile_id in ids)
    warehouse.put_bytes(f"wanted/{batch}/ids.json", lines.encode())


def test_a_list_of_wanted_ids_joins_by_its_injected_partition(wanted: Warehouse) -> None:
    nasty = NASTY.replace("''", "'")
    path = wanted.put("people/a.parquet", {"profile_id": ["ann", nasty, "cid"]})
    put_wanted(wanted, "one", [nasty, "ann", "nobody"])
    put_wanted(wanted, "two", ["cid"])

    rows = wanted.rows(
        'SELECT p."$path", p.profile_id FROM people p '
        "JOIN wanted w ON w.profile_id = p.profile_id WHERE w.batch = ? ORDER BY 2",
        "'one'",
    )

    assert rows == [[path, "ann"], [path, nasty]]


def test_an_injected_partition_must_be_pinned_by_the_query(wanted: Warehouse) -> None:
    put_wanted(wanted, "one", ["ann"])

    assert wanted.reason("SELECT * FROM wanted").startswith("CONSTRAINT_VIOLATION")
    assert wanted.reason("SELECT * FROM wanted WHERE batch > ''").startswith("CONSTRAINT_VIOLATION")


def test_a_hundred_thousand_wanted_ids_are_found(wanted: Warehouse) -> None:
    ids = [f"{number:032d}" for number in range(100_000)]
    wanted.put("people/a.parquet", {"profile_id": ids[::2]})
    put_wanted(wanted, "many", ids)

    rows = wanted.rows(
        "SELECT count(*) FROM people p JOIN wanted w ON w.profile_id = p.profile_id "
        "WHERE w.batch = 'many'"
    )

    assert rows == [["50000"]]


def test_objects_replaced_during_a_query_are_read_as_they_were_or_as_they_are(
    people: Warehouse,
) -> None:
    def put() -> None:
        people.put("people/a.parquet", {"profile_id": ["ann"] * 50_000})

    put()
    with ThreadPoolExecutor(2) as pool:
        writes = [pool.submit(put) for _ in range(20)]
        counts = {people.rows("SELECT count(profile_id) FROM people")[0][0] for _ in range(10)}

    assert counts == {"50000"}
    assert all(write.result() is None for write in writes)
