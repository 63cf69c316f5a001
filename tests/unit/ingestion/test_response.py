"""The batch's answer fits into Lambda's response, or says what did not fit."""

import json
from typing import Any

from erasure_ingestion.core.reasons import Reason
from erasure_ingestion.core.response import Answer, answer, fit
from erasure_ingestion.core.transform import Outcome, Result, failed


def stored(record_id: str, size_bytes: int = 10) -> Answer:
    outcome = Outcome(Result.OK, content=b"x" * size_bytes, dt="2026-11-23")
    return answer(record_id, outcome, "original")


def written(answers: list[Answer]) -> bytes:
    return json.dumps({"records": [one.as_firehose() for one in answers]}).encode()


def test_a_stored_record_carries_its_data_and_partition() -> None:
    assert stored("1").as_firehose() == {
        "recordId": "1",
        "result": "Ok",
        "data": "eHh4eHh4eHh4eA==",
        "metadata": {"partitionKeys": {"dt": "2026-11-23"}},
    }


def test_any_other_record_carries_its_original_data() -> None:
    refused = answer("1", failed(Reason.MALFORMED_JSON), "b3JpZ2luYWw=")
    without = answer("2", failed(Reason.NOT_BASE64), None)

    expected: dict[str, Any] = {"recordId": "1", "result": "ProcessingFailed"}
    assert refused.as_firehose() == expected | {"data": "b3JpZ2luYWw="}
    assert without.as_firehose() == expected | {"recordId": "2"}


def test_what_fits_is_not_touched() -> None:
    answers = [stored("1"), answer("2", failed(Reason.NOT_UTF8), "/w==")]

    assert fit(answers, limit_bytes=len(written(answers)) + 100) == answers


def test_only_the_record_that_does_not_fit_fails_and_order_is_kept() -> None:
    answers = [stored("1"), stored("2", size_bytes=3_000), stored("3")]

    fitting = fit(answers, limit_bytes=1_000)

    assert [one.record_id for one in fitting] == ["1", "2", "3"]
    assert [one.outcome.reason for one in fitting] == [None, Reason.RESPONSE_FULL, None]
    assert fitting[1].as_firehose() == {"recordId": "2", "result": "ProcessingFailed"}
    assert len(written(fitting)) <= 1_000


def test_echoes_of_failed_records_give_way_to_stored_ones_and_keep_their_reason() -> None:
    refused = answer("1", failed(Reason.MALFORMED_JSON), "e" * 500)

    fitting = fit([refused, stored("2", size_bytes=300)], limit_bytes=700)

    assert [one.outcome.reason for one in fitting] == [Reason.MALFORMED_JSON, None]
    assert [bool(one.data) for one in fitting] == [False, True]


def test_a_full_batch_of_records_at_the_limit_of_kinesis_stays_below_lambdas_limit() -> None:
    answers = [stored(str(number), size_bytes=1_048_576) for number in range(6)]

    fitting = fit(answers)

    assert len(written(fitting)) < 6_291_556
    assert sum(one.is_ok for one in fitting) == 4
