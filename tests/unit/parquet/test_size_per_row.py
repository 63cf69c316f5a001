"""What stays while rows go is paid for by packing the rest more densely."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from erasure_purge.parquet import InMemory, plan_erasure
from tests.unit.parquet.people import ID, applied, written

_PEOPLE = 8_000
_ROWS = 24_000
_GROUPS = 6
_NOTES = 100


def _visits() -> InMemory:
    """Half the bytes are unique; the notes are few enough for each to be shared by several."""
    rng = np.random.default_rng(5)
    notes = [rng.bytes(9).hex() for _ in range(_NOTES)]
    table = pa.table(
        {
            ID: [f"person-{n:05}" for n in rng.integers(0, _PEOPLE, _ROWS)],
            "email": [f"{n * 7_919 % 99_991}@{notes[n % _NOTES]}.com" for n in range(_ROWS)],
            "note": pa.array(notes).take(pa.array(rng.integers(0, _NOTES, _ROWS))),
        }
    )
    return written(
        table,
        compression="gzip",
        compression_level=6,
        row_group_size=_ROWS // _GROUPS,
        use_dictionary=["note"],
    )


@pytest.mark.parametrize("share", [0.001, 0.05, 0.3])
def test_a_file_grows_by_less_than_a_hundredth_per_row_however_many_go(share: float) -> None:
    before = _visits()
    gone = [f"person-{n:05}" for n in range(int(_PEOPLE * share))]

    plan = plan_erasure(before, ID, gone)

    after = applied(plan, before)
    assert plan.rows_erased > _ROWS * share * 0.8
    assert len(after.data) / plan.rows_after <= 1.01 * len(before.data) / plan.rows_before
