"""Brings a document into the types of the Glue table; only notations change, never values.

What Firehose's converter accepts decides the notation (AWS, "Convert input data format", and
the source of the OpenX SerDe): timestamps as `2026-11-23T20:15:09.123456Z`; decimals as strings,
because Hive's SerDe reads numbers through a double; only the table's own names, because the
OpenX SerDe folds case and `Profile_ID` would overwrite `profile_id`. Whatever the table does not
name travels as JSON text in one column, `unknown_fields`, where it is taken for nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import NoReturn, Protocol

from erasure_ingestion.core.documents import exact_json
from erasure_ingestion.core.reasons import Reason, Refused

UNKNOWN_FIELDS = "unknown_fields"
# Nanoseconds since 1970 fit into 64 bits until 2262; before 1900 readers disagree on calendars.
FIRST_YEAR, LAST_YEAR = 1900, 2261


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: `pointer` in the document (RFC 6901), `field` in our schema.

    `strays` gathers, for the whole document, the members that the schema does not know.
    """

    strays: dict[str, object]
    pointer: str = ""
    field: str = ""

    def member(self, name: str) -> Place:
        field = f"{self.field}.{name}" if self.field else name
        return Place(self.strays, self._pointer_to(name), field)

    def item(self, index: int) -> Place:
        return Place(self.strays, f"{self.pointer}/{index}", self.field)

    def set_aside(self, name: str, value: object) -> None:
        """Keep a member that the schema does not know."""
        self.strays[self._pointer_to(name)] = value

    def _pointer_to(self, name: str) -> str:
        return f"{self.pointer}/{name.replace('~', '~0').replace('/', '~1')}"

    def refuse(self, reason: Reason) -> NoReturn:
        raise Refused(reason, self.field) from None


class ColumnType(Protocol):
    """A Glue type that can say how a value is written for Firehose."""

    def store(self, value: object, place: Place) -> object:
        """The value in the type's notation.

        Raises:
            Refused: the value is not of this type or would not survive it unchanged.
        """
        ...


class Text:
    def store(self, value: object, place: Place) -> object:
        return value if isinstance(value, str) else place.refuse(Reason.INVALID_VALUE)


class Flag:
    def store(self, value: object, place: Place) -> object:
        return value if isinstance(value, bool) else place.refuse(Reason.INVALID_VALUE)


class Whole:
    """A 32-bit int; from a number without fraction or its canonical text."""

    _CANONICAL = re.compile(r"0|-?[1-9][0-9]{0,9}")

    def store(self, value: object, place: Place) -> object:
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
            place.refuse(Reason.INVALID_VALUE)
        if isinstance(value, str) and not self._CANONICAL.fullmatch(value):
            place.refuse(Reason.INVALID_VALUE)
        if not -(2**31) <= (number := Decimal(value)) < 2**31 or number != int(number):
            place.refuse(Reason.INEXACT_VALUE)
        return int(number)


@dataclass(frozen=True)
class Fixed:
    """A decimal(precision, scale), written as text with all digits of its scale."""

    precision: int
    scale: int

    _PLAIN = re.compile(r"-?[0-9]{1,38}(\.[0-9]{1,38})?")

    def store(self, value: object, place: Place) -> object:
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
            place.refuse(Reason.INVALID_VALUE)
        if isinstance(value, str) and not self._PLAIN.fullmatch(value):
            place.refuse(Reason.INVALID_VALUE)
        exact = Context(prec=self.precision, traps=[Inexact, InvalidOperation])
        try:
            return str(Decimal(value).quantize(Decimal(1).scaleb(-self.scale), context=exact))
        except (Inexact, InvalidOperation):
            place.refuse(Reason.INEXACT_VALUE)


class Instant:
    """A timestamp: RFC 3339 with any offset becomes UTC; every digit of the second is kept."""

    _RFC_3339 = re.compile(
        r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})"
        r"(\.[0-9]{1,9})?(?:[Zz]|([+-])([0-9]{2}):([0-5][0-9]))"
    )

    def store(self, value: object, place: Place) -> object:
        match = self._RFC_3339.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            place.refuse(Reason.INVALID_VALUE)
        *numbers, fraction, sign, hours, minutes = match.groups()
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        try:
            zone = timezone(-offset if sign == "-" else offset)
            year, month, day, hour, minute, second = map(int, numbers)
            utc = datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
        except (ValueError, OverflowError):  # 30 February, 24:00:00, a leap second, +24:00
            place.refuse(Reason.INVALID_VALUE)
        if not FIRST_YEAR <= utc.year <= LAST_YEAR:
            place.refuse(Reason.INEXACT_VALUE)
        return f"{utc:%Y-%m-%dT%H:%M:%S}{fraction or ''}Z"


@dataclass(frozen=True)
class ListOf:
    item: ColumnType

    def store(self, value: object, place: Place) -> object:
        if not isinstance(value, list):
            place.refuse(Reason.INVALID_VALUE)
        return [self.item.store(item, place.item(index)) for index, item in enumerate(value)]


@dataclass(frozen=True)
class Struct:
    """Known members by their types; null is absent, as it will be in Parquet."""

    members: Mapping[str, ColumnType]

    def store(self, value: object, place: Place) -> dict[str, object]:
        if not isinstance(value, dict):
            place.refuse(Reason.INVALID_VALUE)
        stored = {}
        for name, item in value.items():
            if name not in self.members:
                place.set_aside(name, item)
            elif item is not None:
                stored[name] = self.members[name].store(item, place.member(name))
        return stored


class Table:
    """The columns of a Glue table, given as its `Columns` list."""

    def __init__(self, columns: Sequence[Mapping[str, str]]) -> None:
        types = {column["Name"]: column_type(column["Type"]) for column in columns}
        types.pop(UNKNOWN_FIELDS)
        self._row = Struct(types)

    def row(self, document: object) -> dict[str, object]:
        """The document as a row in Firehose's notation.

        Raises:
            Refused: a value would not survive the column's type unchanged.
        """
        strays: dict[str, object] = {}
        row = self._row.store(document, Place(strays))
        if strays:
            row[UNKNOWN_FIELDS] = exact_json(strays)
        return row


_SIMPLE: Mapping[str, ColumnType] = {
    "string": Text(),
    "boolean": Flag(),
    "int": Whole(),
    "timestamp": Instant(),
}
_COMPOUND = re.compile(r"(?:(array|struct)<(.*)>|decimal\(([0-9]+),([0-9]+)\))")


def column_type(text: str) -> ColumnType:
    """Reads a Glue type, for instance `array<struct<purpose:string,at:timestamp>>`.

    Raises:
        ValueError: this type is not one that we know how to write.
    """
    if text in _SIMPLE:
        return _SIMPLE[text]
    match = _COMPOUND.fullmatch(text)
    if match is None:
        raise ValueError(f"no notation for the Glue type {text}")
    kind, inner, precision, scale = match.groups()
    if precision:
        return Fixed(int(precision), int(scale))
    if kind == "array":
        return ListOf(column_type(inner))
    members = (member.split(":", 1) for member in _split_members(inner))
    return Struct({name: column_type(kind) for name, kind in members})


def _split_members(text: str) -> list[str]:
    """Splits at the commas that stand outside of all brackets."""
    depth, members = 0, [""]
    for character in text:
        depth += (character in "<(") - (character in ">)")
        if character == "," and depth == 0:
            members.append("")
        else:
            members[-1] += character
    return members
