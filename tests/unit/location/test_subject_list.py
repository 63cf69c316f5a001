"""Claim checks: what a list of subjects must be like, and what is said when it is not."""

from __future__ import annotations

import json

import pytest

from erasure_location.core.subject_list import read_subject_list
from erasure_shared.errors import Rejected

CANARY = "Canary-7f3a"


def lines(*documents: object) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def named(*profile_ids: str) -> bytes:
    return lines(*({"profile_id": profile_id} for profile_id in profile_ids))


def read(body: bytes) -> list[str]:
    return [subject.get_secret_value() for subject in read_subject_list(body)]


def test_subjects_come_in_the_order_of_their_lines() -> None:
    assert read(named("zoe", "ann", "two\nlines")) == ["zoe", "ann", "two\nlines"]


@pytest.mark.parametrize(
    "body",
    [b'{"profile_id": "ann"}', b'\xef\xbb\xbf{"profile_id": "ann"}\r\n', named("ann") + b"\n"],
    ids=["no last newline", "byte order mark and CRLF", "an empty last line"],
)
def test_what_editors_add_does_not_matter(body: bytes) -> None:
    assert read(body) == ["ann"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "must name at least one subject"),
        (b"\n", "must name at least one subject"),
        (named("ann") + b"{" + CANARY.encode() + b"\n", "line 2: must be JSON in UTF-8"),
        (named("ann") + b"\n" + named("bob"), "line 2: must be JSON in UTF-8"),
        (b'{"profile_id": "\xff"}', "line 1: must be JSON in UTF-8"),
        (b"[" * 100_000, "line 1: must be JSON in UTF-8"),
        (b'{"profile_id": ' + b"9" * 5_000 + b"}", "line 1: must be JSON in UTF-8"),
        (lines([CANARY]), "line 1: must be a JSON object"),
        (lines({"profile_id": 17}), "line 1 is not valid: profile_id: "),
        (lines({"profile_id": ""}), "line 1 is not valid: profile_id: "),
        (lines({"profile_id": "a" * 257}), "line 1 is not valid: profile_id: "),
        (lines({"profile_id": f"{CANARY}\x00"}), "line 1 is not valid: profile_id: "),
        (lines({"profile_id": "ann", CANARY: 1}), "line 1 is not valid: <unknown field>: "),
        (lines({"name": CANARY}), "line 1 is not valid: "),
        (b'{"profile_id": "\\ud800"}', "line 1 is not valid: "),
        (named("ann", CANARY, "bob", CANARY), "lines 2 and 4: must name different subjects"),
    ],
)
def test_the_error_names_the_line_and_the_rule_and_no_value(body: bytes, said: str) -> None:
    with pytest.raises(Rejected) as refusal:
        read_subject_list(body)

    text = str(refusal.value)
    assert text.startswith("subjects_uri")
    assert said in text
    assert CANARY not in text
    assert refusal.value.reason_code == "INVALID_SUBJECT_LIST"


def test_a_hundred_thousand_subjects_are_taken() -> None:
    assert len(read(named(*map(str, range(100_000))))) == 100_000


def test_more_than_a_hundred_thousand_subjects_are_refused() -> None:
    with pytest.raises(Rejected) as refusal:
        read_subject_list(named(*map(str, range(100_001))))

    assert "must name at most 100000 subjects" in str(refusal.value)
