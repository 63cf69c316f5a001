"""Files without rows, and row groups without rows, are files like any other."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from erasure_purge.parquet import InMemory, Unit, plan_erasure, scan, verify
from erasure_purge.parquet.errors import IdColumnMissing
from tests.unit.parquet.people import ID, applied, erased, ids_in, written

_SCHEMA = pa.schema([(ID, pa.string()), ("tenant", pa.int64())])


def _groups(*rows: Sequence[str]) -> InMemory:
    """One row group for each of these, however many rows it has."""
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, _SCHEMA) as writer:
        for ids in rows:
            writer.write_table(pa.table([list(ids), [1] * len(ids)], schema=_SCHEMA))
    return InMemory(sink.getvalue())


@pytest.mark.parametrize("source", [_groups(), _groups([]), _groups([], [])])
def test_nobody_is_in_a_file_without_rows(source: InMemory) -> None:
    for column, ids in ((ID, ["ann"]), ((ID, "tenant"), [("ann", 1)])):
        plan = plan_erasure(source, column, ids)

        assert not plan.changes
        assert not plan.empties
        assert applied(plan, source).data == source.data
        assert verify(source, applied(plan, source), column, ids, plan=plan).holds
        assert scan(source, column, ids).is_clean


def test_a_row_group_without_rows_stays_between_others() -> None:
    source = _groups(["ann", "bob"], [], ["ann", "eve"])
    assert pq.ParquetFile(pa.BufferReader(source.data)).num_row_groups == 3

    plan = plan_erasure(source, ID, ["ann"])
    after = applied(plan, source)

    assert [group.unit for group in plan.report.groups] == [Unit.PAGE, Unit.NONE, Unit.PAGE]
    assert ids_in(after) == ["bob", "eve"]
    assert verify(source, after, ID, ["ann"], plan=plan).problems == []


def test_erasing_from_what_was_emptied_changes_nothing() -> None:
    emptied = erased(_groups(["ann"]), ["ann"])

    assert not plan_erasure(emptied, ID, ["ann"]).changes
    assert ids_in(emptied) == []


def test_a_file_without_columns_lacks_the_id_column() -> None:
    with pytest.raises(IdColumnMissing):
        plan_erasure(written(pa.table({})), ID, ["ann"])
