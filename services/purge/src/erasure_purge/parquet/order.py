"""How the values of a column are ordered, for statistics; on physical bytes only.

Source: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
(union ColumnOrder). Where an order is not certain it is NONE, and minima and maxima are dropped
rather than computed.
"""

from __future__ import annotations

import math
import struct
from enum import Enum, IntEnum

from .thrift_compact import Struct


class PhysicalType(IntEnum):
    """How values are stored."""

    BOOLEAN = 0
    INT32 = 1
    INT64 = 2
    INT96 = 3
    FLOAT = 4
    DOUBLE = 5
    BYTE_ARRAY = 6
    FIXED_LEN_BYTE_ARRAY = 7


class Order(Enum):
    """The order in which a column's minimum is its minimum."""

    NONE = "none"
    SIGNED = "signed little-endian"
    UNSIGNED = "unsigned little-endian"
    FLOAT = "IEEE 754"
    BYTES = "unsigned lexicographic"
    DECIMAL = "signed big-endian"


class Logical(IntEnum):
    """Members of the LogicalType union that say something about order or ids."""

    STRING = 1
    ENUM = 4
    DECIMAL = 5
    DATE = 6
    TIME = 7
    TIMESTAMP = 8
    INTEGER = 10
    JSON = 12
    BSON = 13
    UUID = 14
    FLOAT16 = 15


class Converted(IntEnum):
    """The older ConvertedType, as far as it says something about order or ids."""

    UTF8 = 0
    ENUM = 4
    DECIMAL = 5
    DATE = 6
    TIMESTAMP_MICROS = 10
    UINT_8 = 11
    UINT_64 = 14
    INT_8 = 15
    INT_64 = 18
    JSON = 19
    BSON = 20


_TYPE_ORDER = 1
_CONVERTED_TYPE, _SCALE, _LOGICAL_TYPE = 6, 7, 10
_TEXT_LOGICAL = (None, Logical.STRING, Logical.ENUM, Logical.JSON, Logical.BSON)
_TEXT_CONVERTED = (None, Converted.UTF8, Converted.ENUM, Converted.JSON, Converted.BSON)


def logical_of(element: Struct) -> int | None:
    """Which member of LogicalType the column has."""
    union = element.struct(_LOGICAL_TYPE)
    return None if union is None else next(iter(union), None)


def converted_of(element: Struct) -> int | None:
    """The column's ConvertedType."""
    return element.int_or_none(_CONVERTED_TYPE)


def decimal_scale(element: Struct) -> int | None:
    """The scale of a decimal column, None for any other."""
    union = element.struct(_LOGICAL_TYPE)
    decimal = None if union is None else union.struct(Logical.DECIMAL)
    if decimal is not None:
        return decimal.integer(1, 0)
    if converted_of(element) == Converted.DECIMAL:
        return element.integer(_SCALE, 0)
    return None


def is_unsigned(element: Struct) -> bool:
    """Whether an integer column holds unsigned values."""
    union = element.struct(_LOGICAL_TYPE)
    integer = None if union is None else union.struct(Logical.INTEGER)
    if integer is not None:
        return not integer.boolean(2, default=True)
    converted = converted_of(element)
    return converted is not None and Converted.UINT_8 <= converted <= Converted.UINT_64


def order_of(physical: PhysicalType, element: Struct, column_order: int | None) -> Order:
    """The column's order; NONE unless type, logical type and stated order leave no doubt."""
    if column_order not in (None, _TYPE_ORDER):
        return Order.NONE
    if physical in (PhysicalType.INT32, PhysicalType.INT64):
        return Order.UNSIGNED if is_unsigned(element) else Order.SIGNED
    if physical in (PhysicalType.FLOAT, PhysicalType.DOUBLE):
        return Order.FLOAT
    if physical is PhysicalType.BOOLEAN:
        return Order.BYTES
    if physical in (PhysicalType.BYTE_ARRAY, PhysicalType.FIXED_LEN_BYTE_ARRAY):
        return _order_of_bytes(physical, element)
    return Order.NONE


def _order_of_bytes(physical: PhysicalType, element: Struct) -> Order:
    if decimal_scale(element) is not None:
        return Order.DECIMAL
    logical, converted = logical_of(element), converted_of(element)
    if physical is PhysicalType.FIXED_LEN_BYTE_ARRAY:
        plain = logical in (None, Logical.UUID) and converted is None
        return Order.BYTES if plain else Order.NONE
    known = logical in _TEXT_LOGICAL and converted in _TEXT_CONVERTED
    return Order.BYTES if known else Order.NONE


Key = int | float | bytes


def key(order: Order, value: bytes) -> Key | None:
    """Something Python orders as the column orders the value; None where that is not certain.

    NaN has no place in the order, so nothing rests on it; the two zeros are one.
    """
    if order is Order.BYTES:
        return value
    if order is Order.DECIMAL:
        return int.from_bytes(value, "big", signed=True)
    if order is Order.FLOAT:
        if len(value) not in (4, 8):
            return None
        number: float = struct.unpack("<f" if len(value) == 4 else "<d", value)[0]
        return None if math.isnan(number) else number
    if order is Order.NONE:
        return None
    return int.from_bytes(value, "little", signed=order is Order.SIGNED)
