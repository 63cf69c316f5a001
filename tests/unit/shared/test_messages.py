"""Every message of a batch is handled, parked or handed back; none is lost, none spoils another."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from hypothesis import example, given, settings
from hypothesis import strategies as st

from erasure_shared.errors import Corrupted, OutOfTime, Rejected, RetryLater
from erasure_shared.messages import Message, Queue, process

CANARY = "Kanarie-Vogelsang"
SOURCE_ARN = "arn:aws:sqs:eu-west-1:123456789012:erasure-local-purge"


class FakeSQS:
    """The three calls that a `Queue` makes; can be out of order."""

    def __init__(self, *, broken: frozenset[str] = frozenset()) -> None:
        self.broken = broken
        self.parked: list[dict[str, Any]] = []
        self.delays: dict[str, int] = {}

    def get_queue_url(self, *, QueueName: str) -> dict[str, str]:  # noqa: N803 - SQS's own names
        self._fail("get_queue_url")
        return {"QueueUrl": f"https://sqs/{QueueName}"}

    def send_message(self, **call: Any) -> None:
        self._fail("send_message")
        self.parked.append(call)

    def change_message_visibility(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        ReceiptHandle: str,  # noqa: N803
        VisibilityTimeout: int,  # noqa: N803
    ) -> None:
        self._fail("change_message_visibility")
        self.delays[ReceiptHandle] = VisibilityTimeout

    def _fail(self, call: str) -> None:
        if call in self.broken:
            raise ConnectionError(f"{call} failed for {CANARY}")


class Context:
    """What Powertools reads of a Lambda context."""

    aws_request_id = "1"


def a_record(body: str, number: int = 0, received: int = 1) -> dict[str, Any]:
    return {
        "messageId": f"m{number}",
        "receiptHandle": f"handle-{number}",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(received)},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": SOURCE_ARN,
        "awsRegion": "eu-west-1",
    }


def an_event(outcome: str = "") -> str:
    return json.dumps({"detail-type": "Something", "detail": outcome})


def note_nothing(message: Message, code: str, reason: str) -> None:
    """Nobody knows the subject."""


def run(
    records: list[dict[str, Any]],
    handle: Callable[[Message], None],
    sqs: FakeSQS,
    note_failure: Callable[[Message, str, str], None] = note_nothing,
) -> set[str]:
    """Process the batch; the ids that are handed back."""
    queue = Queue(sqs, "https://sqs/dead-letters")  # type: ignore[arg-type]
    response = process({"Records": records}, Context(), handle, queue, note_failure)  # type: ignore[arg-type]
    return {failure["itemIdentifier"] for failure in response["batchItemFailures"]}


def raising(error: BaseException) -> Callable[[Message], None]:
    def handle(message: Message) -> None:
        raise error

    return handle


OUTCOMES: dict[str, Callable[[], BaseException | None]] = {
    "handled": lambda: None,
    "later": lambda: RetryLater(reason_code="LATER"),
    "out of time": lambda: OutOfTime(),
    "rejected": lambda: Rejected("no", reason_code="NO"),
    "corrupted": lambda: Corrupted(),
    "bug": lambda: KeyError(CANARY),
}


def handle_as_told(message: Message) -> None:
    error = OUTCOMES[message.detail]()
    if error is not None:
        raise error


def bodies() -> st.SearchStrategy[str]:
    events = st.sampled_from(sorted(OUTCOMES)).map(an_event)
    values = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists)
    return st.one_of(
        events,
        st.text(min_size=1),
        values.map(json.dumps),
        st.dictionaries(st.sampled_from(["detail-type", "detail"]), values).map(json.dumps),
    )


@given(
    batch=st.lists(bodies(), min_size=1, max_size=10),
    broken=st.frozensets(
        st.sampled_from(["get_queue_url", "send_message", "change_message_visibility"])
    ),
    note_breaks=st.booleans(),
)
@example(batch=["[" * 100_000], broken=frozenset(), note_breaks=False)
@settings(deadline=None, max_examples=200)
def test_no_message_is_lost_whatever_happens(
    batch: list[str], broken: frozenset[str], note_breaks: bool
) -> None:
    sqs, handled = FakeSQS(broken=broken), list[str]()

    def handle(message: Message) -> None:
        handle_as_told(message)
        handled.append(message.detail)

    def note_failure(message: Message, code: str, reason: str) -> None:
        if note_breaks:
            raise ConnectionError(CANARY)

    records = [a_record(body, number) for number, body in enumerate(batch)]
    handed_back = run(records, handle, sqs, note_failure)

    assert len(handled) + len(sqs.parked) + len(handed_back) == len(batch)
    kept = [record["body"] for record in records if record["messageId"] in handed_back]
    parked = [call["MessageBody"] for call in sqs.parked]
    assert sorted(kept + parked + [an_event(outcome) for outcome in handled]) == sorted(batch)


@pytest.mark.parametrize(
    ("outcome", "fate"),
    [
        ("handled", "deleted"),
        ("later", "back"),
        ("out of time", "back"),
        ("bug", "back"),
        ("rejected", "parked"),
        ("corrupted", "parked"),
    ],
)
def test_the_error_decides_what_becomes_of_the_message(outcome: str, fate: str) -> None:
    sqs = FakeSQS()

    handed_back = run([a_record(an_event(outcome))], handle_as_told, sqs)

    assert (bool(handed_back), bool(sqs.parked)) == (fate == "back", fate == "parked")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("not JSON", "the message is not JSON"),
        ("[" * 100_000, "the message is not JSON"),
        ("[]", "detail-type: must be a string"),
        ('{"detail-type": 1}', "detail-type: must be a string"),
    ],
)
def test_what_is_no_event_is_parked_as_it_came(body: str, reason: str) -> None:
    sqs = FakeSQS()

    handed_back = run([a_record(body)], handle_as_told, sqs)

    assert handed_back == set()
    (parked,) = sqs.parked
    assert parked["MessageBody"] == body
    assert parked["MessageAttributes"]["reason_code"]["StringValue"] == "INVALID_MESSAGE"
    assert reason in parked["MessageAttributes"]["reason"]["StringValue"]


def test_a_parked_message_says_why_and_how_often_it_was_tried() -> None:
    sqs = FakeSQS()

    run([a_record(an_event("rejected"), received=3)], handle_as_told, sqs)

    (parked,) = sqs.parked
    said = {name: value["StringValue"] for name, value in parked["MessageAttributes"].items()}
    assert said == {"reason_code": "NO", "reason": "no", "attempts": "3"}
    assert parked["QueueUrl"] == "https://sqs/dead-letters"


def test_one_bad_message_leaves_the_others_of_its_batch_alone() -> None:
    outcomes = ["handled", "bug", "rejected", "later", "handled"]
    records = [a_record(an_event(outcome), number) for number, outcome in enumerate(outcomes)]

    assert run(records, handle_as_told, FakeSQS()) == {"m1", "m3"}


def test_a_failure_is_noted_with_its_code_and_reason() -> None:
    noted: list[tuple[Any, str, str]] = []

    run(
        [a_record(an_event("rejected")), a_record("not JSON", 1), a_record(an_event("handled"), 2)],
        handle_as_told,
        FakeSQS(),
        lambda message, code, reason: noted.append((message.detail, code, reason)),
    )

    assert noted == [("rejected", "NO", "no")]


def test_waiting_doubles_with_every_attempt_up_to_a_quarter_of_an_hour() -> None:
    sqs = FakeSQS()
    records = [
        a_record(an_event("later"), number, received)
        for number, received in enumerate((1, 2, 3, 100))
    ]

    run(records, handle_as_told, sqs)

    longest_s = (5, 10, 20, 900)
    for number, longest in enumerate(longest_s):
        assert longest // 2 <= sqs.delays[f"handle-{number}"] <= longest


def test_a_delay_that_cannot_be_set_hands_the_message_back_all_the_same() -> None:
    sqs = FakeSQS(broken=frozenset({"change_message_visibility"}))

    assert run([a_record(an_event("later"))], handle_as_told, sqs) == {"m0"}


def test_a_message_that_cannot_be_parked_goes_back() -> None:
    sqs = FakeSQS(broken=frozenset({"send_message"}))

    assert run([a_record(an_event("rejected"))], handle_as_told, sqs) == {"m0"}


def test_attempts_are_those_that_sqs_counted() -> None:
    message = Message.read(SQSRecord(a_record(an_event("handled"), received=7)))

    assert (message.detail_type, message.attempts) == ("Something", 7)


def test_nothing_of_a_message_or_of_a_strangers_error_is_logged(
    capsys: pytest.CaptureFixture[str], log: Any
) -> None:
    records = [
        a_record(f"{CANARY} is not JSON", 0),
        a_record(an_event("bug"), 1),
        a_record(json.dumps({"detail-type": CANARY, "detail": CANARY}), 2),
    ]

    run(records, raising(ValueError(CANARY)), FakeSQS())

    output = capsys.readouterr()
    written = log.getvalue() + output.out + output.err
    assert "message goes back to the queue" in written
    assert CANARY not in written
