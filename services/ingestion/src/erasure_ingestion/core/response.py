"""Firehose's answer format, and what to do when the batch's answers outgrow Lambda's response.

A synchronous Lambda response holds 6 MB (AWS, "Transform source data": "ensure that the response
that your function returns doesn't exceed 6 MB"), and a larger one fails the whole batch. The
records that no longer fit are answered as failed, without data: Firehose keeps their originals.
Putting them back on the stream, as an AWS blueprint does, needs the right to write to the
stream, loses the time of arrival, and repeats for ever for a record that never fits.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from erasure_ingestion.core.reasons import Reason
from erasure_ingestion.core.transform import Outcome, Result, failed

MAX_RESPONSE_BYTES = 6_000_000  # of 6,291,556 that Lambda lets pass


@dataclass(frozen=True)
class Answer:
    """The answer to one record, under Firehose's id of it; `data` is base64, or "" for none."""

    record_id: str
    outcome: Outcome
    data: str

    def as_firehose(self) -> dict[str, Any]:
        """One element of the response's `records`."""
        answer: dict[str, Any] = {"recordId": self.record_id, "result": str(self.outcome.result)}
        if self.data:
            answer["data"] = self.data
        if self.outcome.result is Result.OK:
            answer["metadata"] = {"partitionKeys": {"dt": self.outcome.dt}}
        return answer

    def without_data(self) -> Answer:
        """The smallest answer that loses nothing: Firehose has the original of a failed record."""
        full = failed(Reason.RESPONSE_FULL)
        return Answer(self.record_id, full if self.is_ok else self.outcome, data="")

    @property
    def is_ok(self) -> bool:
        return self.outcome.result is Result.OK

    def size_bytes(self) -> int:
        """The size of this answer in the response, written as Lambda's runtime writes JSON."""
        return len(json.dumps(self.as_firehose(), ensure_ascii=False).encode()) + len(", ")


def answer(record_id: str, outcome: Outcome, original: object) -> Answer:
    """The transformed data of a record that is stored, the original data of any other.

    AWS lists `data` as required, and does not say which data ends under `errors/`.
    """
    if outcome.result is Result.OK:
        return Answer(record_id, outcome, base64.b64encode(outcome.content).decode("ascii"))
    return Answer(record_id, outcome, original if isinstance(original, str) else "")


def fit(answers: Sequence[Answer], limit_bytes: int = MAX_RESPONSE_BYTES) -> list[Answer]:
    """The same answers in the same order, those without data for which there is no room.

    Room goes to the stored records first; the others' data is only an echo.
    """
    fitting = [answer.without_data() for answer in answers]
    left_bytes = limit_bytes - sum(answer.size_bytes() for answer in fitting)
    for index in sorted(range(len(answers)), key=lambda index: not answers[index].is_ok):
        extra_bytes = answers[index].size_bytes() - fitting[index].size_bytes()
        if extra_bytes <= left_bytes:
            fitting[index] = answers[index]
            left_bytes -= extra_bytes
    return fitting
