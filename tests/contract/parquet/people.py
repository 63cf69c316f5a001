"""A small table of people for every writer to write."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from erasure_purge.parquet import (
    ErasurePlan,
    LocalFile,
    Verification,
    apply_plan,
    plan_erasure,
    scan,
    verify,
)

ID = "profile_id"
ROWS = 5_000
PEOPLE = 1_500
_START_US = 1_704_067_200_000_000


def people(*, nested: bool = True) -> pa.Table:
    """About three rows per person, in no order, with nulls and a nested list."""
    rng = random.Random(7)
    ids = [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(PEOPLE)]
    who = [rng.randrange(PEOPLE) for _ in range(ROWS)]
    columns = {
        ID: pa.array([ids[n] for n in who]),
        "email": pa.array([None if n % 17 == 0 else f"person{n}@example.com" for n in who]),
        "tier": pa.array([("bronze", "silver", "gold")[n % 3] for n in who]),
        "nights": pa.array([n % 11 for n in who], pa.int32()),
        "spend": pa.array([n * 1.25 for n in who]),
        "updated_at": pa.array([_START_US + n * 1_000_000 for n in range(ROWS)]).cast(
            pa.timestamp("us")
        ),
    }
    if nested:
        columns["consents"] = pa.array(
            [[{"channel": f"channel-of-{n}", "granted": n % 2 == 0}] * (n % 3) for n in who]
        )
    return pa.table(columns)


def some_people(table: pa.Table, count: int) -> list[str]:
    """Ids from all over the table."""
    ids = sorted(set(table[ID].to_pylist()))
    return random.Random(count).sample(ids, count)


def erase(
    before: Path,
    after: Path,
    ids: Sequence[str | tuple[str | int, ...]],
    column: str | Sequence[str] = ID,
) -> ErasurePlan:
    """Erase, and prove it with everything we have."""
    with LocalFile(before) as source:
        plan = plan_erasure(source, column, ids)
        apply_plan(plan, source, after)
        with LocalFile(after) as result:
            proof: Verification = verify(source, result, column, ids, plan=plan)
            assert proof.problems == []
            assert proof.rows_erased == plan.rows_erased
            assert scan(result, column, ids).is_clean
    return plan
