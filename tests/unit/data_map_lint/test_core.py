"""Where the data map and the stores differ."""

from __future__ import annotations

import json
from typing import Any

import pytest

from erasure_shared.data_map import DataMap
from infra.data_map_lint.core import Finding, Table, TableName, compare

LAKE = {
    "name": "lake",
    "kind": "s3",
    "database": "db",
    "table": "profiles",
    "id_column": "profile_id",
    "columns": {"profile_id": "identifier", "email": "personal", "dt": "none"},
}
SESSIONS = {
    "name": "sessions",
    "kind": "dynamodb",
    "table": "web_sessions",
    "id_attribute": "profile_id",
    "index": "by_profile",
    "columns": {"session_id": "pseudonymous", "profile_id": "identifier", "ip": "personal"},
}
BOOKINGS = {
    "name": "bookings",
    "kind": "postgresql",
    "table": "bookings",
    "id_column": "profile_id",
    "columns": {"profile_id": "identifier", "flight": "pseudonymous"},
}
PROFILES = TableName("s3", "db", "profiles")
WEB_SESSIONS = TableName("dynamodb", "", "web_sessions")
PUBLIC_BOOKINGS = TableName("postgresql", "public", "bookings")
GDPR = TableName("dynamodb", "", "erasure-dev-gdpr")


def reality() -> dict[TableName, Table]:
    return {
        PROFILES: Table(("profile_id", "email", "dt")),
        WEB_SESSIONS: Table(
            ("session_id", "profile_id", "ip"), "session_id", {"by_profile": "profile_id"}
        ),
        PUBLIC_BOOKINGS: Table(("profile_id", "flight")),
        GDPR: Table(("pk", "sk"), "pk"),
    }


def lint(
    tables: dict[TableName, Table],
    stores: list[dict[str, Any]] | None = None,
    ignored: list[dict[str, str]] | None = None,
) -> list[Finding]:
    stores = stores or [LAKE, SESSIONS, BOOKINGS]
    document = {"version": "1", "stores": stores, "ignored_tables": ignored or []}
    return list(compare(DataMap.read(json.dumps(document)), tables, tables.get, {GDPR}))


def gaps(findings: list[Finding]) -> list[str]:
    return [f"{finding.where}: {finding.what}" for finding in findings if finding.is_gap]


def test_stores_that_are_as_declared_have_no_gap() -> None:
    findings = lint(reality())

    assert gaps(findings) == []
    assert [finding.where for finding in findings] == [
        "lake (s3 db.profiles)",
        "sessions (dynamodb web_sessions)",
        "bookings (postgresql public.bookings)",
    ]


@pytest.mark.parametrize("name", [PROFILES, WEB_SESSIONS, PUBLIC_BOOKINGS])
def test_a_declared_table_that_does_not_exist_is_a_gap(name: TableName) -> None:
    tables = reality()
    del tables[name]

    [gap] = gaps(lint(tables))

    assert gap.endswith(f"({name}): the table does not exist")


@pytest.mark.parametrize(
    ("name", "table", "gap"),
    [
        (PROFILES, Table(("email", "dt")), "the id column profile_id does not exist"),
        (PROFILES, Table(("profile_id", "email", "dt", "phone")), "column phone is not classified"),
        (PROFILES, Table(("profile_id", "dt")), "column email is classified but does not exist"),
        (WEB_SESSIONS, Table(("session_id", "profile_id")), "the index by_profile does not exist"),
        (
            WEB_SESSIONS,
            Table(("session_id",), "session_id", {"by_profile": "ip"}),
            "profile_id is not the hash key of the index by_profile",
        ),
        (
            WEB_SESSIONS,
            Table(("token",), "session_id", {"by_profile": "profile_id"}),
            "column token is not classified",
        ),
    ],
)
def test_what_differs_is_named(name: TableName, table: Table, gap: str) -> None:
    found = gaps(lint(reality() | {name: table}))

    assert any(each.endswith(f"({name}): {gap}") for each in found)


def test_an_attribute_that_no_item_of_the_sample_has_is_no_gap() -> None:
    table = Table(("session_id", "profile_id"), "session_id", {"by_profile": "profile_id"})

    assert gaps(lint(reality() | {WEB_SESSIONS: table})) == []


def test_an_id_that_is_not_the_hash_key_needs_an_index() -> None:
    store = {name: value for name, value in SESSIONS.items() if name != "index"}

    [gap] = gaps(lint({WEB_SESSIONS: reality()[WEB_SESSIONS]}, [store]))

    assert "profile_id is not the hash key: name the index" in gap


def test_the_id_is_an_identifier_and_nothing_less() -> None:
    store = BOOKINGS | {"columns": {"profile_id": "pseudonymous", "flight": "none"}}

    [gap] = gaps(lint({PUBLIC_BOOKINGS: reality()[PUBLIC_BOOKINGS]}, [store]))

    assert "must be classified identifier" in gap


def test_a_field_of_a_struct_is_looked_for_in_its_column() -> None:
    store = LAKE | {
        "id_column": "person.id",
        "columns": {"person": "personal", "person.id": "identifier"},
    }

    assert gaps(lint({PROFILES: Table(("person",))}, [store])) == []


def test_a_map_without_classifications_has_a_gap_for_each_column() -> None:
    store = {name: value for name, value in BOOKINGS.items() if name != "columns"}

    assert len(gaps(lint({PUBLIC_BOOKINGS: reality()[PUBLIC_BOOKINGS]}, [store]))) == 2


UNKNOWN = [
    TableName("s3", "db", "raw_events"),
    TableName("dynamodb", "", "orders"),
    TableName("postgresql", "public", "flights"),
]


@pytest.mark.parametrize("name", UNKNOWN, ids=str)
def test_a_table_beside_the_stores_is_a_gap(name: TableName) -> None:
    assert gaps(lint(reality() | {name: Table()})) == [f"{name}: is neither declared nor ignored"]


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        (UNKNOWN[0], {"kind": "s3", "database": "db", "table": "raw_*"}),
        (UNKNOWN[1], {"kind": "dynamodb", "table": "orders"}),
        (UNKNOWN[2], {"kind": "postgresql", "table": "*"}),
    ],
    ids=str,
)
def test_a_table_is_ignored_for_a_reason(name: TableName, entry: dict[str, str]) -> None:
    findings = lint(reality() | {name: Table()}, ignored=[entry | {"reason": "no people"}])

    assert gaps(findings) == []
    assert findings[-1].what == "ignored: no people"


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "s3", "database": "other", "table": "raw_events"},
        {"kind": "dynamodb", "table": "raw_events"},
        {"kind": "s3", "database": "db", "table": "raw_event?"},
        {"kind": "s3", "database": "db", "table": "RAW_*"},
        {"kind": "s3", "database": "db", "table": "raw_event[s]"},
    ],
)
def test_an_entry_for_another_table_ignores_nothing(entry: dict[str, str]) -> None:
    findings = lint(reality() | {UNKNOWN[0]: Table()}, ignored=[entry | {"reason": "no people"}])

    assert len(gaps(findings)) == 1
