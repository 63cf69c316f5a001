"""The wanted ids as the id column stores them.

An id arrives as text (or typed); a column stores bytes. Text that is not written as the column's
type would write it names nobody: "0012" is not the number 12.
"""

from __future__ import annotations

import re
import struct
import uuid
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import cast

import pyarrow as pa

from .encodings import bits_type
from .errors import (
    IdColumnMissing,
    IdColumnRepeated,
    MalformedParquet,
    UnsupportedIdType,
    UnsupportedParquet,
)
from .footer import Footer, Leaf
from .order import (
    Converted,
    Logical,
    PhysicalType,
    converted_of,
    decimal_scale,
    is_unsigned,
    logical_of,
)

Id = str | bytes | int | Decimal
CompositeId = tuple[Id, ...]
IdKey = Id | CompositeId
IdColumns = str | Sequence[str]
_INTEGER = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,60})(\.[0-9]{1,60})?", re.ASCII)
_MAX_DECIMAL_DIGITS = 80
_MAX_DECIMAL_BYTES = 17  # 38 digits need 16; one more for writers that pad
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
UUID_BYTES = 16
_MAX_INTEGER_DIGITS = 40


def check_ids(id_columns: IdColumns, ids: Collection[IdKey]) -> None:
    """Check that every id has as many parts as there are id columns.

    Raises:
        ValueError: a wrong call; the message names no id.
    """
    if isinstance(id_columns, str):
        if not all(isinstance(one, Id) for one in ids):
            raise ValueError("an id is a text, bytes or a number")
        return
    columns = len(id_columns)
    if columns == 0 or len(set(id_columns)) < columns:
        raise ValueError("id columns are at least one, and each once")
    for one in ids:
        if not isinstance(one, tuple) or len(one) != columns:
            raise ValueError("an id is a tuple with one part for every id column")
        if not all(isinstance(part, Id) for part in one):
            raise ValueError("a part of an id is a text, bytes or a number")


def plain_ids(ids: Collection[IdKey]) -> Collection[Id]:
    """The ids of one column, as `check_ids` left them."""
    return cast("Collection[Id]", ids)


def composite_ids(ids: Collection[IdKey]) -> Collection[CompositeId]:
    """The ids of several columns, as `check_ids` left them."""
    return cast("Collection[CompositeId]", ids)


def id_leaf(footer: Footer, id_column: str) -> Leaf:
    """The leaf that holds the ids; a dotted name is a path or a name with dots.

    Raises:
        UnsupportedParquet: there is none, it repeats within a row, or its type has no ids.
    """
    found = _named(footer, id_column)
    if not found:
        raise _no_such_column(footer, id_column)
    if len(found) > 1:
        raise MalformedParquet("several columns have the id column's name")
    leaf = found[0]
    if leaf.max_repetition:
        raise IdColumnRepeated
    if leaf.physical in (PhysicalType.BOOLEAN, PhysicalType.INT96) or _is_time(leaf):
        raise UnsupportedIdType(leaf.physical.name)
    if logical_of(leaf.element) == Logical.FLOAT16:
        raise UnsupportedIdType("FLOAT16")
    return leaf


def id_leaves(footer: Footer, id_columns: Sequence[str]) -> tuple[Leaf, ...]:
    """The leaves that hold the parts of ids.

    Raises:
        UnsupportedParquet: one of them is no id column, or two names mean the same.
    """
    leaves = tuple(id_leaf(footer, name) for name in id_columns)
    if len({leaf.index for leaf in leaves}) < len(leaves):
        raise UnsupportedIdType("one column under two names")
    return leaves


def as_spelled(footer: Footer, id_columns: IdColumns) -> IdColumns:
    """The id columns' names as the file has them.

    Raises:
        UnsupportedParquet: one of them is no id column.
    """
    if isinstance(id_columns, str):
        return id_leaf(footer, id_columns).name
    return [id_leaf(footer, name).name for name in id_columns]


def _named(footer: Footer, id_column: str) -> list[Leaf]:
    """The column of just this name; or like Athena, in whatever case."""
    exact = [leaf for leaf in footer.leaves if leaf.name == id_column]
    return exact or [leaf for leaf in footer.leaves if leaf.name.lower() == id_column.lower()]


def _no_such_column(footer: Footer, id_column: str) -> UnsupportedParquet:
    """It is missing, or it is a group: a list, a map or a struct."""
    inside = f"{id_column}.".lower()
    leaves = [leaf for leaf in footer.leaves if leaf.name.lower().startswith(inside)]
    if not leaves:
        return IdColumnMissing()
    if any(leaf.max_repetition for leaf in leaves):
        return IdColumnRepeated()
    return UnsupportedIdType("a struct")


def _is_time(leaf: Leaf) -> bool:
    if logical_of(leaf.element) in (Logical.DATE, Logical.TIME, Logical.TIMESTAMP):
        return True
    converted = converted_of(leaf.element)
    return converted is not None and Converted.DATE <= converted <= Converted.TIMESTAMP_MICROS


def stored_ids(leaf: Leaf, ids: Collection[Id]) -> dict[bytes, Id]:
    """Every physical value by which the column could store one of the ids, and which it is."""
    return {stored: one for one in ids for stored in _stored(leaf, one)}


def as_arrow(leaf: Leaf, stored: Collection[bytes]) -> pa.Array:
    """Stored ids in the Arrow type in which the column's values are compared."""
    values = sorted(stored)
    if leaf.width in (4, 8):
        raw = b"".join(values)
        return pa.Array.from_buffers(bits_type(leaf.width), len(values), [None, pa.py_buffer(raw)])
    kind = pa.binary() if leaf.width == 0 else bits_type(leaf.width)
    return pa.array(values, kind)


def as_stored(value: bytes | int, width: int) -> bytes:
    """The physical value of an element of such an Arrow array."""
    return value if isinstance(value, bytes) else value.to_bytes(width, "little", signed=True)


def _stored(leaf: Leaf, one: Id) -> set[bytes]:
    scale = decimal_scale(leaf.element)
    if scale is not None:
        unscaled = _unscaled(one, scale)
        return set() if unscaled is None else _decimal_bytes(leaf, unscaled)
    if leaf.physical in (PhysicalType.INT32, PhysicalType.INT64):
        number = _integer(one)
        unsigned = is_unsigned(leaf.element)
        return set() if number is None else _integer_bytes(leaf.width, number, signed=not unsigned)
    if leaf.physical in (PhysicalType.FLOAT, PhysicalType.DOUBLE):
        return _float_bytes(leaf.width, one)
    return _byte_strings(leaf, one)


def _byte_strings(leaf: Leaf, one: Id) -> set[bytes]:
    if isinstance(one, Decimal):
        return set()
    raw = one if isinstance(one, bytes) else str(one).encode()
    if leaf.physical is PhysicalType.BYTE_ARRAY:
        return {raw}
    is_text_of_uuid = logical_of(leaf.element) == Logical.UUID and not isinstance(one, bytes)
    candidates = {raw} if len(raw) == leaf.type_length and not is_text_of_uuid else set()
    if leaf.type_length == UUID_BYTES and (parsed := uuid_of(str(one))) is not None:
        candidates.add(parsed.bytes)
    return candidates


def uuid_of(text: str) -> uuid.UUID | None:
    """The UUID that a text is, in the form and in either case of letters (RFC 9562, section 4)."""
    return uuid.UUID(text) if _UUID.fullmatch(text) else None


def _integer(one: Id) -> int | None:
    """The integer that the text is in its one canonical form: '7', not '07', '+7' or '7.0'."""
    if isinstance(one, int):
        return one
    if isinstance(one, Decimal):
        return int(one) if one.is_finite() and one == one.to_integral_value() else None
    text = one.decode("utf-8", "replace") if isinstance(one, bytes) else one
    if len(text) > _MAX_INTEGER_DIGITS or not _INTEGER.fullmatch(text):
        return None
    return int(text)


def _integer_bytes(width: int, number: int, *, signed: bool) -> set[bytes]:
    try:
        return {number.to_bytes(width, "little", signed=signed)}
    except OverflowError:
        return set()


def _float_bytes(width: int, one: Id) -> set[bytes]:
    """Integers that a float column holds exactly, as pandas makes of integer ids with nulls."""
    number = _integer(one)
    if number is None:
        return set()
    if abs(number) >= 1 << (24 if width == 4 else 53):
        raise UnsupportedIdType("a floating-point number, of which several ids would be one")
    kind = "<f" if width == 4 else "<d"
    return {struct.pack(kind, number), struct.pack(kind, -0.0 if number == 0 else number)}


def _unscaled(one: Id, scale: int) -> int | None:
    """The integer that a decimal column of this scale stores for the id.

    Text has just the column's digits after the point; a Decimal is a number, however written.
    """
    if isinstance(one, int | Decimal):
        number: Decimal | None = Decimal(one)
    else:
        number = decimal_of(
            one.decode("utf-8", "replace") if isinstance(one, bytes) else one, scale
        )
    if number is None or not number.is_finite() or number.adjusted() > _MAX_DECIMAL_DIGITS:
        return None
    numerator, denominator = number.as_integer_ratio()
    unscaled, rest = divmod(numerator * int(10 ** max(0, scale)), denominator)
    return None if rest else unscaled


def decimal_of(text: str, scale: int) -> Decimal | None:
    """The number that a text is, if it is written as a column of this scale would write it."""
    fraction = text.partition(".")[2]
    if not _NUMBER.fullmatch(text) or len(fraction) != max(0, scale):
        return None
    return Decimal(text)


def _decimal_bytes(leaf: Leaf, unscaled: int) -> set[bytes]:
    if leaf.physical in (PhysicalType.INT32, PhysicalType.INT64):
        return _integer_bytes(leaf.width, unscaled, signed=True)
    fixed = leaf.physical is PhysicalType.FIXED_LEN_BYTE_ARRAY
    # Variable-length decimals may be padded with sign bytes.
    least = max(1, unscaled.bit_length() // 8)
    most = max(_MAX_DECIMAL_BYTES, least + 2)
    lengths = [leaf.type_length] if fixed else range(least, most + 1)
    stored = set()
    for length in lengths:
        try:
            stored.add(unscaled.to_bytes(length, "big", signed=True))
        except OverflowError:
            continue
    return stored
