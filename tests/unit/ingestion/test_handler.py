"""A batch in Firehose's own format, its answer, and what the service says about it."""

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from erasure_ingestion import handler as service
from erasure_ingestion.core.reasons import Reason
from erasure_ingestion.core.transform import Outcome, Result
from erasure_ingestion.handler import handler, outcome_of
from tests.synthetic import people, records
from tests.unit.ingestion.conftest import ARRIVED_AT_MS

CANARY = "Canary-7f3a"
MINIMAL = {"profile_id": "p", "record_type": "profile", "updated_at": "2026-11-24T00:00:00Z"}


def batch(*contents: bytes | str) -> dict[str, Any]:
    return {
        "invocationId": "invocation-1",
        "sourceKinesisStreamArn": "arn:aws:kinesis:eu-west-1:123456789012:stream/profiles",
        "deliveryStreamArn": "arn:aws:firehose:eu-west-1:123456789012:deliverystream/profiles",
        "region": "eu-west-1",
        "records": [
            {
                "recordId": f"record-{number}",
                "approximateArrivalTimestamp": ARRIVED_AT_MS,
                "data": base64.b64encode(_bytes(content)).decode(),
                "kinesisRecordMetadata": {"partitionKey": CANARY, "shardId": "shard-0"},
            }
            for number, content in enumerate(contents)
        ],
    }


def _bytes(content: bytes | str) -> bytes:
    return content.encode() if isinstance(content, str) else content


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What the service's logger writes; Powertools keeps the stream that it met first."""
    stream = io.StringIO()
    log_handler: Any = service.logger().registered_handler
    before = log_handler.setStream(stream)
    yield stream
    log_handler.setStream(before)


def emitted(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines() if "_aws" in line]


def test_every_record_is_answered_in_its_place_and_a_bad_one_spoils_no_other() -> None:
    good = json.dumps(MINIMAL)

    response = handler(batch(good, "{", good, b"\xff\xfe", "", good + good), None)

    assert [answer["recordId"] for answer in response["records"]] == [
        f"record-{number}" for number in range(6)
    ]
    assert " ".join(answer["result"] for answer in response["records"]) == (
        "Ok ProcessingFailed Ok ProcessingFailed Dropped Ok"
    )
    assert response["records"][0]["metadata"] == {"partitionKeys": {"dt": "2026-11-23"}}


def test_the_response_is_what_lambdas_runtime_can_write() -> None:
    response = handler(batch(json.dumps(MINIMAL), "{", ""), None)

    assert json.loads(json.dumps(response)) == response


def test_everybody_invented_is_accepted() -> None:
    sent = [json.dumps(record) for record in records(people(50, awkward=True), 200)]

    response = handler(batch(*sent), None)

    assert {answer["result"] for answer in response["records"]} == {"Ok"}


def test_counts_are_emitted_by_result_and_by_reason(capsys: pytest.CaptureFixture[str]) -> None:
    handler(batch(json.dumps(MINIMAL | {"new": 1}), "{", "[", "", b"\xff"), None)

    total, *by_reason = emitted(capsys.readouterr().out)
    assert total["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Erasure"
    assert total["service"] == "ingestion"
    assert (total["RecordsOk"], total["RecordsDropped"]) == ([1.0], [1.0])
    assert total["RecordsFailed"] == [3.0]
    assert total["DocumentsWithUnknownFields"] == [1.0]
    failed = {one["reason"]: one["RecordsFailed"] for one in by_reason if "RecordsFailed" in one}
    assert failed == {"malformed_json": [2.0], "not_utf8": [1.0]}


def test_the_log_names_reasons_and_our_own_fields(logged: io.StringIO) -> None:
    handler(batch(json.dumps(MINIMAL | {"visits": "many"}), "{}"), None)

    line = json.loads(logged.getvalue())
    assert line["refused"] == {"invalid_value:visits": 1, "missing_field:profile_id": 1}


class FakeTransform:
    """A transform with a bug whose message quotes the record."""

    def apply(self, data: object, arrived_at_ms: object) -> Outcome:
        raise ZeroDivisionError(CANARY)


def test_a_bug_fails_the_record_and_is_named_by_its_class_only(logged: io.StringIO) -> None:
    outcome = outcome_of(batch(CANARY)["records"][0], FakeTransform())

    assert (outcome.result, outcome.reason) == (Result.FAILED, Reason.INTERNAL_ERROR)
    assert "ZeroDivisionError" in logged.getvalue()
    assert CANARY not in logged.getvalue()


def test_nothing_of_a_record_is_printed_or_logged_good_or_bad(
    logged: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = MINIMAL | {"profile_id": CANARY, "last_name": CANARY, CANARY: CANARY}
    text = json.dumps(whole)
    changes: list[dict[str, object]] = [
        {"visits": CANARY},
        {"updated_at": CANARY},
        {"lifetime_spend": f"1{CANARY}"},
        {"address": {CANARY: 1, "city": [CANARY]}},
        {"email": f"{CANARY}\ud800"},
    ]
    spoiled: list[bytes | str] = [
        text,
        text[:-1],
        text + "x",
        text.encode() + b"\xff",
        f"[{text}]",
        f'"{CANARY}"',
        CANARY,
        f'{{"{CANARY}":NaN}}',
        f'{{"{CANARY}":1,"{CANARY}":2}}',
        json.dumps({CANARY: CANARY}),
        *(json.dumps(whole | change) for change in changes),
    ]

    response = handler(batch(*spoiled), None)

    assert sum(answer["result"] == "Ok" for answer in response["records"]) == 1
    said = logged.getvalue() + "".join(capsys.readouterr())
    assert "batch transformed" in said
    assert CANARY not in said
