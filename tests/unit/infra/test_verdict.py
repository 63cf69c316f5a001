"""What the checkers find must be right or explained, and what is explained must be there."""

from __future__ import annotations

from infra.checks.verdict import Explanation, Finding, verdict

FOUND = Finding("checkov", "CKV_AWS_18", "platform.LakeBucket", "access logs")
EXPLAINED: Explanation = {
    "tool": "checkov",
    "rule": "CKV_AWS_18",
    "where": ["platform.LakeBucket"],
    "reason": "a log of keys would keep identifiers",
}


def test_what_is_found_and_not_explained_is_wrong() -> None:
    assert verdict([FOUND], []) == ["checkov CKV_AWS_18 at platform.LakeBucket: access logs"]


def test_what_is_explained_is_not_wrong() -> None:
    assert verdict([FOUND], [EXPLAINED]) == []


def test_an_explanation_holds_for_its_place_only() -> None:
    elsewhere = FOUND._replace(where="platform.Other")

    assert len(verdict([FOUND, elsewhere], [EXPLAINED])) == 1


def test_an_explanation_that_is_not_needed_any_more_is_wrong() -> None:
    assert verdict([], [EXPLAINED]) == [
        "checkov CKV_AWS_18 at platform.LakeBucket: is not found any more, so needs no exception"
    ]


def test_an_explanation_without_a_reason_is_wrong() -> None:
    assert verdict([FOUND], [EXPLAINED | {"reason": "noise"}]) == [
        "checkov CKV_AWS_18: an exception needs a reason"
    ]
