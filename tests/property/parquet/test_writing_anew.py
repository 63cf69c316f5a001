"""Whatever the file: where pages cannot be cut, chunks are written anew, and nothing else changes.

ERASURE_FUZZ_EXAMPLES=2000 makes a long run of it.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, event, given

pytest.importorskip("polars")

from erasure_purge.parquet import (
    InMemory,
    Unit,
    plan_erasure,
    planned_bytes,
    scan,
    verify,
)
from erasure_purge.parquet.footer import read_footer
from tests.property.parquet import witnesses
from tests.property.parquet.files import ID, Shape, person, secret, shapes, table, write
from tests.property.parquet.fuzzing import fuzz
from tests.unit.parquet.rebuilt import (
    behind_an_index_page,
    from_the_future,
    rebuilt,
    rows_counted_as_values,
    with_future_metadata,
)

_CHANGES = {
    "index pages": lambda source, names: rebuilt(source, behind_an_index_page, *names),
    "header fields": lambda source, names: rebuilt(source, from_the_future, *names),
    "miscounted rows": lambda source, names: rebuilt(source, rows_counted_as_values, *names),
    "metadata fields": lambda source, names: with_future_metadata(source, *names),
}


def _odd_file(shape: Shape, change: str, seed: int, folder: Path) -> Path:
    """The shape as a file some of whose columns the page level cannot cut."""
    path = folder / "before.parquet"
    try:
        write(shape, table(shape), path)
        rows = pq.read_table(path)
    except Exception:  # noqa: BLE001 - a writer's own limits are not our subject
        assume(False)
    source = InMemory(path.read_bytes())
    names = [leaf.name for leaf in read_footer(source).leaves]
    rng = random.Random(seed)
    path.write_bytes(_CHANGES[change](source, rng.sample(names, rng.randint(1, len(names)))).data)
    again = pq.read_table(path)
    assert again.schema == rows.schema
    return path


def _some(shape: Shape, seed: int) -> list[str]:
    rng = random.Random(seed)
    count = rng.choice([1, 2, max(1, shape.people // 3)])
    return [person(shape, n) for n in rng.sample(range(shape.people), min(count, shape.people))]


@fuzz
@given(
    shape=shapes(),
    change=st.sampled_from(sorted(_CHANGES)),
    seed=st.integers(0, 1 << 30),
    trust=st.booleans(),
)
def test_what_is_written_anew_holds_the_other_rows_and_nothing_of_the_erased(
    shape: Shape, change: str, seed: int, trust: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        before = _odd_file(shape, change, seed, Path(folder))
        after = Path(folder) / "after.parquet"
        source = InMemory(before.read_bytes())
        ids = _some(shape, seed)

        plan = plan_erasure(source, ID, ids, trust_statistics=trust, window_bytes=512)
        result = InMemory(b"".join(planned_bytes(plan, source)))
        after.write_bytes(result.data)

        anew = {group.unit for group in plan.report.groups} & {Unit.COLUMN_CHUNK, Unit.ROW_GROUP}
        event(f"{shape.writer} {change} {bool(anew)}")
        proof = verify(source, result, ID, ids, plan=plan)
        assert proof.problems == []
        assert plan.rows_erased == proof.rows_erased
        if shape.id_shape != "short":  # "id1" stands in "id10"
            found = scan(result, ID, ids)
            assert found.is_clean, found.findings
        for number in range(shape.people):
            if person(shape, number) in ids:
                assert secret(shape, number).encode() not in result.data
        witnesses.agree(before, after, ids)
        witnesses.statistics_are_true(after)
        assert not plan_erasure(result, ID, ids).changes
