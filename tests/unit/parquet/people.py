"""Small files of people, in memory."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from erasure_purge.parquet import ErasurePlan, InMemory, Source, plan_erasure, planned_bytes

ID = "profile_id"


def file_of(ids: Sequence[Any], **options: Any) -> InMemory:
    """One row per id, with a text that only that row holds."""
    table = pa.table({ID: pa.array(ids), "note": [f"note-of-row-{n:04}" for n in range(len(ids))]})
    return written(table, **options)


def written(table: pa.Table, **options: Any) -> InMemory:
    """A table as pyarrow writes it."""
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return InMemory(sink.getvalue())


def erased(source: Source, ids: Sequence[Any], column: str = ID) -> InMemory:
    """The file without these people."""
    return applied(plan_erasure(source, column, ids), source)


def applied(plan: ErasurePlan, source: Source) -> InMemory:
    """The planned file."""
    return InMemory(b"".join(planned_bytes(plan, source)))


def ids_in(source: InMemory, column: str = ID) -> list[Any]:
    """The ids that are left."""
    values: list[Any] = pq.read_table(io.BytesIO(source.data))[column].to_pylist()
    return values
