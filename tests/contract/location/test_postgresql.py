"""The search of PostgreSQL tables against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from pydantic import SecretStr

from erasure_location.core.deadline import Deadline
from erasure_location.stores.postgresql import PostgreSQLSearch
from erasure_location.use_case import Extent
from erasure_shared.data_map import PostgreSQLStore
from erasure_shared.errors import OutOfTime, Rejected, RetryLater
from erasure_shared.locations import Found, StoreKind
from tests.contract.location.lake import found_ids
from tests.synthetic import AWKWARD_IDS

pytestmark = pytest.mark.local_cloud
TIME_ENOUGH = Deadline(lambda: 60.0)
A_UUID = "6f0d6a52-6f0e-5b7e-9d3e-6d9d3a1f3c11"


@pytest.fixture(autouse=True)
def schema(connection: psycopg.Connection) -> Iterator[None]:
    connection.execute('CREATE SCHEMA "Odd Schema"')
    yield
    connection.execute('DROP SCHEMA "Odd Schema" CASCADE')
    connection.execute("DROP ROLE IF EXISTS powerless")


def create(connection: psycopg.Connection, id_type: str, *ids: object) -> PostgreSQLStore:
    connection.execute(
        sql.SQL('CREATE TABLE "Odd Schema"."Some Table" ("Profile Id" {}, note text)').format(
            sql.SQL(id_type)
        )
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            'INSERT INTO "Odd Schema"."Some Table" VALUES (%s, \'a note\')', [(i,) for i in ids]
        )
    return store()


def store(**changes: str) -> PostgreSQLStore:
    names = {"schema": "Odd Schema", "table": "Some Table", "id_column": "Profile Id"}
    return PostgreSQLStore.model_validate(
        {"kind": "postgresql", "name": "notes", **names, **changes}
    )


def find(
    connection: psycopg.Connection,
    store: PostgreSQLStore,
    *ids: str,
    deadline: Deadline = TIME_ENOUGH,
) -> tuple[Found, ...]:
    search = PostgreSQLSearch(lambda: connection)
    return search.find(store, [SecretStr(profile_id) for profile_id in ids], deadline)


def test_subjects_with_rows_are_one_finding(connection: psycopg.Connection) -> None:
    notes = create(connection, "text", "ann", "ann", "bob", "zoe")

    [found] = find(connection, notes, "ann", "bob", "nobody")

    assert found.kind is StoreKind.POSTGRESQL
    assert found.address == "postgresql://Odd Schema.Some Table"
    assert found_ids(found) == {"ann", "bob"}


def test_a_survey_counts_the_rows_of_the_subjects(connection: psycopg.Connection) -> None:
    notes = create(connection, "text", "ann", "ann", "bob", "zoe")
    subjects = [SecretStr(name) for name in ("ann", "bob", "nobody")]

    extent = PostgreSQLSearch(lambda: connection).survey(notes, subjects, TIME_ENOUGH)

    assert extent == Extent(locations=1, rows=3)


def test_a_survey_of_nobody_counts_nothing(connection: psycopg.Connection) -> None:
    notes = create(connection, "text", "zoe")

    extent = PostgreSQLSearch(lambda: connection).survey(notes, [SecretStr("ann")], TIME_ENOUGH)

    assert extent == Extent()


def test_nobody_found_is_no_finding(connection: psycopg.Connection) -> None:
    notes = create(connection, "text", "zoe")

    findings = find(connection, notes, "ann")

    assert findings == ()


def test_awkward_ids_are_found_literally(connection: psycopg.Connection) -> None:
    notes = create(connection, "text", *AWKWARD_IDS, "zoe")

    [found] = find(connection, notes, *AWKWARD_IDS)

    assert found_ids(found) == set(AWKWARD_IDS)


TEXTS = st.text(
    st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=20
)


@given(present=st.sets(TEXTS))
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_text_that_is_there_is_found_and_no_other(
    connection: psycopg.Connection, present: set[str]
) -> None:
    connection.execute('DROP TABLE IF EXISTS "Odd Schema"."Some Table"')
    notes = create(connection, "text", *present)

    findings = find(connection, notes, *present, "somebody else")

    assert {profile_id for found in findings for profile_id in found_ids(found)} == present


@pytest.mark.parametrize(
    ("id_type", "stored", "wanted", "expected"),
    [
        ("bigint", 12, ["12", "0012", "12.0", "x", "9" * 40], {"12"}),
        ("integer", -7, ["-7", str(2**40)], {"-7"}),
        ("smallint", 7, ["7", "70000"], {"7"}),
        ("uuid", UUID(A_UUID), [A_UUID, A_UUID.upper(), "ann"], {A_UUID}),
        ("numeric(10, 2)", 12, ["12.00", "12"], {"12.00"}),
        ("varchar(40)", "ann", ["ann", "ann "], {"ann"}),
        ("char(10)", "ann", ["ann", "bob"], {"ann"}),
        ("date", "2024-02-29", ["2024-02-29", "yesterday"], {"2024-02-29"}),
    ],
)
def test_an_id_is_found_where_the_text_of_the_value_is_the_id(
    connection: psycopg.Connection,
    id_type: str,
    stored: object,
    wanted: list[str],
    expected: set[str],
) -> None:
    notes = create(connection, id_type, stored)

    [found] = find(connection, notes, *wanted)

    assert found_ids(found) == expected


def test_more_subjects_than_one_statement_takes_are_all_found(
    connection: psycopg.Connection,
) -> None:
    notes = create(connection, "text")
    connection.execute(
        'INSERT INTO "Odd Schema"."Some Table" SELECT n::text FROM generate_series(1, 25000) n'
    )

    [found] = find(connection, notes, *map(str, range(1, 25_001)))

    assert len(found_ids(found)) == 25_000


def test_the_index_of_the_id_column_is_used(connection: psycopg.Connection) -> None:
    notes = create(connection, "bigint")
    connection.execute(
        'INSERT INTO "Odd Schema"."Some Table" SELECT n FROM generate_series(1, 100000) n;'
        'CREATE INDEX ON "Odd Schema"."Some Table" ("Profile Id");'
        'ANALYZE "Odd Schema"."Some Table"'
    )
    table = "SELECT coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 'Some Table'"
    find(connection, notes, "12")
    connection.execute("SELECT pg_stat_force_next_flush()")

    row = connection.execute(table).fetchone()

    assert row is not None
    assert row[0] == 1


@pytest.mark.parametrize("changes", [{"table": "x"}, {"id_column": "x"}, {"schema": "x"}])
def test_a_name_that_does_not_exist_is_for_a_person_to_repair(
    connection: psycopg.Connection, changes: dict[str, str]
) -> None:
    create(connection, "text", "ann")

    with pytest.raises(Rejected) as refusal:
        find(connection, store(**changes), "ann")

    assert refusal.value.reason_code == "POSTGRESQL_NO_COLUMN"


def test_a_table_that_may_not_be_read_is_for_a_person_to_repair(
    connection: psycopg.Connection,
) -> None:
    notes = create(connection, "text", "ann")
    connection.execute("CREATE ROLE powerless; SET ROLE powerless")

    with pytest.raises(Rejected) as refusal:
        find(connection, notes, "ann")

    connection.execute("RESET ROLE")
    assert refusal.value.reason_code == "POSTGRESQL_InsufficientPrivilege"


def test_a_connection_that_is_lost_is_tried_again_later(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as lost, psycopg.connect(dsn) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [lost.info.backend_pid])

        with pytest.raises(RetryLater) as later:
            find(lost, store(), "ann")

    assert later.value.reason_code == "POSTGRESQL_DOWN"


def test_a_statement_that_takes_too_long_is_cancelled(connection: psycopg.Connection) -> None:
    create(connection, "text", "ann")
    connection.execute(
        'CREATE VIEW "Odd Schema".slow AS '
        'SELECT "Profile Id" FROM "Odd Schema"."Some Table", pg_sleep(30)'
    )

    with pytest.raises(RetryLater):
        find(connection, store(table="slow"), "ann", deadline=Deadline(lambda: 0.3, reserve_s=0.1))


def test_no_statement_is_started_when_the_time_is_up(connection: psycopg.Connection) -> None:
    notes = create(connection, "text", "ann")

    with pytest.raises(OutOfTime):
        find(connection, notes, "ann", deadline=Deadline(lambda: 1.0))
