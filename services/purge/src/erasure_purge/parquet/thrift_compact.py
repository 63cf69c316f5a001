"""Thrift's compact protocol without an IDL: what is decoded encodes to the same document.

Nothing is known about field names, so nothing unknown is lost: fields of future format versions
and of vendors survive. Doubles stay bytes, so NaN payloads survive too.
Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from enum import IntEnum

from .errors import MalformedParquet

_MAX_DEPTH = 64
_VARINT_BITS = 63


class Kind(IntEnum):
    """The wire types. A struct's boolean field carries its value in its type: 1 true, 2 false."""

    TRUE = 1
    FALSE = 2
    BYTE = 3
    I16 = 4
    I32 = 5
    I64 = 6
    DOUBLE = 7
    BINARY = 8
    LIST = 9
    SET = 10
    MAP = 11
    STRUCT = 12


# Plain integers: comparing those takes half the time.
BOOL = _TRUE = int(Kind.TRUE)
_FALSE = int(Kind.FALSE)
_BOOLEANS = (_TRUE, _FALSE)
_INTEGERS = (int(Kind.I32), int(Kind.I64), int(Kind.I16))
_COLLECTIONS = (int(Kind.LIST), int(Kind.SET))
_BYTE, _BINARY, _STRUCT = int(Kind.BYTE), int(Kind.BINARY), int(Kind.STRUCT)
_ENDS_EARLY = "thrift ends early"


class Items(list["Value"]):
    """A list or set and the wire type of its elements."""

    __slots__ = ("kind",)

    def __init__(self, kind: int, items: Iterable[Value] = ()) -> None:
        super().__init__(items)
        self.kind = kind

    def structs(self) -> list[Struct]:
        """The elements, which must be structs."""
        if not all(isinstance(item, Struct) for item in self):
            raise MalformedParquet("a list holds something else than structs")
        return list(self)  # type: ignore[arg-type]  # just checked

    def ints(self) -> list[int]:
        """The elements, which must be integers."""
        if not all(isinstance(item, int) for item in self):
            raise MalformedParquet("a list holds something else than integers")
        return list(self)  # type: ignore[arg-type]  # just checked

    def blobs(self) -> list[bytes]:
        """The elements, which must be binary."""
        if not all(isinstance(item, bytes) for item in self):
            raise MalformedParquet("a list holds something else than binary")
        return list(self)  # type: ignore[arg-type]  # just checked


class Map:
    """A map with its wire types, entries in wire order."""

    __slots__ = ("entries", "key_kind", "value_kind")

    def __init__(self, key_kind: int, value_kind: int, entries: list[tuple[Value, Value]]) -> None:
        self.key_kind = key_kind
        self.value_kind = value_kind
        self.entries = entries

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Map):
            return NotImplemented
        mine = (self.key_kind, self.value_kind, self.entries)
        return mine == (other.key_kind, other.value_kind, other.entries)

    __hash__ = None  # type: ignore[assignment]  # mutable


class Struct:
    """The fields of one struct by id, in ascending order of id when encoded."""

    __slots__ = ("fields",)

    def __init__(self, fields: dict[int, tuple[int, Value]] | None = None) -> None:
        self.fields = fields if fields is not None else {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Struct) and self.fields == other.fields

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __contains__(self, field_id: int) -> bool:
        return field_id in self.fields

    def __iter__(self) -> Iterator[int]:
        return iter(self.fields)

    def get(self, field_id: int) -> Value | None:
        """The field's value, or None if it is absent."""
        field = self.fields.get(field_id)
        return None if field is None else field[1]

    def set(self, field_id: int, kind: int, value: Value) -> None:
        """Write a field; a field that was there keeps its wire type."""
        old = self.fields.get(field_id)
        self.fields[field_id] = (kind if old is None else old[0], value)

    def set_int(self, field_id: int, value: int, kind: int = Kind.I64) -> None:
        """Write an integer field."""
        self.set(field_id, kind, value)

    def drop(self, *field_ids: int) -> None:
        """Remove fields; absent ones are fine."""
        for field_id in field_ids:
            self.fields.pop(field_id, None)

    def int_or_none(self, field_id: int) -> int | None:
        """An integer field, or None."""
        value = self.get(field_id)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise MalformedParquet(f"field {field_id} is not an integer")

    def integer(self, field_id: int, default: int | None = None) -> int:
        """An integer field that must be there, unless a default is given."""
        field = self.fields.get(field_id)
        if field is not None and type(field[1]) is int:
            return field[1]
        value = self.int_or_none(field_id)
        if value is None:
            value = default
        if value is None:
            raise MalformedParquet(f"field {field_id} is missing")
        return value

    def boolean(self, field_id: int, *, default: bool) -> bool:
        """A boolean field."""
        value = self.get(field_id)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise MalformedParquet(f"field {field_id} is not a boolean")
        return value

    def blob(self, field_id: int) -> bytes | None:
        """A binary field, or None."""
        value = self.get(field_id)
        if value is None or isinstance(value, bytes):
            return value
        raise MalformedParquet(f"field {field_id} is not binary")

    def struct(self, field_id: int) -> Struct | None:
        """A struct field, or None."""
        value = self.get(field_id)
        if value is None or isinstance(value, Struct):
            return value
        raise MalformedParquet(f"field {field_id} is not a struct")

    def items(self, field_id: int) -> Items | None:
        """A list field, or None."""
        value = self.get(field_id)
        if value is None or isinstance(value, Items):
            return value
        raise MalformedParquet(f"field {field_id} is not a list")


Value = bool | int | bytes | Items | Map | Struct


class _Reader:
    """A cursor over bytes that raises MalformedParquet at the first contradiction, or IndexError
    where the bytes end. Most of what it reads are small integers in structs: those are read there.
    """

    __slots__ = ("data", "depth", "position")

    def __init__(self, data: bytes, position: int) -> None:
        self.data = data
        self.position = position
        self.depth = 0

    def take(self, length: int) -> bytes:
        start = self.position
        end = start + length
        if length < 0 or end > len(self.data):
            raise MalformedParquet(_ENDS_EARLY)
        self.position = end
        return self.data[start:end]

    def byte(self) -> int:
        position = self.position
        self.position = position + 1
        return self.data[position]

    def varint(self) -> int:
        data, position = self.data, self.position
        value = shift = 0
        while True:
            byte = data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                self.position = position
                return value
            shift += 7
            if shift > _VARINT_BITS:
                raise MalformedParquet("thrift integer too long")

    def zigzag(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def value(self, kind: int) -> Value:
        if kind in _INTEGERS:
            return self.zigzag()
        if kind == _BINARY:
            return self.take(self.varint())
        if kind == _STRUCT:
            return self.struct()
        if kind in _COLLECTIONS:
            return self.items()
        return self.rare_value(kind)

    def rare_value(self, kind: int) -> Value:
        if kind == _BYTE:
            return int.from_bytes(self.take(1), "little", signed=True)
        if kind == Kind.DOUBLE:
            return self.take(8)
        if kind == Kind.MAP:
            return self.map()
        raise MalformedParquet(f"thrift type {kind}")

    def items(self) -> Items:
        head = self.byte()
        count, kind = head >> 4, head & 0x0F
        if count == 0x0F:
            count = self.varint()
        if count > len(self.data) - self.position:
            raise MalformedParquet("thrift list longer than its document")
        if kind in _BOOLEANS:
            return Items(kind, [byte == 1 for byte in self.take(count)])
        return Items(kind, [self.value(kind) for _ in range(count)])

    def map(self) -> Map:
        count = self.varint()
        if count == 0:
            return Map(0, 0, [])
        if count > len(self.data) - self.position:
            raise MalformedParquet("thrift map longer than its document")
        kinds = self.byte()
        keys, values = kinds >> 4, kinds & 0x0F
        return Map(keys, values, [(self.value(keys), self.value(values)) for _ in range(count)])

    def struct(self) -> Struct:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise MalformedParquet("thrift nested too deeply")
        data = self.data
        fields: dict[int, tuple[int, Value]] = {}
        field_id = 0
        while head := data[self.position]:
            self.position += 1
            kind, delta = head & 0x0F, head >> 4
            field_id = field_id + delta if delta else self.zigzag()
            if field_id in fields:
                raise MalformedParquet("thrift field twice")
            if kind in _INTEGERS:
                number = data[self.position]
                if number < 0x80:
                    self.position += 1
                else:
                    number = self.varint()
                fields[field_id] = (kind, (number >> 1) ^ -(number & 1))
            elif kind in _BOOLEANS:
                fields[field_id] = (BOOL, kind == _TRUE)
            else:
                fields[field_id] = (kind, self.value(kind))
        self.position += 1
        self.depth -= 1
        return Struct(fields)


def decode(data: bytes, position: int = 0) -> tuple[Struct, int]:
    """The struct that starts at a position, and where it ends."""
    reader = _Reader(data, position)
    try:
        return reader.struct(), reader.position
    except IndexError:
        raise MalformedParquet(_ENDS_EARLY) from None


def encode(document: Struct) -> bytes:
    """The struct as the compact protocol writes it."""
    out = bytearray()
    _write_struct(out, document)
    return bytes(out)


def write_varint(out: bytearray, value: int) -> None:
    """Append an unsigned varint (ULEB128)."""
    while value > 0x7F:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)


def _write_zigzag(out: bytearray, value: int) -> None:
    write_varint(out, ~(value << 1) if value < 0 else value << 1)


def _write_struct(out: bytearray, document: Struct) -> None:
    last = 0
    for field_id, (kind, value) in sorted(document.fields.items()):
        wire = (_TRUE if value else _FALSE) if kind == BOOL else kind
        delta = field_id - last
        if 0 < delta <= 0x0F:
            out.append(delta << 4 | wire)
        else:
            out.append(wire)
            _write_zigzag(out, field_id)
        if kind != BOOL:
            _write_value(out, kind, value)
        last = field_id
    out.append(0)


def _write_value(out: bytearray, kind: int, value: Value) -> None:
    if isinstance(value, int):
        if kind == _BYTE:
            out += struct.pack("b", value)
        elif 0 <= value < 0x40:
            out.append(value << 1)
        else:
            _write_zigzag(out, value)
    elif isinstance(value, Struct):
        _write_struct(out, value)
    elif isinstance(value, bytes):
        if kind == _BINARY:
            write_varint(out, len(value))
        out += value
    elif isinstance(value, Items):
        _write_items(out, value)
    else:
        _write_map(out, value)


def _write_items(out: bytearray, items: Items) -> None:
    if len(items) < 0x0F:
        out.append(len(items) << 4 | items.kind)
    else:
        out.append(0xF0 | items.kind)
        write_varint(out, len(items))
    if items.kind in _BOOLEANS:
        out += bytes(1 if item else 2 for item in items)
        return
    for item in items:
        _write_value(out, items.kind, item)


def _write_map(out: bytearray, value: Map) -> None:
    write_varint(out, len(value.entries))
    if not value.entries:
        return
    out.append(value.key_kind << 4 | value.value_kind)
    for key, item in value.entries:
        _write_value(out, value.key_kind, key)
        _write_value(out, value.value_kind, item)
