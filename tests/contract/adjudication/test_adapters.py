"""The error table and the queues keep the promises that the use cases rely on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest

from erasure_adjudication.adapters import ErrorTable, SourceQueues
from erasure_adjudication.core import ErrorRecord, ErrorStatus
from tests.aws import moto_account
from tests.unit.adjudication.world import FakeQueues

RECORD = ErrorRecord(
    error_id="e1",
    status=ErrorStatus.OPEN,
    service="purge",
    event="PurgeRequested",
    request_id="r1",
    location_id="0" * 32,
    queue="erasure-local-purge",
    message_id="m1",
    reason_code="NOT_PARQUET",
    reason="no footer",
    attempts=5,
    first_at="2026-11-01T11:00:00.000Z",
    last_at="2026-11-01T12:00:00.000Z",
)
BARE = replace(RECORD, error_id="e2", event=None, request_id=None, location_id=None, parked_parts=2)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[ErrorTable]:
    with moto_account(monkeypatch):
        yield ErrorTable()


@pytest.mark.parametrize("record", [RECORD, BARE])
def test_an_error_is_read_as_it_was_written(table: ErrorTable, record: ErrorRecord) -> None:
    assert table.write(record, instead_of=None)

    assert table.find(record.error_id) == record


def test_nothing_is_found_where_nothing_was_written(table: ErrorTable) -> None:
    assert table.find("e1") is None


def test_a_record_replaces_only_the_one_that_was_read(table: ErrorTable) -> None:
    table.write(RECORD, instead_of=None)
    retried = replace(RECORD, status=ErrorStatus.RETRIED, decided_at="2026-11-02T00:00:00.000Z")
    again = replace(RECORD, message_id="m2")

    assert not table.write(again, instead_of=None)
    assert not table.write(again, instead_of=replace(RECORD, last_at="2026-11-01T11:59:59.999Z"))
    assert table.write(retried, instead_of=RECORD)
    assert not table.write(again, instead_of=RECORD)
    assert table.find("e1") == retried
    assert table.write(again, instead_of=retried)
    assert table.find("e1") == again


def test_errors_are_listed_by_status_and_request_oldest_first(table: ErrorTable) -> None:
    newest = replace(RECORD, error_id="e3", last_at="2026-11-03T00:00:00.000Z")
    decided = replace(RECORD, error_id="e4", status=ErrorStatus.DISMISSED)
    for record in (newest, BARE, RECORD, decided):
        table.write(record, instead_of=None)

    listed = [record.error_id for record in table.with_status(ErrorStatus.OPEN)]
    of_request = [record.error_id for record in table.with_status(ErrorStatus.OPEN, "r1")]

    assert listed[-1] == "e3"
    assert set(listed) == {"e1", "e2", "e3"}
    assert of_request == ["e1", "e3"]


@pytest.mark.parametrize("body", ["not JSON 😀", "{}"])
def test_a_message_arrives_in_the_queue_of_that_name(table: ErrorTable, body: str) -> None:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="erasure-local-purge")["QueueUrl"]
    fake = FakeQueues()

    for queues in (SourceQueues(sqs), fake):
        queues.send("erasure-local-purge", body)

    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert fake.sent == [("erasure-local-purge", message["Body"])]
