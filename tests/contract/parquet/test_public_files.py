"""The public Parquet test files, corrupt and exotic ones too: right, or refused by name.

They lie beside the repository or where ERASURE_PARQUET_TESTING says (apache/parquet-testing).
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from erasure_purge.parquet import (
    InMemory,
    LocalFile,
    UnsupportedParquet,
    plan_erasure,
    planned_bytes,
    scan,
    verify,
)
from erasure_purge.parquet.footer import read_footer
from tests.contract.parquet.named_rows import NAMES, name_of, with_named_rows

_BESIDE = Path(__file__).parents[4] / "shared" / "data" / "parquet-testing"
FOLDER = Path(os.environ.get("ERASURE_PARQUET_TESTING", _BESIDE))
FILES = sorted(FOLDER.rglob("*.parquet"))
MUST_BE_REFUSED = {
    "ARROW-GH-41317.parquet": "UNREADABLE_PARQUET",
    "ARROW-GH-47662.parquet": "UNREADABLE_PARQUET",
    "datapage_v1-corrupt-checksum.parquet": "CHECKSUM_MISMATCH",
    "nation.dict-malformed.parquet": "UNREADABLE_PARQUET",
    "rle-dict-uncompressed-corrupt-checksum.parquet": "CHECKSUM_MISMATCH",
}
NOT_READ_BY_PYARROW = {"ARROW-RS-GH-6229-LEVELS.parquet", "large_string_map.brotli.parquet"}
NOT_READ_BY_DUCKDB = {"map_no_value.parquet"}
BIG = {"large_string_map.brotli.parquet", "overflow_i16_page_cnt.parquet"}  # unpacked, or in pages

pytestmark = pytest.mark.skipif(not FILES, reason="the public files are not here")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_public_file_is_erased_from_rightly_or_refused_by_name(path: Path) -> None:
    with LocalFile(path) as source:
        try:
            columns = [leaf.name for leaf in read_footer(source).leaves]
        except UnsupportedParquet:
            return
        for column in columns:
            _erase_one(source, path, column)


def _erase_one(source: LocalFile, path: Path, column: str) -> None:
    ids = [_first_value(path, column)]
    refusal: UnsupportedParquet | None = None
    try:
        plan = plan_erasure(source, column, ids, trust_statistics=False)
    except UnsupportedParquet as error:
        refusal = error
    if refusal is not None:
        assert refusal.reason in {MUST_BE_REFUSED.get(path.name), "ID_COLUMN_UNSUPPORTED"}
        return
    if plan.changes:
        after = InMemory(b"".join(planned_bytes(plan, source)))
        proof = verify(source, after, column, ids, plan=plan)
        assert proof.problems == []
        assert proof.rows_erased == plan.rows_erased > 0


def _first_value(path: Path, column: str) -> Any:
    """A value of the column as an id; something that matches nothing if there is none."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException):
        return "x"
    if column in table.column_names:
        values = table[column]
    else:
        first, *rest = column.split(".")
        try:
            chunks = [pc.struct_field(chunk, rest) for chunk in table[first].chunks]
        except (KeyError, TypeError, ValueError, pa.ArrowException):
            return "x"
        values = pa.chunked_array(chunks) if chunks else pa.chunked_array([pa.array([])])
    found = [value for value in values.to_pylist() if value is not None]
    if not found:
        return "x"
    return found[0] if isinstance(found[0], str | bytes) else str(found[0])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_rows_leave_a_public_file_whatever_its_columns_are(path: Path, tmp_path: Path) -> None:
    """Its own pages, with a column of row names beside them, so that any row can be erased."""
    source = with_named_rows(LocalFile(path))
    rows = read_footer(source).num_rows
    for chosen in _choices(rows, few=path.name in BIG):
        ids = {name_of(row) for row in chosen}
        if path.name in MUST_BE_REFUSED:
            with pytest.raises(UnsupportedParquet) as refusal:
                plan_erasure(source, NAMES, ids)
            assert refusal.value.reason == MUST_BE_REFUSED[path.name]
            continue
        plan = plan_erasure(source, NAMES, ids)
        after = InMemory(b"".join(planned_bytes(plan, source)))

        assert plan.rows_erased == len(chosen)
        if path.name not in NOT_READ_BY_PYARROW:
            assert verify(source, after, NAMES, ids, plan=plan).problems == []
        if path.name not in NOT_READ_BY_DUCKDB | BIG:
            assert _by_duckdb(after, tmp_path) == [
                row for row in _by_duckdb(source, tmp_path) if row[-1] not in ids
            ]


def _choices(rows: int, *, few: bool) -> list[list[int]]:
    """The first row; some everywhere; a stretch."""
    if rows == 0:
        return []
    everywhere, middle = range(0, rows, max(3, rows // 200)), rows // 2
    stretch = range(max(0, middle - 100), middle + 1)
    return [[0]] if few else [[0], list(everywhere), list(stretch)]


def _by_duckdb(source: InMemory, folder: Path) -> list[tuple[object, ...]]:
    """The rows, in a form in which NaN equals itself."""
    path = folder / "read.parquet"
    path.write_bytes(source.data)
    with duckdb.connect() as connection:
        rows = connection.sql("from read_parquet(?)", params=[str(path)]).fetchall()
    return [(*map(repr, row[:-1]), row[-1]) for row in rows]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_public_file_cut_short_or_bent_crashes_with_nothing_but_a_refusal(path: Path) -> None:
    whole = path.read_bytes()
    column = _some_column(path)
    for bent in _bent(whole):
        source = InMemory(bent)
        with contextlib.suppress(UnsupportedParquet):
            plan_erasure(source, column, ["1", "x"])
        with contextlib.suppress(UnsupportedParquet):
            scan(source, column, ["1", "x"])


def _some_column(path: Path) -> str:
    with LocalFile(path) as source:
        try:
            return read_footer(source).leaves[0].name
        except UnsupportedParquet:
            return "x"


def _bent(whole: bytes) -> list[bytes]:
    """Truncated files, and files with one byte changed here and there."""
    bent = [whole[: len(whole) * share // 10] for share in range(0, 10, 3)]
    bent.append(whole[:4] + whole[-64:])
    bent += [
        whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]
        for place in range(7, len(whole), max(1, len(whole) // 12))
    ]
    return bent
