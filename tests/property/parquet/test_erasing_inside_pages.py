"""Whatever the file: what remains is equal and in order, what was erased is nowhere.

ERASURE_FUZZ_EXAMPLES=2000 makes a long run of it.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, event, given

pytest.importorskip("polars")

from erasure_purge.parquet import (
    InMemory,
    LocalFile,
    apply_plan,
    plan_erasure,
    planned_bytes,
    scan,
    verify,
)
from tests.property.parquet import witnesses
from tests.property.parquet.files import ID, Shape, person, secret, shapes, table, write
from tests.property.parquet.fuzzing import fuzz


def _file(shape: Shape, folder: Path) -> Path:
    """The shape as a file, if its writer can write it and pyarrow can read it."""
    path = folder / "before.parquet"
    try:
        write(shape, table(shape), path)
        pq.read_table(path)
    except Exception:  # noqa: BLE001 - a writer's own limits are not our subject
        assume(False)
    return path


def _some(shape: Shape, seed: int) -> list[str]:
    rng = random.Random(seed)
    count = rng.choice([1, 1, 2, max(1, shape.people // 3)])
    return [person(shape, n) for n in rng.sample(range(shape.people), min(count, shape.people))]


@fuzz
@given(shape=shapes(), chosen=st.integers(0, 1 << 30), trust=st.booleans())
def test_what_remains_is_equal_and_in_order_and_nothing_is_left_of_the_erased(
    shape: Shape, chosen: int, trust: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        before, after = _file(shape, Path(folder)), Path(folder) / "after.parquet"
        ids = _some(shape, chosen)

        with LocalFile(before) as source:
            plan = plan_erasure(source, ID, ids, trust_statistics=trust, window_bytes=512)
            apply_plan(plan, source, after)

            with LocalFile(after) as result:
                proof = verify(source, result, ID, ids, plan=plan)
                found = scan(result, ID, ids)
        event(f"{shape.writer} {shape.options['data_page_version']} {plan.changes}")
        assert proof.problems == []
        assert plan.rows_erased == proof.rows_erased
        if shape.id_shape != "short":  # "id1" stands in "id10"
            assert found.is_clean, found.findings
        _no_secret_is_left(shape, before, after, ids)
        witnesses.agree(before, after, ids)
        witnesses.statistics_are_true(after)


def _no_secret_is_left(shape: Shape, before: Path, after: Path, ids: list[str]) -> None:
    """Searched here in the plainest way: unpacked by pyarrow as uncompressed, and raw."""
    rows = pq.read_table(before, columns=[ID, "secret"])
    gone = rows.filter(pc.is_in(rows[ID].cast(pa.string()), value_set=pa.array(ids)))
    raw = after.read_bytes()
    for text in set(gone["secret"].cast(pa.string()).to_pylist()):
        assert text.encode() not in raw
    assert secret(shape, 0).startswith("SECRET-0")


@fuzz
@given(shape=shapes(), chosen=st.integers(0, 1 << 30), chosen_too=st.integers(0, 1 << 30))
def test_erasing_twice_leaves_the_rows_that_erasing_both_at_once_leaves(
    shape: Shape, chosen: int, chosen_too: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        before = InMemory(_file(shape, Path(folder)).read_bytes())
        first, second = _some(shape, chosen), _some(shape, chosen_too)

        one = _erased(_erased(before, first), second)
        both = _erased(before, first + second)

        assert witnesses.same_rows(one.data, both.data)


@fuzz
@given(shape=shapes(), chosen=st.integers(0, 1 << 30))
def test_erasing_again_and_erasing_nobody_change_nothing(shape: Shape, chosen: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        before = InMemory(_file(shape, Path(folder)).read_bytes())
        ids = _some(shape, chosen)

        again = plan_erasure(_erased(before, ids), ID, ids)
        nobody = plan_erasure(before, ID, [])

        assert not again.changes
        assert not nobody.changes
        assert b"".join(planned_bytes(nobody, before)) == before.data


def _erased(source: InMemory, ids: list[str]) -> InMemory:
    return InMemory(b"".join(planned_bytes(plan_erasure(source, ID, ids), source)))
