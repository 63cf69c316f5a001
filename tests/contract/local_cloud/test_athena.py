"""Queries behave as Athena's, as far as location leans on them."""

import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from tests.contract.local_cloud.cloud import Cloud, fresh_name

NASTY = "it''s \"quoted\" \\n\n; DROP TABLE people -- 😀"
PARQUET = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
OPENX = "org.openx.data.jsonserde.JsonSerDe"
PEOPLE = [
    ("profile_id", "string"),
    ("visits", "int"),
    ("spend", "decimal(18,2)"),
    ("address", "struct<city:string,country:string>"),
    ("tags", "array<string>"),
    ("seen_at", "timestamp"),
    ("born_on", "date"),
    ("active", "boolean"),
]


@dataclass
class Warehouse:
    """A database with tables over one bucket."""

    cloud: Cloud
    bucket: str
    database: str

    def table(
        self,
        name: str,
        columns: list[tuple[str, str]],
        *,
        serde: str = PARQUET,
        keys: tuple[str, ...] = (),
        **properties: str,
    ) -> None:
        self.cloud.glue.create_table(
            DatabaseName=self.database,
            TableInput={
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "PartitionKeys": [{"Name": key, "Type": "string"} for key in keys],
                "Parameters": {name.replace("__", "."): text for name, text in properties.items()},
                "StorageDescriptor": {
                    "Columns": [{"Name": column, "Type": kind} for column, kind in columns],
                    "Location": f"s3://{self.bucket}/{name}/",
                    "SerdeInfo": {"SerializationLibrary": serde},
                },
            },
        )

    def put(self, key: str, columns: dict[str, Any], schema: pa.Schema | None = None) -> str:
        output = io.BytesIO()
        pq.write_table(pa.table(columns, schema=schema), output)
        return self.put_bytes(key, output.getvalue())

    def put_bytes(self, key: str, body: bytes) -> str:
        self.cloud.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def start(self, sql: str, *parameters: str) -> str:
        given = {"ExecutionParameters": list(parameters)} if parameters else {}
        answer = self.cloud.athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self.database},
            ResultConfiguration={"OutputLocation": f"s3://{self.bucket}/results/"},
            **given,
        )
        return str(answer["QueryExecutionId"])

    def finish(self, query_id: str) -> dict[str, Any]:
        while True:
            execution: dict[str, Any] = self.cloud.athena.get_query_execution(
                QueryExecutionId=query_id
            )["QueryExecution"]
            if execution["Status"]["State"] in ("SUCCEEDED", "FAILED"):
                return execution
            time.sleep(0.02)

    def rows(self, sql: str, *parameters: str) -> list[list[str | None]]:
        query_id = self.start(sql, *parameters)
        status = self.finish(query_id)["Status"]
        assert status["State"] == "SUCCEEDED", status["StateChangeReason"]
        pages = self.cloud.athena.get_paginator("get_query_results").paginate(
            QueryExecutionId=query_id
        )
        found = [row["Data"] for page in pages for row in page["ResultSet"]["Rows"]]
        return [[datum.get("VarCharValue") for datum in row] for row in found[1:]]

    def reason(self, sql: str, *parameters: str) -> str:
        status = self.finish(self.start(sql, *parameters))["Status"]
        assert status["State"] == "FAILED"
        return str(status["StateChangeReason"])


@pytest.fixture
def warehouse(cloud: Cloud) -> Warehouse:
    database = fresh_name()
    cloud.glue.create_database(DatabaseInput={"Name": database})
    return Warehouse(cloud, cloud.bucket(), database)


@pytest.fixture
def people(warehouse: Warehouse) -> Warehouse:
    warehouse.table("people", PEOPLE)
    return warehouse


def test_path_names_the_object_of_every_row(people: Warehouse) -> None:
    first = people.put("people/a.parquet", {"profile_id": ["ann", "bob"]})
    second = people.put("people/b.parquet", {"profile_id": ["cid"]})

    rows = people.rows('SELECT "$path", count(*) FROM people GROUP BY 1 ORDER BY 1')

    assert rows == [[first, "2"], [second, "1"]]


def test_a_star_does_not_show_the_hidden_path(people: Warehouse) -> None:
    path = people.put("people/a.parquet", {"profile_id": ["ann"]})

    rows = people.rows('SELECT * FROM people WHERE "$path" = ?', f"'{path}'")

    assert len(rows[0]) == len(PEOPLE)


def test_a_parameter_is_a_value_whatever_it_contains(people: Warehouse) -> None:
    people.put("people/a.parquet", {"profile_id": ["ann", NASTY.replace("''", "'")]})

    rows = people.rows(
        "SELECT count(*) FROM people WHERE profile_id IN (?, ?)", f"'{NASTY}'", "'x'"
    )

    assert rows == [["1"]]


def test_parameters_go_to_the_question_marks_in_the_order_of_the_text(people: Warehouse) -> None:
    people.put(
        "people/a.parquet", {"profile_id": ["ann", "?"], "visits": pa.array([1, 2], "int32")}
    )

    rows = people.rows(
        "WITH some AS (SELECT * FROM people WHERE profile_id <> ?) "
        "SELECT '?', ? AS second FROM some WHERE visits BETWEEN ? AND ? AND profile_id <> '?'",
        "'nobody'",
        "'second'",
        "1",
        "2",
    )

    assert rows == [["?", "second"]]


@pytest.mark.parametrize("parameter", ["ann", "'a' OR 1=1", "'a'; DROP TABLE x", "profile_id"])
def test_a_parameter_that_is_no_literal_fails_the_query(people: Warehouse, parameter: str) -> None:
    reason = people.reason("SELECT 1 FROM people WHERE profile_id = ?", parameter)

    assert reason.startswith("INVALID_PARAMETER_USAGE")


def test_a_wrong_number_of_parameters_fails_the_query(people: Warehouse) -> None:
    reason = people.reason("SELECT 1 FROM people WHERE profile_id = ?", "'a'", "'b'")

    assert "expected 1 but found 2" in reason


def test_a_parameter_longer_than_1024_characters_is_refused(people: Warehouse) -> None:
    people.finish(people.start("SELECT ?", "'" + "x" * 1022 + "'"))

    with pytest.raises(ClientError) as refused:
        people.start("SELECT ?", "'" + "x" * 1023 + "'")

    assert refused.value.response["Error"]["Code"] == "InvalidRequestException"


def test_a_query_text_of_more_than_262144_bytes_is_refused(people: Warehouse) -> None:
    text = f"SELECT '{'x' * 262_135}'"

    allowed = people.finish(people.start(text))
    with pytest.raises(ClientError) as refused:
        people.start(text[:-1] + "x'")

    assert len(text) == 262_144
    assert allowed["Status"]["State"] == "SUCCEEDED"
    assert refused.value.response["Error"]["Code"] == "InvalidRequestException"


def test_values_are_written_as_athena_writes_them(people: Warehouse) -> None:
    people.put(
        "people/a.parquet",
        {
            "profile_id": ["ann"],
            "visits": pa.array([3], "int32"),
            "spend": [Decimal("1.50")],
            "address": [{"city": "Kiel", "country": None}],
            "tags": [["a", "b"]],
            "seen_at": [datetime(2026, 1, 31, 10, 0, 0, 123000)],  # noqa: DTZ001 - as in Parquet
            "born_on": [date(1990, 2, 3)],
            "active": [True],
        },
    )

    (row,) = people.rows("SELECT * FROM people")

    assert row == [
        *("ann", "3", "1.50", "{city=Kiel, country=null}", "[a, b]"),
        *("2026-01-31 10:00:00.123", "1990-02-03", "true"),
    ]


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


@pytest.mark.parametrize(
    ("sql", "category"),
    [
        ("SELECT * FROM nowhere", "TABLE_NOT_FOUND"),
        ("SELECT * FROM nothing.people", "SCHEMA_NOT_FOUND"),
        ("SELECT nobody FROM people", "COLUMN_NOT_FOUND"),
        ("SELEC profile_id FROM people", "SYNTAX_ERROR"),
    ],
)
def test_a_wrong_name_fails_the_query_with_its_category(
    people: Warehouse, sql: str, category: str
) -> None:
    people.put("people/a.parquet", {"profile_id": ["ann"]})

    assert people.reason(sql).startswith(category)


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


def test_results_come_in_pages_of_1000_rows_of_which_the_first_names_the_columns(
    people: Warehouse,
) -> None:
    people.put("people/a.parquet", {"profile_id": [f"{n:04d}" for n in range(1500)]})
    query_id = people.start("SELECT profile_id AS id FROM people ORDER BY 1")
    people.finish(query_id)

    first = people.cloud.athena.get_query_results(QueryExecutionId=query_id)
    second = people.cloud.athena.get_query_results(
        QueryExecutionId=query_id, NextToken=first["NextToken"]
    )

    assert first["ResultSet"]["Rows"][0]["Data"] == [{"VarCharValue": "id"}]
    assert [len(page["ResultSet"]["Rows"]) for page in (first, second)] == [1000, 501]
    assert second["ResultSet"]["Rows"][-1]["Data"] == [{"VarCharValue": "1499"}]
    assert "NextToken" not in second


def test_the_result_file_and_its_companion_lie_where_the_execution_says(people: Warehouse) -> None:
    people.put("people/a.parquet", {"profile_id": ['a"b', None]})
    query_id = people.start("SELECT profile_id, count(*) FROM people GROUP BY 1 ORDER BY 1")

    execution = people.finish(query_id)

    location = execution["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://{people.bucket}/results/{query_id}.csv"
    body = people.cloud.body(people.bucket, f"results/{query_id}.csv")
    assert body == b'"profile_id","_col1"\n"a""b","1"\n,"1"\n'
    assert people.cloud.objects(people.bucket, "results/")[-1] == f"results/{query_id}.csv.metadata"
    assert execution["Statistics"]["DataScannedInBytes"] > 0


def test_a_workgroup_that_enforces_its_location_wins(people: Warehouse) -> None:
    workgroup = fresh_name()
    people.cloud.athena.create_work_group(
        Name=workgroup,
        Configuration={
            "EnforceWorkGroupConfiguration": True,
            "ResultConfiguration": {"OutputLocation": f"s3://{people.bucket}/enforced/"},
        },
    )

    query_id = people.cloud.athena.start_query_execution(
        QueryString="SELECT 1",
        WorkGroup=workgroup,
        ResultConfiguration={"OutputLocation": f"s3://{people.bucket}/other/"},
    )["QueryExecutionId"]

    location = people.finish(query_id)["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://{people.bucket}/enforced/{query_id}.csv"


def test_many_queries_at_once_do_not_disturb_each_other(people: Warehouse) -> None:
    for number in range(8):
        people.put(f"people/{number}.parquet", {"profile_id": [f"p-{number}"] * 1000})

    def count_of(number: int) -> list[list[str | None]]:
        return people.rows("SELECT count(*) FROM people WHERE profile_id = ?", f"'p-{number}'")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(count_of, range(8))) == [[["1000"]]] * 8


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
