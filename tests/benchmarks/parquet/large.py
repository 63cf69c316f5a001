"""Files of up to a gigabyte, all of the same row groups."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq

from erasure_purge.parquet import LocalFile
from erasure_purge.parquet.footer import (
    FileField,
    GroupField,
    chunk_meta,
    chunk_range,
    footer_bytes,
    group_columns,
    read_footer,
)
from erasure_purge.parquet.thrift_compact import Items, Kind

from .data import ID, people


def large_file(folder: Path, groups: int, rows: int, *, most: int) -> Path:
    """A file of many row groups; one person of the first is in `ids_large`.

    The largest is made once (the row groups after the first hold the same people); the others are
    its beginning, with a footer of their own.
    """
    whole = folder / "large" / f"{most}x{rows}.parquet"
    if not whole.exists():
        _make_large(whole, most, rows)
    path = whole.with_name(f"{groups}x{rows}.parquet")
    if not path.exists():
        _cut_after(whole, groups, path)
    return path


def _make_large(path: Path, groups: int, rows: int) -> None:
    path.parent.mkdir(exist_ok=True)
    first, others = people(rows, seed=1), people(rows, seed=2)
    partial = path.with_suffix(".part")
    with pq.ParquetWriter(
        partial, first.schema, compression="gzip", compression_level=6, store_schema=False
    ) as writer:
        for number in range(groups):
            writer.write_table(others if number else first, row_group_size=rows)
    (path.parent / "ids_large").write_text(str(first[ID][0]))
    partial.rename(path)


def _cut_after(whole: Path, groups: int, path: Path) -> None:
    """The first row groups of a file, byte for byte."""
    with LocalFile(whole) as source:
        footer = read_footer(source)
    kept = footer.row_groups[:groups]
    columns = zip(group_columns(kept[-1]), footer.leaves, strict=True)
    end = max(chunk_range(chunk_meta(chunk, leaf))[1] for chunk, leaf in columns)
    footer.document.set(FileField.ROW_GROUPS, Kind.LIST, Items(Kind.STRUCT, kept))
    rows = sum(group.integer(GroupField.NUM_ROWS) for group in kept)
    footer.document.set_int(FileField.NUM_ROWS, rows)
    partial = path.with_suffix(".part")
    shutil.copyfile(whole, partial)
    os.truncate(partial, end)
    with partial.open("ab") as file:
        file.write(footer_bytes(footer.document))
    partial.rename(path)
