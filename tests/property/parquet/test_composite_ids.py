"""People named by two columns together: whatever the file, just their rows go.

ERASURE_FUZZ_EXAMPLES=2000 makes a long run of it.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, event, given

pytest.importorskip("polars")

from erasure_purge.parquet import InMemory, plan_erasure, planned_bytes, scan, verify
from tests.property.parquet import witnesses
from tests.property.parquet.files import ID, Shape, shapes, table, write
from tests.property.parquet.fuzzing import fuzz

TENANT = "tenant"
_TENANTS = (
    (pa.string(), ["acme-corporation", "globex-industries", None, "a"]),
    (pa.int64(), [1, -2, 30_000_000_000, None]),
    (pa.binary(3), [b"abc", b"xyz", None, b"\0\0\0"]),
    (pa.dictionary(pa.int32(), pa.string()), ["acme-corporation", "globex-industries", None, ""]),
)
Pair = tuple[str, str | int | bytes]


def _rows(shape: Shape, number: int) -> pa.Table:
    """The shape's rows, each of one of a few tenants."""
    rng = random.Random(shape.seed)
    kind, values = _TENANTS[number]
    tenants = [rng.choice(values) for _ in range(shape.rows)]
    return table(shape).append_column(TENANT, pa.array(tenants, kind))


def _file(shape: Shape, rows: pa.Table) -> InMemory:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "before.parquet"
        try:
            write(shape, rows, path)
            pq.read_table(path)
        except Exception:  # noqa: BLE001 - a writer's own limits are not our subject
            assume(False)
        return InMemory(path.read_bytes())


def _some(rows: pa.Table, seed: int, tenants: int) -> list[Pair]:
    """Some of the file's pairs, and some that may not be there."""
    rng = random.Random(seed)
    pairs = _pairs(rows)
    there = [(one, tenant) for one, tenant in pairs if one is not None and tenant is not None]
    chosen = rng.sample(there, min(len(there), rng.choice([1, 2, max(1, len(there) // 4)])))
    others = [tenant for tenant in _TENANTS[tenants][1] if tenant is not None]
    crossed = [(one, rng.choice(others)) for one, _ in chosen if rng.random() < 0.3]
    return [*chosen, *crossed]


def _pairs(rows: pa.Table) -> list[tuple[str | None, str | int | bytes | None]]:
    tenants = rows[TENANT].to_pylist()
    return list(zip(rows[ID].to_pylist(), tenants, strict=True))


def _erased(source: InMemory, ids: list[Pair]) -> InMemory:
    return InMemory(b"".join(planned_bytes(plan_erasure(source, (ID, TENANT), ids), source)))


@fuzz
@given(
    shape=shapes(),
    tenants=st.integers(0, len(_TENANTS) - 1),
    chosen=st.integers(0, 1 << 30),
    trust=st.booleans(),
)
def test_just_the_rows_that_match_in_both_columns_go(
    shape: Shape, tenants: int, chosen: int, trust: bool
) -> None:
    rows = _rows(shape, tenants)
    before = _file(shape, rows)
    ids = _some(rows, chosen, tenants)

    plan = plan_erasure(before, (ID, TENANT), ids, trust_statistics=trust, window_bytes=512)
    after = InMemory(b"".join(planned_bytes(plan, before)))

    event(f"{shape.writer} {_TENANTS[tenants][0]} {plan.changes}")
    wanted = set(ids)
    keep = [pair not in wanted for pair in _pairs(rows)]
    left = _pairs(pq.read_table(pa.BufferReader(after.data)))
    assert left == [pair for pair, kept in zip(_pairs(rows), keep, strict=True) if kept]
    assert plan.rows_erased == keep.count(False) == sum(plan.rows_by_id.values())
    proof = verify(before, after, (ID, TENANT), ids, plan=plan)
    assert proof.problems == []
    assert proof.rows_erased == plan.rows_erased
    if shape.id_shape != "short":  # "id1" stands in "id10"
        found = scan(after, (ID, TENANT), ids)
        assert found.is_clean, found.findings
    assert not plan_erasure(after, (ID, TENANT), ids).changes


@fuzz
@given(
    shape=shapes(),
    tenants=st.integers(0, len(_TENANTS) - 1),
    chosen=st.tuples(st.integers(0, 1 << 30), st.integers(0, 1 << 30)),
)
def test_erasing_twice_leaves_the_rows_that_erasing_both_at_once_leaves(
    shape: Shape, tenants: int, chosen: tuple[int, int]
) -> None:
    rows = _rows(shape, tenants)
    before = _file(shape, rows)
    first, second = (_some(rows, seed, tenants) for seed in chosen)

    one = _erased(_erased(before, first), second)
    both = _erased(before, first + second)

    assert witnesses.same_rows(one.data, both.data)
