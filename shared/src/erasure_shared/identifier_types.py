"""Which ids are values of which column type: one rule, by which ids are found and erased.

A value is the subject's when the column's own text of it equals the id, character by character.
"0012" is not the number 12, and where a column's type cannot hold an id, it holds nobody of that
name. Types whose text nobody can foretell are refused: there, everybody would be missed.
"""

from __future__ import annotations

import re
from uuid import UUID

from erasure_shared.errors import Rejected

_INTEGER = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)
_NUMBER = re.compile(r"(?!-0$)-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?", re.ASCII)
_MAX_DIGITS = 38
"""DynamoDB, "Naming rules and data types": numbers have up to 38 digits of precision."""
_MAX_NUMBER_LENGTH = 120
"""On the safe side of DynamoDB's greatest and smallest numbers, about 1E+126 and 1E-130."""
_INTEGER_BITS = {"int2": 16, "int4": 32, "int8": 64}
_TEXT_TYPES = {"text": "text", "varchar": "text", "bpchar": "bpchar"}
_GLUE_LIMIT = re.compile(r"varchar\(([0-9]+)\)", re.ASCII)
_GLUE = re.compile(
    r"string|varchar\([0-9]+\)|tinyint|smallint|int|integer|bigint"
    r"|decimal(?:\([0-9]+(?:,[0-9]+)?\))?",
    re.ASCII,
)


def dynamodb_value(text: str, attribute_type: str) -> dict[str, str] | None:
    """The id as a key attribute in DynamoDB JSON, or None where it cannot be one.

    Raises:
        Rejected: the attribute is binary, and no id is.
    """
    match attribute_type:
        case "S":
            return {"S": text}
        case "N":
            return {"N": text} if _is_dynamodb_number(text) else None
        case _:
            raise Rejected("the id attribute is binary", reason_code="UNSUPPORTED_ID_TYPE")


def postgresql_array_type(column_type: str) -> str | None:
    """The element type to compare the column with by its index; None: only its text is compared.

    `column_type` is a name of `pg_catalog.pg_type`; another schema's type is "".
    """
    if column_type in _INTEGER_BITS or column_type == "uuid":
        return column_type
    return _TEXT_TYPES.get(column_type)


def postgresql_holds(text: str, column_type: str) -> bool:
    """Whether the id can be the text of a value of the column."""
    if column_type == "uuid":
        return _is_uuid(text)
    if column_type in _INTEGER_BITS:
        return _is_integer(text, _INTEGER_BITS[column_type])
    return True


def glue_type_holds_ids(column_type: str) -> bool:
    """Whether `CAST(… AS varchar)` of the column's values is the text by which ids are compared.

    Of `double` it is `1.2E1`, of `char(5)` it ends in blanks.
    """
    return _GLUE.fullmatch(column_type.replace(" ", "").lower()) is not None


def glue_type_longest_id(column_type: str) -> int | None:
    """How many characters of a value Athena reads, where the type limits that.

    Trino cuts what is longer in a file to the length of `varchar(n)`, and prunes row groups by
    uncut bounds: an id of more characters may be there and yet be found under no text at all.
    """
    limit = _GLUE_LIMIT.fullmatch(column_type.replace(" ", "").lower())
    return int(limit[1]) if limit else None


def _is_dynamodb_number(text: str) -> bool:
    if len(text) > _MAX_NUMBER_LENGTH or not _NUMBER.fullmatch(text):
        return False
    digits = text.lstrip("-").replace(".", "").strip("0")
    return len(digits) <= _MAX_DIGITS


def _is_integer(text: str, bits: int) -> bool:
    if len(text) > len(str(-(1 << 63))) or not _INTEGER.fullmatch(text):
        return False
    limit: int = 1 << (bits - 1)
    return -limit <= int(text) < limit


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
