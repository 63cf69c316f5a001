"""Parquet files for tests, as bytes."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from erasure_purge.core import Erasure
from erasure_purge.rewrite import erase


def parquet(table: pa.Table, **options: Any) -> bytes:
    """The table as a file."""
    file = BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def profiles(*ids: str | None, **options: Any) -> bytes:
    """A row for each id, with a note that names it."""
    notes = [f"note of {text}" for text in ids]
    table = pa.table({"profile_id": pa.array(ids, pa.string()), "note": notes})
    return parquet(table, **options)


def stale_profiles(*, kept: str, gone: str) -> bytes:
    """A row, and a dictionary that also holds somebody whose row was filtered out."""
    ids = pa.DictionaryArray.from_arrays(pa.array([0]), pa.array([kept, gone]))
    table = pa.table({"profile_id": ids})
    return parquet(table, compression="none", write_statistics=False)


def table_of(rows: int) -> pa.Table:
    """People with 100 bytes each that do not pack."""
    noise = np.random.default_rng(1)
    notes = pa.array([noise.bytes(100) for _ in range(rows)], pa.binary())
    return pa.table({"profile_id": [f"person-{n}" for n in range(rows)], "note": notes})


def read(content: bytes) -> pa.Table:
    """The file as a table."""
    return pq.ParquetFile(BytesIO(content)).read()


def ids_in(content: bytes) -> list[str]:
    """Whose rows the file holds, in order."""
    ids: list[str] = read(content).column("profile_id").to_pylist()
    return ids


def erased(content: bytes, *ids: str, column: str = "profile_id") -> tuple[Erasure, bytes]:
    """What the engine says and writes."""
    target = BytesIO()
    erasure = erase(BytesIO(content), target, column, ids)
    return erasure, target.getvalue()
