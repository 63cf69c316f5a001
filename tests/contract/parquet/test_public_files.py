"""The public Parquet test files, corrupt and exotic ones too: right, or refused by name.

They lie beside the repository or where ERASURE_PARQUET_TESTING says (apache/parquet-testing).
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

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

_BESIDE = Path(__file__).parents[4] / "shared" / "data" / "parquet-testing"
FOLDER = Path(os.environ.get("ERASURE_PARQUET_TESTING", _BESIDE))
FILES = sorted(FOLDER.rglob("*.parquet"))
MUST_BE_REFUSED = {
    "datapage_v1-corrupt-checksum.parquet": "CHECKSUM_MISMATCH",
    "rle-dict-uncompressed-corrupt-checksum.parquet": "CHECKSUM_MISMATCH",
    "nation.dict-malformed.parquet": "UNREADABLE_PARQUET",
}

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
    if path.name in MUST_BE_REFUSED:
        assert refusal is not None
        assert refusal.reason == MUST_BE_REFUSED[path.name]
    if refusal is not None:
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
