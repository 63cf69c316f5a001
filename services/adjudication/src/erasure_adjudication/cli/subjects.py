"""Whom a request names: read from a file, in one of two shapes, never shown again.

JSON lines     {"profile_id": "p-1"}     if the first line begins with {
plain lines    p-1                       otherwise; the line is the identifier, blanks and all
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from erasure_adjudication.cli.failures import WrongUsage
from erasure_shared.errors import Rejected
from erasure_shared.events import MAX_SUBJECTS, Subject, read_document


def people_named(file: Path | None, profile_ids: list[str] | None) -> list[Subject]:
    """The subjects of the file (`-` is stdin), or else those of the command line.

    Raises:
        WrongUsage: neither or both are given, or what is given cannot be read.
    """
    if (file is None) == (not profile_ids):
        raise WrongUsage("say whom to erase: either --subjects or --profile-id")
    if file is None:
        return subjects_named(profile_ids or ())
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return read_subjects(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise WrongUsage("the file of subjects is not UTF-8 text") from None
    except OSError as error:
        raise WrongUsage(f"the file of subjects cannot be read: {error.strerror}") from None


def read_subjects(text: str) -> list[Subject]:
    """The subjects of the file's text; empty lines say nothing.

    Raises:
        WrongUsage: naming the line and the rule that it breaks, never what the line holds.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    is_json = text.removeprefix("\ufeff").lstrip().startswith("{")
    return distinct(
        (f"line {number}", _subject(f"line {number}", line, is_json=is_json))
        for number, line in _with_content(lines)
    )


def subjects_named(profile_ids: Iterable[str]) -> list[Subject]:
    """The subjects named on the command line."""
    return distinct(
        (f"--profile-id number {number}", _checked(f"--profile-id number {number}", profile_id))
        for number, profile_id in enumerate(profile_ids, start=1)
    )


def distinct(subjects: Iterable[tuple[str, Subject]]) -> list[Subject]:
    """The subjects, if each is named once and there are not too many."""
    places: dict[str, str] = {}
    found = []
    for place, subject in subjects:
        first = places.setdefault(subject.profile_id.get_secret_value(), place)
        if first != place:
            raise WrongUsage(f"{first} and {place} name the same subject; name each once")
        found.append(subject)
    if not found:
        raise WrongUsage("no subject is named")
    if len(found) > MAX_SUBJECTS:
        raise WrongUsage(f"a request names at most {MAX_SUBJECTS:,} subjects, not {len(found):,}")
    return found


def _with_content(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, start=1):
        content = line.removesuffix("\r")
        if content.strip():
            yield number, content


def _subject(place: str, line: str, *, is_json: bool) -> Subject:
    if not is_json:
        return _checked(place, line)
    try:
        document: Any = json.loads(line)
    except (ValueError, RecursionError):
        raise WrongUsage(f"{place} is not JSON, though the first line looks like it") from None
    return _read(place, document)


def _checked(place: str, profile_id: str) -> Subject:
    return _read(place, {"profile_id": profile_id})


def _read(place: str, document: object) -> Subject:
    try:
        return read_document(Subject, document, place)
    except Rejected as error:
        raise WrongUsage(error.reason) from None
