"""Queries behave as Athena's, as far as location leans on them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError

from tests.contract.local_cloud.cloud import fresh_name
from tests.contract.local_cloud.warehouse import NASTY, PEOPLE, Warehouse


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
