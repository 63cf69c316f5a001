"""Ids are texts; stores may keep them as numbers or UUIDs.

One rule for every store: a value is the subject's when its canonical text equals the id. "0012"
is not the number 12, and an id that is no such value matches nothing. The conversion only lets
the store use its index.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from uuid import UUID

from pydantic import SecretStr

from erasure_shared.errors import Rejected
from erasure_shared.locations import Identifier

_INTEGER = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)
_NUMBER = re.compile(r"(?!-0$)-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?", re.ASCII)
_MAX_DIGITS = 38  # DynamoDB: numbers have up to 38 digits of precision
_INTEGER_BITS = {"int2": 16, "int4": 32, "int8": 64}
_TEXT_TYPES = {"text": "text", "varchar": "text", "bpchar": "bpchar"}


def dynamodb_value(subject: SecretStr, attribute_type: str) -> dict[str, str] | None:
    """The id as a key attribute in DynamoDB JSON, or None where it cannot be one.

    Raises:
        Rejected: the attribute is binary, and no id is.
    """
    text = subject.get_secret_value()
    match attribute_type:
        case "S":
            return {"S": text}
        case "N":
            return {"N": text} if _is_dynamodb_number(text) else None
        case _:
            raise Rejected("the id attribute is binary", reason_code="UNSUPPORTED_ID_TYPE")


def _is_dynamodb_number(text: str) -> bool:
    if not _NUMBER.fullmatch(text):
        return False
    digits = text.lstrip("-").replace(".", "").strip("0")
    return len(digits) <= _MAX_DIGITS and len(text) <= 120


def postgresql_array_type(column_type: str) -> str | None:
    """The element type to compare the column with by index; None: compare the column's text."""
    if column_type in _INTEGER_BITS or column_type == "uuid":
        return column_type
    return _TEXT_TYPES.get(column_type)


def postgresql_values(subjects: Iterable[SecretStr], column_type: str) -> list[str]:
    """The ids that can be values of the column, as text."""
    texts = [subject.get_secret_value() for subject in subjects]
    if column_type == "uuid":
        return [text for text in texts if _is_uuid(text)]
    if column_type in _INTEGER_BITS:
        return [text for text in texts if _is_integer(text, _INTEGER_BITS[column_type])]
    return texts


def identifiers_found(
    texts: Iterable[str], subjects: Mapping[str, SecretStr]
) -> tuple[Identifier, ...]:
    """The subjects among the found texts; equality may be looser in a column's collation."""
    return tuple(Identifier(subjects[text]) for text in sorted(set(texts) & subjects.keys()))


def _is_integer(text: str, bits: int) -> bool:
    if not _INTEGER.fullmatch(text) or len(text) > 20:
        return False
    limit: int = 1 << (bits - 1)
    return -limit <= int(text) < limit


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
