"""JSON records to one Parquet object by the columns of a Glue table, as Firehose converts.

The object is what Hive's writer makes: one row group, version 1 pages, timestamps as INT96.
https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html
"""

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

import pyarrow
import pyarrow.parquet
from ministack.services import glue

from infra.local.extensions.glue_types import kind_and_parts, name_and_type

_ONE_ROW_GROUP = 2**31 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)(?:T| )(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z?")
_FIRST_MILLISECONDS = 10**12
"""A shorter whole number is taken as seconds since 1970."""


class NotConverted(Exception):
    """The record does not fit the table; it goes to the error prefix."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = f"DataFormatConversion.{code}"


class _Mismatch(Exception):
    """A value is not of the column's type."""


Read = Callable[[Any], Any]


@dataclass(frozen=True)
class GlueType:
    """A Glue type: how a JSON value becomes one of its values."""

    arrow: pyarrow.DataType
    read: Read

    def value(self, json_value: Any) -> Any:
        """The value for Arrow; null stays null."""
        return None if json_value is None else self.read(json_value)


@dataclass(frozen=True)
class Converter:
    """Rows and files of one Glue table."""

    columns: Mapping[str, GlueType]

    @classmethod
    def of_table(cls, database: str, table: str) -> "Converter":
        """Read the columns from the catalogue.

        Raises:
            NotConverted: there is no such table.
        """
        found = glue._tables.get(f"{database}/{table}")
        if not found:
            message = "The specified table/database could not be found."
            raise NotConverted("EntityNotFound", message)
        columns = found["StorageDescriptor"]["Columns"]
        return cls({item["Name"].lower(): glue_type(item["Type"]) for item in columns})

    def rows(self, data: bytes) -> list[dict[str, Any]]:
        """The rows of a record, which may hold several JSON documents one after the other.

        Raises:
            NotConverted: not JSON, or not of the columns' types.
        """
        return [self._row(document) for document in _documents(data)]

    def _row(self, document: Any) -> dict[str, Any]:
        if not isinstance(document, dict):
            raise NotConverted("MalformedData", "The top level must be an object.")
        given = {name.lower(): value for name, value in document.items()}
        try:
            return {name: kind.value(given.get(name)) for name, kind in self.columns.items()}
        except _Mismatch as error:
            raise NotConverted("MalformedData", "Data does not match the schema.") from error

    def parquet(self, rows: Sequence[Mapping[str, Any]], compression: str) -> bytes:
        """One object of all rows."""
        schema = pyarrow.schema([(name, kind.arrow) for name, kind in self.columns.items()])
        output = io.BytesIO()
        pyarrow.parquet.write_table(
            pyarrow.Table.from_pylist([dict(row) for row in rows], schema=schema),
            output,
            compression="NONE" if compression == "UNCOMPRESSED" else compression,
            row_group_size=_ONE_ROW_GROUP,
            use_deprecated_int96_timestamps=True,
            version="1.0",
            store_schema=False,
        )
        return output.getvalue()


def _documents(data: bytes) -> Iterator[Any]:
    decoder = json.JSONDecoder(parse_float=Decimal)
    try:
        text = data.decode()
        at = _skip_space(text, 0)
        if at == len(text):
            raise NotConverted("MalformedData", "The record was empty.")
        while at < len(text):
            document, at = decoder.raw_decode(text, at)
            yield document
            at = _skip_space(text, at)
    except (ValueError, RecursionError) as error:
        raise NotConverted("ParseError", "Encountered malformed JSON.") from error


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def glue_type(text: str) -> GlueType:
    """Read a Glue type, for instance `array<struct<purpose:string,at:timestamp>>`."""
    kind, parts = kind_and_parts(text)
    match kind:
        case "array":
            return _array(glue_type(parts[0]))
        case "map":
            return _map(glue_type(parts[1]))
        case "struct":
            return _struct({name: glue_type(of) for name, of in map(name_and_type, parts)})
        case decimal if decimal.startswith("decimal"):
            precision, scale = map(int, re.findall(r"\d+", decimal)) if "(" in decimal else (10, 0)
            return _decimal(precision, scale)
        case scalar:
            return _SCALARS[scalar.partition("(")[0]]


def _array(item: GlueType) -> GlueType:
    def read(value: Any) -> list[Any]:
        return [item.value(each) for each in _of(list, value)]

    return GlueType(pyarrow.list_(item.arrow), read)


def _map(item: GlueType) -> GlueType:
    def read(value: Any) -> list[tuple[str, Any]]:
        return [(key, item.value(each)) for key, each in _of(dict, value).items()]

    return GlueType(pyarrow.map_(pyarrow.string(), item.arrow), read)


def _struct(members: Mapping[str, GlueType]) -> GlueType:
    def read(value: Any) -> dict[str, Any]:
        given = {name.lower(): each for name, each in _of(dict, value).items()}
        return {name: kind.value(given.get(name)) for name, kind in members.items()}

    return GlueType(pyarrow.struct([(name, kind.arrow) for name, kind in members.items()]), read)


def _decimal(precision: int, scale: int) -> GlueType:
    """Rounded to the scale; null when too large, as Hive does."""

    def read(value: Any) -> Decimal | None:
        number = _number(value)
        try:
            rounding = Context(prec=precision, rounding=ROUND_HALF_UP)
            return number.quantize(Decimal(1).scaleb(-scale), context=rounding)
        except InvalidOperation:
            return None

    return GlueType(pyarrow.decimal128(precision, scale), read)


def _of(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise _Mismatch
    return value


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise _Mismatch
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise _Mismatch from None
    if not number.is_finite():
        raise _Mismatch
    return number


def _integer(bits: int) -> Read:
    def read(value: Any) -> int:
        number = _number(value)
        if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1) or number != int(number):
            raise _Mismatch  # in this order, because int() of 1e999999 takes for ever
        return int(number)

    return read


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text.encode(errors="replace").decode()  # half a surrogate pair is "?", as in Java


def _boolean(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return bool(_of(bool, value))


def _date(value: Any) -> date:
    try:
        return date.fromisoformat(_of(str, value))
    except ValueError:
        raise _Mismatch from None


def _timestamp_ns(value: Any) -> int:
    """Nanoseconds since 1970, from a date and time in UTC or from seconds or milliseconds."""
    nanoseconds = _text_ns(value) if isinstance(value, str) else _number_ns(_number(value))
    if not -(2**63) <= nanoseconds < 2**63:
        raise _Mismatch
    return int(nanoseconds)


def _number_ns(number: Decimal) -> Decimal:
    return number * (10**6 if number >= _FIRST_MILLISECONDS else 10**9)


def _text_ns(value: str) -> int:
    match = _INSTANT.fullmatch(value)
    if match is None:
        raise _Mismatch
    day, time, fraction = match.groups(default="")
    try:
        moment = datetime.fromisoformat(f"{day}T{time}+00:00")
    except ValueError:
        raise _Mismatch from None
    return (moment - _EPOCH) // timedelta(seconds=1) * 10**9 + int(fraction.ljust(9, "0"))


_SCALARS: Mapping[str, GlueType] = {
    "string": GlueType(pyarrow.string(), _text),
    "boolean": GlueType(pyarrow.bool_(), _boolean),
    "tinyint": GlueType(pyarrow.int8(), _integer(8)),
    "smallint": GlueType(pyarrow.int16(), _integer(16)),
    "int": GlueType(pyarrow.int32(), _integer(32)),
    "bigint": GlueType(pyarrow.int64(), _integer(64)),
    "float": GlueType(pyarrow.float32(), lambda value: float(_number(value))),
    "double": GlueType(pyarrow.float64(), lambda value: float(_number(value))),
    "date": GlueType(pyarrow.date32(), _date),
    "timestamp": GlueType(pyarrow.timestamp("ns"), _timestamp_ns),
}
