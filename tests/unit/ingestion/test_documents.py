"""What counts as JSON, and how many documents a record may hold."""

from decimal import Decimal

import pytest

from erasure_ingestion.core.documents import MAX_DEPTH, exact_json, read_documents
from erasure_ingestion.core.reasons import Reason, Refused


def refusal(content: bytes) -> Reason:
    with pytest.raises(Refused) as refused:
        read_documents(content)
    return refused.value.reason


@pytest.mark.parametrize("between", [b"", b"\n", b" \r\n\t"])
def test_documents_may_follow_each_other_with_or_without_whitespace(between: bytes) -> None:
    documents = read_documents(b" " + b'{"a":1}' + between + b'{"a":2}' + between)

    assert documents == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b'{"a":1}}',
        b'{"a":1},{"a":2}',
        b'{"a":1}x',
        b'{"a":1}\x00',
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":01}',
        b'{"a":"\n"}',
        b'\xef\xbb\xbf{"a":1}',
    ],
)
def test_what_is_not_json_is_refused_even_behind_a_good_document(content: bytes) -> None:
    assert refusal(content) is Reason.MALFORMED_JSON
    assert refusal(b'{"a":1}' + content) is Reason.MALFORMED_JSON


@pytest.mark.parametrize("content", [b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}', b"{\x00}\xd8"])
def test_what_is_not_utf8_is_refused(content: bytes) -> None:
    assert refusal(content) is Reason.NOT_UTF8


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e" + b"9" * 30])
def test_numbers_that_json_has_not_are_refused(number: bytes) -> None:
    assert refusal(b'{"a":[' + number + b"]}") is Reason.NOT_A_JSON_NUMBER


def test_an_integer_of_thousands_of_digits_is_refused() -> None:
    assert refusal(b'{"a":' + b"7" * 5_000 + b"}") is Reason.NOT_A_JSON_NUMBER


@pytest.mark.parametrize("content", [b'{"a":1,"a":1}', b'{"b":[{"a":1,"\\u0061":2}]}'])
def test_a_key_that_stands_twice_is_refused(content: bytes) -> None:
    assert refusal(content) is Reason.DUPLICATE_KEY


def test_depth_is_limited_and_a_hundred_thousand_brackets_do_no_harm() -> None:
    def nested(depth: int) -> bytes:
        return b"[" * depth + b"]" * depth

    assert read_documents(nested(MAX_DEPTH))
    assert refusal(nested(MAX_DEPTH + 1)) is Reason.TOO_DEEP
    assert refusal(nested(100_000)) is Reason.TOO_DEEP
    assert refusal(b"[" * 100_000) is Reason.TOO_DEEP


def test_numbers_keep_every_digit() -> None:
    number = "123456789012345678901234567890.10"

    documents = read_documents(number.encode())

    assert documents == [Decimal(number)]
    assert exact_json(documents) == f"[{number}]"
