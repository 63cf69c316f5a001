"""What a dear source is told, so that it reads little, in large pieces, and nothing twice."""

from __future__ import annotations

from random import Random

import pyarrow as pa
import pytest

from erasure_purge.parquet import Copy, plan_erasure
from erasure_purge.parquet.footer import chunk_meta, chunk_range, group_columns, read_footer
from tests.unit.parquet.keeping import FakeKeeping
from tests.unit.parquet.people import ID, applied, ids_in, written

ROWS, GROUPS = 60_000, 3
IDS = [f"person-{n:06}" for n in range(ROWS)]


def keeping(least_copy_bytes: int = 1_000) -> FakeKeeping:
    """Three row groups of two columns, no index, no bounds."""
    noise = Random(4).randbytes(8 * ROWS)
    notes = [noise[at : at + 8] for at in range(0, len(noise), 8)]
    source = written(
        pa.table({ID: IDS, "note": notes}),
        row_group_size=ROWS // GROUPS,
        use_dictionary=False,
        write_statistics=False,
        compression="none",
        data_page_size=16_384,
        write_batch_size=512,
    )
    return FakeKeeping(source.data, least_copy_bytes)


def ranges_of(source: FakeKeeping, column: int) -> list[tuple[int, int]]:
    footer = read_footer(source)
    leaf = footer.leaves[column]
    return [
        chunk_range(chunk_meta(group_columns(group)[column], leaf)) for group in footer.row_groups
    ]


def test_the_id_column_is_read_once_and_nothing_else_of_row_groups_without_a_match() -> None:
    source = keeping()
    ids, notes = ranges_of(source, 0), ranges_of(source, 1)
    source.reads.clear()

    plan_erasure(source, ID, [IDS[50_000]])

    assert [source.read_in(*ids[group]) for group in (0, 1)] == [end - at for at, end in ids[:2]]
    assert [source.read_in(*notes[group]) for group in (0, 1)] == [0, 0]


def test_a_column_that_is_read_to_its_end_says_where_that_is() -> None:
    source = keeping()

    plan_erasure(source, ID, [])
    plan_erasure(source, ID, ["nobody"])

    assert [end for end, _, _ in source.towards] == [end for _, end in ranges_of(source, 0)]


def test_the_id_columns_without_a_match_are_no_longer_needed() -> None:
    source = keeping()

    plan_erasure(source, ID, [IDS[30_000]])

    columns = ranges_of(source, 0)
    assert source.no_more == [columns[0], columns[2]]


@pytest.mark.parametrize("least_copy_bytes", [20_000, 100_000, 1_000_000])
def test_ranges_between_changes_that_cannot_be_copied_are_wanted(least_copy_bytes: int) -> None:
    source = keeping(least_copy_bytes)
    gone = [IDS[20_010], IDS[22_000], IDS[39_990]]

    plan = plan_erasure(source, ID, gone)

    between = [segment for segment in plan.segments[1:-2] if isinstance(segment, Copy)]
    short = [copy for copy in between if copy.length < least_copy_bytes // 2]
    long = [copy for copy in between if copy.length > 2 * least_copy_bytes]
    assert between
    for copy in short:
        assert wanted_share(source, copy) > 0.8
    for copy in long:
        assert wanted_share(source, copy) < 0.2
    assert ids_in(applied(plan, source)) == [one for one in IDS if one not in gone]


def wanted_share(source: FakeKeeping, copy: Copy) -> float:
    end = copy.offset + copy.length
    held = sum(max(0, min(end, last) - max(copy.offset, first)) for first, last in source.wanted)
    return held / copy.length


@pytest.mark.parametrize("gone", [["nobody"], IDS[20_000:40_000]])
def test_nothing_is_wanted_where_nobody_stays_or_nobody_goes(gone: list[str]) -> None:
    source = keeping()

    plan_erasure(source, ID, gone)

    assert source.wanted == []
