"""Files of up to a gigabyte: the row groups of two files one after the other, byte for byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq

from erasure_purge.parquet import LocalFile
from erasure_purge.parquet.footer import (
    MAGIC,
    FileField,
    Footer,
    GroupField,
    MetaField,
    footer_bytes,
    group_columns,
    read_footer,
)
from erasure_purge.parquet.thrift_compact import Items, Kind, Struct

from .data import ID, people

_CHUNK_META = 3
_COPY_BYTES = 4 * 1024 * 1024


def large_file(folder: Path, groups: int, rows: int) -> Path:
    """A file of so many row groups; one person of the first is in `ids_large`.

    The row groups after the first hold the same people, none of whom is in the first.
    """
    parts = [folder / f"part{number}_{rows}.tmp" for number in (1, 2)]
    for seed, part in enumerate(parts, start=1):
        if not part.exists():
            _make_part(part, rows, seed)
    path = folder / "large.tmp"
    _join([parts[0], *[parts[1]] * (groups - 1)], path)
    return path


def _make_part(path: Path, rows: int, seed: int) -> None:
    table = people(rows, seed=seed)
    if seed == 1:
        (path.parent / "ids_large").write_text(str(table[ID][0]))
    partial = path.with_suffix(".half")
    pq.write_table(table, partial, compression="gzip", compression_level=6, row_group_size=rows)
    partial.rename(path)


def _join(parts: list[Path], path: Path) -> None:
    """One file with every part's row groups, under the first part's schema."""
    groups: list[Struct] = []
    with path.open("wb") as out:
        out.write(MAGIC)
        for part in parts:
            with LocalFile(part) as source:
                footer = read_footer(source)
            moved_by = out.tell() - len(MAGIC)
            with part.open("rb") as body:
                body.seek(len(MAGIC))
                shutil.copyfileobj(body, out, _COPY_BYTES)
            out.truncate(moved_by + footer.offset)
            out.seek(0, 2)
            groups += [_moved(group, moved_by) for group in footer.row_groups]
        for number, group in enumerate(groups):
            group.set_int(GroupField.ORDINAL, number, Kind.I16)
        out.write(footer_bytes(_document(footer, groups)))


def _moved(group: Struct, by: int) -> Struct:
    group.set_int(GroupField.FILE_OFFSET, group.integer(GroupField.FILE_OFFSET) + by)
    for chunk in group_columns(group):
        meta = chunk.struct(_CHUNK_META)
        assert meta is not None, "pyarrow writes it"
        for place in (MetaField.DATA_PAGE_OFFSET, MetaField.DICTIONARY_OFFSET):
            if place in meta:
                meta.set_int(place, meta.integer(place) + by)
    return group


def _document(footer: Footer, groups: list[Struct]) -> Struct:
    document = footer.document
    document.set(FileField.ROW_GROUPS, Kind.LIST, Items(Kind.STRUCT, groups))
    document.set_int(
        FileField.NUM_ROWS, sum(group.integer(GroupField.NUM_ROWS) for group in groups)
    )
    return document
