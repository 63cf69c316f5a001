"""A rewrite that is not what was planned is stopped, whichever way it is wrong."""

from __future__ import annotations

from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from erasure_purge.core import Erasure
from erasure_purge.rewrite.ids import IdColumn
from erasure_purge.rewrite.verification import verify
from erasure_shared.errors import Corrupted
from tests.unit.purge.parquet_files import parquet

IDS = pa.array(["ann", "bob", "eve"])
BEFORE = pa.table({"profile_id": IDS, "n": [1.0, float("nan"), 3.0]})
ERASURE = Erasure(rows_before=3, rows_by_id={"ann": 1})


def check(before: pa.Table, after: bytes) -> None:
    original = pq.ParquetFile(BytesIO(parquet(before)))
    wanted = IdColumn(original.schema_arrow, "profile_id", ["ann"])
    verify(original, BytesIO(after), wanted, ERASURE, lambda: None)


def test_the_planned_rewrite_passes() -> None:
    check(BEFORE, parquet(BEFORE.slice(1)))


@pytest.mark.parametrize(
    ("after", "differs"),
    [
        (BEFORE, "row count"),
        (BEFORE.slice(2), "row count"),
        (BEFORE.slice(0, 2), "kept rows"),
        (BEFORE.take([2, 1]), "kept rows"),
        (BEFORE.slice(1).set_column(1, "n", pa.array([0.0, 3.0])), "kept rows"),
        (BEFORE.slice(1).set_column(1, "n", pa.array([None, 3.0])), "kept rows"),
        (BEFORE.slice(1).rename_columns(["profile_id", "m"]), "schema"),
        (BEFORE.slice(1).replace_schema_metadata({"a": "b"}), "schema"),
    ],
)
def test_another_rewrite_is_stopped(after: pa.Table, differs: str) -> None:
    with pytest.raises(Corrupted, match=differs):
        check(BEFORE, parquet(after))


def test_another_row_group_is_stopped() -> None:
    with pytest.raises(Corrupted):
        check(BEFORE, parquet(BEFORE.slice(1), row_group_size=1))


def test_an_erased_value_that_stays_in_a_dictionary_is_stopped() -> None:
    before = BEFORE.append_column("email", pa.array(["a@x", "b@x", "e@x"]).dictionary_encode())

    with pytest.raises(Corrupted, match="categories"):
        check(before, parquet(before.slice(1)))


def test_an_erased_id_that_stays_in_the_ids_own_dictionary_is_stopped() -> None:
    before = BEFORE.set_column(0, "profile_id", IDS.dictionary_encode())

    with pytest.raises(Corrupted):
        check(before, parquet(before.slice(1)))
