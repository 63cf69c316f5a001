"""The claim check: who is to be erased, as JSON lines in an object on S3.

    {"profile_id": "…"}        one subject a line, UTF-8, at most 100,000 of them, all distinct

Errors name the line (counted from one) and the rule, never what the line holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr

from erasure_shared.errors import Rejected
from erasure_shared.events import MAX_SUBJECTS, Subject, read_document

MAX_LIST_BYTES = 64 * 1024 * 1024
"""A hundred thousand ids of 256 characters fit even where each takes two bytes."""
INVALID = "INVALID_SUBJECT_LIST"


def read_subject_list(body: bytes) -> tuple[SecretStr, ...]:
    """The subjects in the order of their lines.

    Raises:
        Rejected: naming the line and the rule that it breaks.
    """
    lines: dict[str, int] = {}
    for number, line in _lines(body):
        profile_id = _subject(number, line).profile_id.get_secret_value()
        first = lines.setdefault(profile_id, number)
        if first != number:
            raise _refused(f"lines {first} and {number}: must name different subjects")
        if len(lines) > MAX_SUBJECTS:
            raise _refused(f"must name at most {MAX_SUBJECTS} subjects")
    if not lines:
        raise _refused("must name at least one subject")
    return tuple(map(SecretStr, lines))


def _lines(body: bytes) -> Iterator[tuple[int, bytes]]:
    text = body.removeprefix(b"\xef\xbb\xbf").rstrip(b" \t\r\n")
    return enumerate(text.split(b"\n") if text else [], start=1)


def _subject(number: int, line: bytes) -> Subject:
    try:
        document: Any = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        raise _refused(f"line {number}: must be JSON in UTF-8") from None
    if not isinstance(document, dict):
        raise _refused(f"line {number}: must be a JSON object")
    try:
        return read_document(Subject, document, f"subjects_uri: line {number}")
    except Rejected as error:
        raise Rejected(error.reason, reason_code=INVALID) from None


def _refused(rule: str) -> Rejected:
    return Rejected(f"subjects_uri is not valid: {rule}", reason_code=INVALID)
