"""Reading a file through pyarrow, as the independent witness of what the engine did."""

from __future__ import annotations

import io
import uuid
from collections.abc import Collection, Iterator
from decimal import Decimal
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .errors import only_refusals
from .footer import read_footer
from .ids import (
    UUID_BYTES,
    Id,
    IdColumns,
    IdKey,
    as_spelled,
    composite_ids,
    decimal_of,
    plain_ids,
    uuid_of,
)
from .levels import Bools
from .source import Source


def open_with_arrow(source: Source) -> pq.ParquetFile:
    file = pa.PythonFile(_SourceFile(source), mode="r")
    return pq.ParquetFile(file, page_checksum_verification=True)


class _SourceFile(io.RawIOBase):
    """A source as the file object that Arrow wants."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self._source = source
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._source.size_bytes}
        self._position = base[whence] + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._source.size_bytes - self._position)
        length = left if size < 0 else min(size, left)
        data = self._source.read(self._position, length) if length else b""
        self._position += len(data)
        return data


def rows_held(source: Source, id_columns: IdColumns, ids: Collection[IdKey]) -> int:
    """How many rows hold one of the ids.

    Raises:
        UnsupportedParquet: there is no such id column, or Arrow cannot read it.
    """
    with only_refusals():
        wanted = WantedRows(as_spelled(read_footer(source), id_columns), ids)
        file = open_with_arrow(source)
        groups = range(file.num_row_groups)
        return sum(int(wanted.mask(file, group).sum()) for group in groups)


class WantedRows:
    """The rows of wanted people, by one id column or by several; ids are converted only once."""

    def __init__(self, id_columns: IdColumns, ids: Collection[IdKey]) -> None:
        self.names = [id_columns] if isinstance(id_columns, str) else list(id_columns)
        self.whole = None if isinstance(id_columns, str) else composite_ids(ids)
        self.parts: list[Collection[Id]] = (
            [plain_ids(ids)]
            if self.whole is None
            else [{one[number] for one in self.whole} for number in range(len(self.names))]
        )
        self._values: dict[tuple[int, pa.DataType], pa.Array | set[Any]] = {}
        self._tuples: dict[tuple[pa.DataType, ...], set[tuple[Any, ...]]] = {}

    def mask(self, file: pq.ParquetFile, group: int) -> Bools:
        """One flag per row of a row group: do its id columns hold one of the ids?"""
        columns = [_comparable(file, group, name) for name in self.names]
        masks = [self._is_part(number, column) for number, column in enumerate(columns)]
        mask: Bools = np.logical_and.reduce(masks)
        rows = np.flatnonzero(mask)
        if self.whole is not None and len(rows):
            wanted = self._wanted_tuples(tuple(column.type for column in columns))
            held = [_python_values(column.take(pa.array(rows))) for column in columns]
            mask[rows] = [whole in wanted for whole in zip(*held, strict=True)]
        return mask

    def shared(self, file: pq.ParquetFile, masks: list[Bools], number: int) -> set[Id]:
        """Those values of a part of the ids that a row outside the masks holds."""
        held: set[Any] = set()
        kind = None
        for group, mask in enumerate(masks):
            column = _comparable(file, group, self.names[number])
            kind = column.type
            keep = ~mask & self._is_part(number, column)
            held.update(_python_values(column.filter(pa.array(keep))))
        if kind is None:
            return set()
        return {one for one in self.parts[number] if not held.isdisjoint(_forms(kind, one))}

    def _is_part(self, number: int, column: pa.ChunkedArray) -> Bools:
        key = (number, column.type)
        if key not in self._values:
            self._values[key] = _wanted(column.type, self.parts[number])
        return _is_one_of(column, self._values[key])

    def _wanted_tuples(self, kinds: tuple[pa.DataType, ...]) -> set[tuple[Any, ...]]:
        """The whole ids as values of columns of these types."""
        if kinds not in self._tuples and self.whole is not None:
            forms = [
                {one: _forms(kind, one) for one in part}
                for kind, part in zip(kinds, self.parts, strict=True)
            ]
            self._tuples[kinds] = {
                whole
                for one in self.whole
                for whole in product(*(of[part] for of, part in zip(forms, one, strict=True)))
            }
        return self._tuples[kinds]


def _comparable(file: pq.ParquetFile, group: int, id_column: str) -> pa.ChunkedArray:
    values = _id_values(file.read_row_group(group, columns=[id_column]), id_column)
    kind = values.type
    if isinstance(kind, pa.BaseExtensionType) and not isinstance(kind, pa.UuidType):
        chunks = [chunk.storage for chunk in values.chunks]
        values = pa.chunked_array(chunks, type=kind.storage_type)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    return _without_views(values)


def _without_views(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column in types that Arrow can filter and search: its views it can only convert."""
    kind = _without_view_types(column.type)
    return column if kind == column.type else column.cast(kind)


def _without_view_types(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        return pa.large_list(_field_without_views(kind.value_field))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        make = pa.list_ if pa.types.is_list(kind) else pa.large_list
        return make(_field_without_views(kind.value_field))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_field_without_views(kind.value_field), kind.list_size)
    if pa.types.is_struct(kind):
        return pa.struct([_field_without_views(kind.field(n)) for n in range(kind.num_fields)])
    if pa.types.is_map(kind):
        item = _field_without_views(kind.item_field)
        return pa.map_(_field_without_views(kind.key_field), item, keys_sorted=kind.keys_sorted)
    return kind


def _field_without_views(one: pa.Field) -> pa.Field:
    return one.with_type(_without_view_types(one.type))


def _is_one_of(values: pa.ChunkedArray, wanted: pa.Array | set[Any]) -> Bools:
    if isinstance(wanted, pa.Array):
        comparable = values.cast(wanted.type) if values.type != wanted.type else values
        mask = pc.is_in(comparable, value_set=wanted)
        return np.asarray(mask.to_numpy(zero_copy_only=False), np.bool_)
    return np.array([value in wanted for value in values.to_pylist()], np.bool_)


def _forms(kind: pa.DataType, one: Id) -> list[Any]:
    """The values of the column that mean this part of an id."""
    wanted = _wanted(kind, (one,))
    return list(wanted.to_pylist() if isinstance(wanted, pa.Array) else wanted)


def _python_values(column: pa.ChunkedArray) -> list[Any]:
    """Values as `_forms` has them: texts as their bytes."""
    return [one.encode() if isinstance(one, str) else one for one in column.to_pylist()]


def _id_values(table: pa.Table, id_column: str) -> pa.ChunkedArray:
    """The id column, out of its structs; a null parent makes a null."""
    if id_column in table.column_names:
        return table[id_column]
    name = table.column_names[0]  # the only one that was read; it may hold dots itself
    values, rest = table[name], id_column[len(name) + 1 :]
    while rest:
        fields = [field.name for field in values.type.fields]
        name = next(one for one in fields if rest == one or rest.startswith(f"{one}."))
        chunks = [pc.struct_field(chunk, [name]) for chunk in values.chunks]
        values = pa.chunked_array(chunks, type=values.type.field(name).type)
        rest = rest[len(name) + 1 :]
    return values


def _wanted(kind: pa.DataType, ids: Collection[Id]) -> pa.Array | set[Any]:
    """The ids as values of an Arrow type; an array to compare with, or a set."""
    raw = {one if isinstance(one, bytes) else str(one).encode() for one in ids}
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.array(sorted(raw), pa.binary()).cast(pa.large_binary())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.array(sorted(raw), pa.large_binary())
    texts = {one.decode("utf-8", "replace") for one in raw}
    if pa.types.is_integer(kind):
        return {int(text) for text in texts if _is_canonical(text)}
    if pa.types.is_floating(kind):
        return {float(int(text)) for text in texts if _is_canonical(text)}
    if pa.types.is_decimal(kind):
        typed = {one for one in ids if isinstance(one, Decimal)}
        numbers = (decimal_of(text, kind.scale) for text in texts)
        return typed | {number for number in numbers if number is not None}
    uuids = {one for text in texts if (one := uuid_of(text)) is not None}
    if isinstance(kind, pa.UuidType):
        given = {one for one in ids if isinstance(one, bytes) and len(one) == UUID_BYTES}
        return uuids | {uuid.UUID(bytes=one) for one in given}
    return raw | {one.bytes for one in uuids}


def _is_canonical(text: str) -> bool:
    try:
        return len(text) < 40 and str(int(text)) == text
    except ValueError:
        return False


def column_of(file: pq.ParquetFile, group: int, number: int) -> pa.ChunkedArray:
    """One top-level column, by position since names may repeat or hold dots."""
    name = file.schema_arrow.names[number]
    leaves = [
        column
        for column in range(len(file.schema))
        if file.schema.column(column).path.split(".")[0] == name
    ]
    if "." in name or file.schema_arrow.names.count(name) > 1 or not leaves:
        return _without_views(file.read_row_group(group).column(number))
    return _without_views(file.reader.read_row_group(group, column_indices=leaves).column(0))


def is_same(before: pa.ChunkedArray, after: pa.ChunkedArray) -> bool:
    if before.type != after.type or len(before) != len(after):
        return False
    # NaN does not equal itself; its text does.
    return bool(before.equals(after)) or repr(before.to_pylist()) == repr(after.to_pylist())


def leaf_texts(column: pa.ChunkedArray) -> list[pa.Array]:
    return [leaf for chunk in column.chunks for leaf in _leaves(chunk)]


def _leaves(array: pa.Array) -> Iterator[pa.Array]:
    """The byte strings at the leaves of a column, whatever holds them."""
    kind = array.type
    inner = _inner(array)
    if inner is not None:
        for part in inner:
            yield from _leaves(part)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        yield array.cast(pa.large_string()).cast(pa.large_binary())
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        yield array.cast(pa.large_binary())


def _inner(array: pa.Array) -> list[pa.Array] | None:
    """What an array is made of; None for a leaf."""
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return [array.storage]
    if pa.types.is_dictionary(kind):
        return [array.cast(kind.value_type)]
    if pa.types.is_struct(kind):
        return list(array.flatten())
    if pa.types.is_map(kind):
        return [array.keys, array.items]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return [array.flatten()]
    return None
