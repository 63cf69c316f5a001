"""Finds wanted identifiers in a column: as text, by the column's type, never by conversion of rows.

An identifier that is not written as the column's type would write it names nobody: "0012" is not
the number 12. Where a column could be read in two ways, it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from erasure_shared.errors import Rejected

_UUID_BYTES = 16
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,19}", re.ASCII)


class IdColumn:
    """The column of a file that says whose row it is; `a.b` is the field b of the struct a."""

    def __init__(self, schema: pa.Schema, name: str, ids: Collection[str]) -> None:
        """Find the column in the file's schema.

        Raises:
            Rejected: it is missing, or its type is none that holds identifiers.
        """
        self._path = _path(schema, name)
        self.type = _plain(_type_at(schema, self._path, name))
        texts_by_value = _values(self.type, ids, name)
        self._texts = list(texts_by_value.values())
        self._values = pa.array(list(texts_by_value), type=self.type)

    @property
    def column(self) -> str:
        """The name to read from the file, nested fields with it."""
        return self._path[0]

    @property
    def leaf(self) -> str:
        """The path of the column's values in Parquet's own schema."""
        return ".".join(self._path)

    def positions(self, table: pa.Table) -> pa.ChunkedArray:
        """For each row the number of the wanted identifier that it holds, or null."""
        column = table.column(table.schema.get_field_index(self.column))
        chunks = [self._positions(chunk) for chunk in column.chunks]
        return pa.chunked_array(chunks, type=pa.int32())

    def counts(self, positions: pa.ChunkedArray) -> dict[str, int]:
        """How many rows each identifier has, by the text that was wanted."""
        counts: dict[str, int] = {}
        for entry in pc.value_counts(positions.drop_null()).to_pylist():
            counts[self._texts[entry["values"]]] = entry["counts"]
        return counts

    def holds(self, values: pa.Array) -> bool:
        """Whether any of these plain values is a wanted identifier."""
        return bool(self._find(values).null_count < len(values))

    def holds_bound(self, bound: object) -> bool:
        """Whether a statistics' minimum or maximum is a wanted identifier."""
        try:
            return self.holds(pa.array([bound], type=self.type))
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            return False

    def _positions(self, chunk: pa.Array) -> pa.Array:
        for field in self._path[1:]:
            chunk = pc.struct_field(chunk, field)
        if isinstance(chunk, pa.DictionaryArray):
            return self._find(chunk.dictionary).take(chunk.indices)
        return self._find(chunk)

    def _find(self, values: pa.Array) -> pa.Array:
        if isinstance(values, pa.ExtensionArray):
            values = values.storage
        if values.type != self.type:
            values = values.cast(self.type)
        return pc.index_in(values, value_set=self._values, skip_nulls=True)


def _path(schema: pa.Schema, name: str) -> tuple[str, ...]:
    """The whole name as one column where there is one, otherwise field by field."""
    for parts in ((name,), tuple(name.split("."))):
        found = _resolve(schema, parts)
        if found is not None:
            return found
    raise Rejected("the object lacks the id column", column=name, reason_code="ID_COLUMN_MISSING")


def _resolve(schema: pa.Schema, parts: tuple[str, ...]) -> tuple[str, ...] | None:
    """As written or, like Athena, whatever its case, where only one column is meant."""
    fields, found = list(schema), []
    for part in parts:
        names = [field.name for field in fields]
        matches = [n for n in names if n == part] or [n for n in names if n.lower() == part.lower()]
        if len(matches) != 1:
            return None
        found.append(matches[0])
        kind = fields[names.index(matches[0])].type
        fields = list(kind) if pa.types.is_struct(kind) else []
    return tuple(found)


def _type_at(schema: pa.Schema, path: tuple[str, ...], name: str) -> pa.DataType:
    kind = schema.field(path[0]).type
    for part in path[1:]:
        kind = kind.field(part).type
    if pa.types.is_nested(kind):
        raise _unsupported(name, kind)
    return kind


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type in which values are compared."""
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(kind.storage_type)
    if kind in (pa.string(), pa.string_view()):
        return pa.large_string()
    if kind in (pa.binary(), pa.binary_view()):
        return pa.large_binary()
    return kind


def _values(kind: pa.DataType, ids: Collection[str], name: str) -> Mapping[Any, str]:
    """The wanted values of the column's type, each with the text that was wanted."""
    if pa.types.is_large_string(kind):
        return {text: text for text in ids}
    if pa.types.is_integer(kind):
        return {n: text for text in ids if (n := _integer(text, kind)) is not None}
    if pa.types.is_decimal(kind):
        return {d: text for text in ids if (d := _decimal(text, kind)) is not None}
    if pa.types.is_large_binary(kind):
        return {text.encode(): text for text in ids}
    if pa.types.is_fixed_size_binary(kind):
        return _fixed_values(kind.byte_width, ids)
    raise _unsupported(name, kind)


def _fixed_values(width: int, ids: Collection[str]) -> dict[bytes, str]:
    values = {text.encode(): text for text in ids if len(text.encode()) == width}
    if width == _UUID_BYTES:
        for text in ids:
            with suppress(ValueError):
                if str(UUID(text)) == text:
                    values[UUID(text).bytes] = text
    return values


def _integer(text: str, kind: pa.DataType) -> int | None:
    if not _INTEGER.fullmatch(text):
        return None
    with suppress(pa.ArrowInvalid, OverflowError):
        return int(pa.scalar(int(text), type=kind).as_py())
    return None


def _decimal(text: str, kind: pa.DataType) -> Decimal | None:
    """The number, where the column would write it with just these digits."""
    try:
        value: Decimal | None = pa.scalar(Decimal(text), type=kind).as_py()
    except (InvalidOperation, pa.ArrowInvalid, ValueError):
        return None
    return value if value is not None and f"{value:f}" == text else None


def _unsupported(name: str, kind: pa.DataType) -> Rejected:
    return Rejected(
        "the id column's type holds no identifiers that can be compared",
        column=name,
        type=kind.id if pa.types.is_nested(kind) else kind,
        reason_code="ID_COLUMN_UNSUPPORTED",
    )
