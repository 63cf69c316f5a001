"""For whom the rows of a person count whom two requests name."""

from __future__ import annotations

import pytest

from tests.unit.purge.parquet_files import profiles
from tests.unit.purge.world import URI, World


def rows_told(world: World, *addressed: tuple[str, str]) -> list[int]:
    """Two requests for ann at the same place; the first is purged, then the second."""
    messages = [
        world.pending(f"r{number}", "ann", store=store, address=address)
        for number, (store, address) in enumerate(addressed)
    ]
    for message in messages:
        world.purge(message)
    return [int((world.location(one).evidence or {})["rows_erased"]) for one in messages]


def test_one_rewrite_of_an_object_counts_for_both(world: World) -> None:
    world.lake.put(URI, profiles("ann", "bob", "ann"))

    assert rows_told(world, *[("profiles_lake", str(URI))] * 2) == [2, 2]


@pytest.mark.parametrize(
    ("store", "address"),
    [("loyalty", "dynamodb://loyalty_accounts"), ("bookings", "postgresql://public.bookings")],
)
def test_rows_of_a_table_count_for_the_request_that_deleted_them(
    world: World, store: str, address: str
) -> None:
    world.items.owners = world.rows.owners = ["ann", "bob", "ann"]

    assert rows_told(world, *[(store, address)] * 2) == [2, 0]
