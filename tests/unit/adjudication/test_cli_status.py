"""`erasure status`: what is going on, in terms a person can act on."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import SecretStr
from rich.console import Console

from erasure_adjudication.cli.progress import progress_of
from erasure_adjudication.cli.status_view import view
from erasure_adjudication.use_case import record_dead_letter
from erasure_shared.locations import Found, Identifier, Location, StoreKind
from erasure_shared.mutex import MutexClient, MutexKey
from tests.unit.adjudication.installed import MUTEX_TABLE, erasure
from tests.unit.adjudication.world import CANARY, World, a_letter, body_about


def a_request(world: World) -> None:
    now = datetime.now(UTC)
    world.requests.register(
        "r1", now, now + timedelta(days=20), [SecretStr(CANARY), SecretStr("ann")]
    )


def a_location(
    world: World, store: str, address: str, kind: StoreKind = StoreKind.POSTGRESQL
) -> Location:
    world.requests.note_search("r1", store)
    found = Found(store, kind, address, (Identifier(SecretStr(CANARY)),))
    return world.requests.add_location("r1", found)


def an_object(world: World, number: int) -> Location:
    return a_location(world, "profiles_lake", f"s3://lake/{number}", StoreKind.S3)


def a_lock(location: Location, holder: str) -> None:
    mutex = MutexClient(table_name=MUTEX_TABLE)
    assert mutex.try_acquire_lock(MutexKey(location.address), attributes={"request_id": holder})


def test_each_store_shows_how_far_it_is(installed: World) -> None:
    a_request(installed)
    first, _ = an_object(installed, 1), an_object(installed, 2)
    installed.requests.note_search("r1", "customers")
    installed.requests.finish_locating("r1")
    installed.requests.mark_purged(first, 7, {})

    result = erasure("status", "r1")

    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "Request r1 being purged  2 subjects, 1 found nowhere, 7 rows erased"
    assert lines[1].endswith(": 20 days left")
    (lake,) = [line for line in lines if line.startswith("profiles_lake")]
    assert lake.split("━")[-1].split() == ["1", "of", "2", "1", "-", "-"]
    (customers,) = [line for line in lines if line.startswith("customers")]
    assert "nobody found" in customers
    assert CANARY not in result.output


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (datetime(2026, 11, 1, 12, tzinfo=UTC), "30 days left"),
        (datetime(2026, 11, 30, 23, 59, tzinfo=UTC), "1 day left"),
        (datetime(2026, 12, 1, 1, tzinfo=timezone(timedelta(hours=2))), "1 day left"),
        (datetime(2026, 12, 1, 8, tzinfo=UTC), "12:00:00Z: today"),
        (datetime(2026, 12, 1, 13, tzinfo=UTC), "OVERDUE since today"),
        (datetime(2026, 12, 3, 8, tzinfo=UTC), "OVERDUE by 2 days"),
    ],
)
def test_the_deadline_is_told_in_days_of_the_calendar(
    world: World, now: datetime, said: str
) -> None:
    world.a_location()
    request = world.requests.find("r1")
    assert request is not None

    out = Console(file=io.StringIO(), width=100)
    out.print(view(progress_of(request, [], [], [], now)))

    assert said in out.file.getvalue()  # type: ignore[attr-defined]


def test_it_says_which_request_holds_the_lock_that_others_wait_for(installed: World) -> None:
    a_request(installed)
    a_lock(an_object(installed, 1), holder="r2")
    a_lock(an_object(installed, 2), holder="r2")
    a_lock(an_object(installed, 3), holder="r1")
    an_object(installed, 4)

    table = erasure("status", "r1")
    document = json.loads(erasure("status", "r1", "--output", "json").output)

    assert "2 objects locked by request r2 since" in table.output
    assert "1 object being rewritten now" in table.output
    assert document["at_work"] == 1
    assert [wait["held_by_request"] for wait in document["waiting_for_locks"]] == ["r2", "r2"]


def test_it_says_what_is_tried_again_and_why(installed: World) -> None:
    a_request(installed)
    location = a_location(installed, "bookings", "postgresql://public.bookings")
    for _ in range(2):
        installed.requests.note_attempt(location, "POSTGRESQL_DOWN", "PostgreSQL does not answer")

    result = erasure("status", "r1")

    assert (
        "bookings: 1 location to be tried again, after 2 attempts: PostgreSQL does not answer"
        in result.output
    )


def test_it_says_what_needs_a_decision_and_what_to_type(installed: World) -> None:
    a_request(installed)
    location = an_object(installed, 1)
    record_dead_letter(
        a_letter(body_about(location), attributes={"reason_code": "X", "reason": "no footer"}),
        installed.desk(),
    )
    error_id = installed.error_of(location).error_id

    result = erasure("status", "r1")

    assert f"{error_id}  purge: no footer" in result.output
    assert f"erasure errors retry {error_id}" in result.output
    assert f"erasure errors dismiss {error_id} --reason" in result.output


def test_a_request_that_cannot_be_located_says_why(installed: World) -> None:
    a_request(installed)
    installed.requests.note_failure("r1", "ATHENA_DOWN", "Athena does not answer")

    result = erasure("status", "r1")

    assert "Not located yet: Athena does not answer" in result.output


def test_an_unknown_request_is_not_found(installed: World) -> None:
    result = erasure("status", "r1")

    assert (result.exit_code, result.stdout) == (3, "")
    assert "no such request is recorded" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("--watch",)])
def test_a_request_that_was_refused_at_intake_shows_its_error(
    installed: World, arguments: tuple[str, ...]
) -> None:
    data = {"request_id": "r1", "subjects": [{"profile_id": CANARY}]}
    body = json.dumps({"detail-type": "ErasureRequested", "detail": {"data": data}})
    attributes = {"reason_code": "INVALID_EVENT", "reason": "received_at: Field required"}
    record_dead_letter(a_letter(body, attributes=attributes), installed.desk())

    result = erasure("status", "r1", *arguments)

    assert result.exit_code == 3
    assert "Request r1 is not recorded." in result.output
    assert "received_at: Field required" in result.output
    assert CANARY not in result.output


def test_watching_ends_with_the_request(installed: World) -> None:
    a_request(installed)
    location = an_object(installed, 1)
    installed.requests.finish_locating("r1")
    installed.requests.mark_purged(location, 1, {})
    installed.requests.close_if_done("r1")

    result = erasure("status", "r1", "--watch", "--output", "json")

    assert result.exit_code == 0
    assert json.loads(result.output)["status"] == "COMPLETED"


def test_watching_ends_when_only_people_can_go_on(installed: World) -> None:
    a_request(installed)
    location = an_object(installed, 1)
    installed.requests.finish_locating("r1")
    record_dead_letter(a_letter(body_about(location)), installed.desk())

    result = erasure("status", "r1", "--watch")

    assert result.exit_code == 1
    assert "Needs a decision" in result.output


def test_a_table_that_is_not_there_is_told_in_one_line(
    installed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERASURE_GDPR_TABLE", "no-such-table")

    result = erasure("status", "r1")

    assert result.exit_code == 1
    assert result.stderr == (
        "error: AWS refused GetItem: ResourceNotFoundException - is the stage the right one?\n"
    )


def test_where_nothing_answers_the_address_is_told(
    installed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ERASURE_BUS")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    result = erasure("request", "--profile-id", CANARY)

    assert result.exit_code == 1
    assert "nothing answers at http://127.0.0.1:9" in result.stderr
    assert CANARY not in result.output
