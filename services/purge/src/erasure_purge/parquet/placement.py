"""Where chunks and row groups come to lie in the new file, and how their metadata says so."""

from __future__ import annotations

from collections.abc import Sequence

from .footer import ChunkField, GroupField, MetaField, group_columns
from .found import GroupFound
from .segments import Copy
from .thrift_compact import Items, Kind, Struct


def shared_dictionaries(groups: list[Struct], found: Sequence[GroupFound]) -> set[tuple[int, int]]:
    """(row group, column) whose dictionary may be a copy of one in a group that loses rows.

    Recognized without reading anything: copies are of one size.
    """
    sizes = [[_dictionary_bytes(chunk) for chunk in group_columns(group)] for group in groups]
    touched = [n for n, one in enumerate(found) if len(one.rows) or one.is_stale_in_dictionary]
    return {
        (number, column)
        for number, row in enumerate(sizes)
        for column, size in enumerate(row)
        if size and any(sizes[other][column] == size for other in touched if other != number)
    }


def _dictionary_bytes(chunk: Struct) -> int:
    """The dictionary page's size, by the distance of the first data page; 0 without one."""
    meta = chunk.struct(ChunkField.META)
    if meta is None:
        return 0
    start = meta.integer(MetaField.DICTIONARY_OFFSET, 0)
    return max(0, meta.integer(MetaField.DATA_PAGE_OFFSET, 0) - start) if start > 0 else 0


def range_of(chunk: Struct, offset_field: int) -> Copy | None:
    offset = chunk.integer(offset_field, 0)
    return Copy(offset, chunk.integer(offset_field + 1, 0)) if offset else None


_OFFSET_FIELDS = (
    MetaField.DATA_PAGE_OFFSET,
    MetaField.INDEX_PAGE_OFFSET,
    MetaField.DICTIONARY_OFFSET,
)


def moved_meta(meta: Struct, distance: int) -> Struct:
    moved = Struct(dict(meta.fields))
    for offset_field in _OFFSET_FIELDS:
        offset = meta.integer(offset_field, 0)
        if offset > 0:
            moved.set_int(offset_field, offset + distance)
    return moved


def place_meta(meta: Struct, at: int, first_data: int) -> None:
    """Say where a cut chunk's pages start, in the manner of its writer."""
    has_dictionary = first_data > at
    states_dictionary = meta.integer(MetaField.DICTIONARY_OFFSET, 0) > 0
    if states_dictionary:
        meta.set_int(MetaField.DICTIONARY_OFFSET, at)
    # Some old writers let the data page offset point at the dictionary and state none.
    starts_at_dictionary = has_dictionary and not states_dictionary
    meta.set_int(MetaField.DATA_PAGE_OFFSET, at if starts_at_dictionary else first_data)
    meta.drop(MetaField.INDEX_PAGE_OFFSET)


def move_file_offset(chunk: Struct, start: int, end: int, at: int) -> None:
    """The deprecated file_offset: 0 stays 0, a place in the chunk moves with it."""
    old = chunk.integer(ChunkField.FILE_OFFSET, 0)
    if old:
        chunk.set_int(ChunkField.FILE_OFFSET, at + (old - start if start <= old < end else 0))


def revised_group(group: Struct, chunks: list[Struct], start: int) -> Struct:
    """The row group over its new chunks, with sizes and offset in line."""
    revised = Struct(dict(group.fields))
    columns = group.items(GroupField.COLUMNS)
    assert columns is not None, "the footer was checked"
    revised.set(GroupField.COLUMNS, Kind.LIST, Items(columns.kind, chunks))
    metas = [meta for chunk in chunks if (meta := chunk.struct(ChunkField.META)) is not None]
    olds = [meta for old in columns.structs() if (meta := old.struct(ChunkField.META)) is not None]
    for group_field, meta_field in (
        (GroupField.TOTAL_BYTE_SIZE, MetaField.TOTAL_UNCOMPRESSED),
        (GroupField.TOTAL_COMPRESSED_SIZE, MetaField.TOTAL_COMPRESSED),
    ):
        total = revised.int_or_none(group_field)
        if total:
            change = sum(m.integer(meta_field) for m in metas) - sum(
                m.integer(meta_field) for m in olds
            )
            revised.set_int(group_field, max(0, total + change))
    if group.integer(GroupField.FILE_OFFSET, 0):
        revised.set_int(GroupField.FILE_OFFSET, start)
    return revised
