"""Reading a large object by range: the very bytes, in few requests, with little kept."""

from __future__ import annotations

from io import BytesIO
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erasure_purge.core import ObjectUri, StoredObject
from erasure_purge.stores.s3_content import S3Content
from erasure_shared.errors import RetryLater

BODY = Random(1).randbytes(6_000_000)
STORED = StoredObject(ObjectUri("lake", "key"), "etag", "v1", len(BODY))


class FakeS3:
    """Ranges of one object."""

    def __init__(self, short_by: int = 0) -> None:
        self.asked: list[dict[str, Any]] = []
        self._short_by = short_by

    def get_object(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        first, _, last = asked["Range"].removeprefix("bytes=").partition("-")
        return {"Body": BytesIO(BODY[int(first) : int(last) + 1 - self._short_by])}


def content_of(s3: Any) -> S3Content:
    return S3Content(s3, STORED, whole_up_to_bytes=0)


@given(st.lists(st.tuples(st.integers(0, len(BODY)), st.integers(0, 1_500_000)), max_size=20))
def test_every_read_answers_the_very_bytes(reads: list[tuple[int, int]]) -> None:
    content = content_of(FakeS3())

    for offset, length in reads:
        assert content.read(offset, length) == BODY[offset : offset + length]


def test_small_reads_one_after_the_other_share_requests() -> None:
    s3 = FakeS3()
    content = content_of(s3)

    for offset in range(0, len(BODY), 8_000):
        content.read(offset, 8_000)

    assert len(s3.asked) < 10
    assert content.bytes_read == len(BODY)


def test_a_read_here_and_there_fetches_little_around_it() -> None:
    s3 = FakeS3()
    content = content_of(s3)

    for offset in (5_000_000, 3_000_000, 1_000_000):
        content.read(offset, 100)
        content.read(offset, 100)

    assert len(s3.asked) == 3
    assert content.bytes_read <= 3 * 128 * 1024


def test_each_read_names_version_and_etag() -> None:
    s3 = FakeS3()

    content_of(s3).read(0, 10)

    assert (s3.asked[0]["VersionId"], s3.asked[0]["IfMatch"]) == ("v1", "etag")


def test_another_range_than_asked_for_is_not_taken_for_it() -> None:
    with pytest.raises(RetryLater) as refusal:
        content_of(FakeS3(short_by=1)).read(0, 10)

    assert refusal.value.reason_code == "RANGE_DIFFERS"
