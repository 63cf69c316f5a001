"""Findings against exceptions: values in, complaints out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypedDict


class Finding(NamedTuple):
    """What a tool found."""

    tool: str
    rule: str
    where: str
    message: str


class Explanation(TypedDict):
    """A rule that is not followed in some places, for a reason."""

    tool: str
    rule: str
    where: list[str]
    reason: str


Exceptions = list[Explanation]


def verdict(findings: Sequence[Finding], exceptions: Exceptions) -> list[str]:
    """What is neither right nor explained, and what is explained but not there."""
    explained = {
        (each["tool"], each["rule"], where): each["reason"]
        for each in exceptions
        for where in each["where"]
    }
    found = {(finding.tool, finding.rule, finding.where): finding for finding in findings}
    wrong = [
        f"{finding.tool} {finding.rule} at {finding.where}: {finding.message}"
        for place, finding in sorted(found.items())
        if place not in explained
    ]
    stale = [
        f"{' '.join(place[:2])} at {place[2]}: is not found any more, so needs no exception"
        for place in sorted(explained)
        if place not in found
    ]
    unexplained = [
        f"{each['tool']} {each['rule']}: an exception needs a reason"
        for each in exceptions
        if len(each["reason"].split()) < 5
    ]
    return [*wrong, *stale, *unexplained]
