"""Claim checks on S3, and searches that are parked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from erasure_location import adapters
from erasure_location.adapters import ParkedSearches, S3SubjectLists
from erasure_location.use_case import Unreadable, Unsearchable
from erasure_shared.errors import Rejected
from erasure_shared.events import RelocationRequested
from erasure_shared.messages import Queue
from tests.aws import moto_account
from tests.unit.location.worlds import NOW

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LISTS = "lists"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    with moto_account(monkeypatch):
        client = boto3.client("s3")
        place: Any = {"LocationConstraint": "eu-west-1"}
        client.create_bucket(Bucket=LISTS, CreateBucketConfiguration=place)
        yield client


def test_a_claim_check_is_read(s3: S3Client) -> None:
    s3.put_object(Bucket=LISTS, Key="a/r1.jsonl", Body=b'{"profile_id": "ann"}\n')

    subjects = S3SubjectLists(s3).read(f"s3://{LISTS}/a/r1.jsonl")

    assert not isinstance(subjects, Unreadable)
    assert [subject.get_secret_value() for subject in subjects] == ["ann"]


@pytest.mark.parametrize("uri", [f"s3://{LISTS}/canary", "s3://missing/canary"])
def test_a_claim_check_that_is_absent_is_told_without_its_name(s3: S3Client, uri: str) -> None:
    answer = S3SubjectLists(s3).read(uri)

    assert isinstance(answer, Unreadable)
    assert answer.reason_code == "SUBJECT_LIST_ABSENT"
    assert "canary" not in str(answer)


def test_a_claim_check_that_is_too_large_is_rejected_unread(
    s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapters, "MAX_LIST_BYTES", 10)
    s3.put_object(Bucket=LISTS, Key="r1.jsonl", Body=b'{"profile_id": "ann"}\n')

    with pytest.raises(Rejected) as refusal:
        S3SubjectLists(s3).read(f"s3://{LISTS}/r1.jsonl")

    assert refusal.value.reason_code == "SUBJECT_LIST_TOO_LARGE"


class DenyingS3:
    """S3 that answers with an error."""

    def __init__(self, code: str) -> None:
        self._code = code

    def get_object(self, **_: object) -> None:
        raise ClientError({"Error": {"Code": self._code}}, "GetObject")


def test_a_claim_check_that_is_denied_is_unreadable() -> None:
    denying: Any = DenyingS3("AccessDenied")

    answer = S3SubjectLists(denying).read("s3://lists/r1.jsonl")

    assert isinstance(answer, Unreadable)
    assert answer.reason_code == "SUBJECT_LIST_DENIED"


def test_a_claim_check_that_s3_cannot_give_now_is_tried_again() -> None:
    slow: Any = DenyingS3("SlowDown")

    with pytest.raises(ClientError):
        S3SubjectLists(slow).read("s3://lists/r1.jsonl")


def test_a_failed_search_is_parked_as_the_event_that_repeats_it(s3: S3Client) -> None:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
    event = RelocationRequested(request_id="r1", location_id="0" * 32)

    ParkedSearches(Queue(sqs, url), lambda: NOW).park(event, Unsearchable("CODE", "in words"))

    [message] = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    body = json.loads(message["Body"])
    assert body["detail-type"] == "RelocationRequested"
    assert body["source"] == "erasure.location"
    assert RelocationRequested.read(body["detail"]) == event
    assert message["MessageAttributes"]["reason_code"]["StringValue"] == "CODE"
    assert message["MessageAttributes"]["reason"]["StringValue"] == "in words"
