from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from erasure_purge.parquet import InMemory, LocalFile, apply_plan, plan_erasure, verify
from erasure_purge.parquet.footer import (
    MetaField,
    chunk_meta,
    footer_bytes,
    group_columns,
    read_footer,
)
from tests.unit.parquet.people import ID, applied, erased, file_of, written

IDS = [f"person-{n:04}" for n in range(300)]


def test_a_file_is_replaced_in_place(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    path.write_bytes(file_of(IDS, row_group_size=50).data)
    path.chmod(0o640)

    with LocalFile(path) as source:
        apply_plan(plan_erasure(source, ID, IDS[:1]), source, path)

    assert pq.read_table(path)[ID].to_pylist() == IDS[1:]
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_source_that_fails_midway_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    path.write_bytes(b"the old file")
    source = file_of(IDS, row_group_size=50)
    plan = plan_erasure(source, ID, IDS[:1])

    class Failing(InMemory):
        def read(self, offset: int, length: int) -> bytes:
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        apply_plan(plan, Failing(source.data), path)

    assert path.read_bytes() == b"the old file"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_not_accepted_never_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    path.write_bytes(file_of(IDS).data)
    before = path.read_bytes()
    seen: list[int] = []

    def refuse(written: Path) -> bool:
        seen.append(pq.read_table(written).num_rows)
        return False

    with LocalFile(path) as source:
        accepted = apply_plan(plan_erasure(source, ID, IDS[:1]), source, path, accept=refuse)

    assert not accepted
    assert seen == [len(IDS) - 1]
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_right_erasure_is_proven() -> None:
    source = file_of(IDS)
    plan = plan_erasure(source, ID, IDS[:3])

    proof = verify(source, applied(plan, source), ID, IDS[:3], plan=plan)

    assert proof.holds
    assert proof.rows_erased == 3
    assert len(proof.checks) >= 8


def _table(ids: list[str], **columns: list[object]) -> pa.Table:
    return pa.table({ID: ids, **columns})


def test_a_missing_row_is_a_problem() -> None:
    before = written(_table(["a", "b", "c"]))

    proof = verify(before, written(_table(["b"])), ID, ["a"])

    assert "the remaining rows are as many as expected" in proof.problems


def test_a_row_that_should_be_gone_is_a_problem() -> None:
    before = written(_table(["a", "b", "c"]))

    assert "no row holds a wanted id" in verify(before, before, ID, ["a"]).problems


def test_a_changed_value_and_a_changed_order_are_problems() -> None:
    before = written(_table(["a", "b", "c"], n=[1, 2, 3]))
    changed = written(_table(["b", "c"], n=[2, 4]))
    swapped = written(_table(["c", "b"], n=[3, 2]))

    for after in (changed, swapped):
        problems = verify(before, after, ID, ["a"]).problems
        assert problems == ["every remaining row is equal and in order"]


def test_a_changed_schema_or_codec_is_a_problem() -> None:
    before = written(_table(["a", "b"], n=[1, 2]), compression="gzip")

    wider = verify(before, written(_table(["b"], m=[2]), compression="gzip"), ID, ["a"])
    packed = verify(before, written(_table(["b"], n=[2]), compression="snappy"), ID, ["a"])

    assert "the file's schema is unchanged" in wider.problems
    assert packed.problems == ["every column keeps its codec"]


def test_an_erased_number_left_in_a_dictionary_is_a_problem() -> None:
    many = 2_000  # too many pages to renumber them for one entry: it is blanked
    table = pa.table({ID: ["a", *["b"] * many], "n": [1_234_567, *[7] * many]})
    before = written(
        table, compression="none", write_statistics=False, data_page_size=1, write_batch_size=50
    )
    place = before.data.index((1_234_567).to_bytes(8, "little"))
    right = erased(before, ["a"])
    seven = (7).to_bytes(8, "little")
    living = right.data.rindex(seven, 0, right.data.index(seven) + 16)  # behind the blanked entry
    number = before.data[place : place + 8]
    stale = InMemory(right.data[: living - 8] + number + right.data[living:])

    problems = verify(before, stale, ID, ["a"]).problems

    assert problems == ["no dictionary and no bound names an erased value"]


def test_an_erased_text_left_in_a_dictionary_is_a_problem() -> None:
    people = ["ann@example.com", "bob@example.com"]
    full = pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array(people))
    left = pa.DictionaryArray.from_arrays(pa.array([1]), pa.array(people))
    before = written(pa.table({ID: ["a", "b"], "mail": full}))
    after = written(pa.table({ID: ["b"], "mail": left}))

    problems = verify(before, after, ID, ["a"]).problems

    assert any(problem.startswith("no erased value in dictionary of mail") for problem in problems)


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize(
    ("encoding", "text"),
    [("DELTA_BYTE_ARRAY", "sms of 13"), ("DELTA_LENGTH_BYTE_ARRAY", "sms of 1sms of 3")],
)
def test_a_text_that_only_neighbours_make_up_is_no_problem(
    encoding: str, text: str, compression: str
) -> None:
    source = written(
        _table(["ann", "bob", "cat", "dan"], note=["sms of 1", "sms of 3", "mail to x", text]),
        use_dictionary=False,
        column_encoding={ID: "PLAIN", "note": encoding},
        compression=compression,
    )

    after = erased(source, ["dan"])

    assert verify(source, after, ID, ["dan"]).holds
    assert not verify(source, _with_a_gap(after, text.encode()), ID, ["dan"]).holds


def _with_a_gap(source: InMemory, text: bytes) -> InMemory:
    """The same file with bytes before its footer that no reader looks at."""
    length = int.from_bytes(source.data[-8:-4], "little")
    footer = len(source.data) - 8 - length
    return InMemory(source.data[:footer] + text + source.data[footer:])


def test_a_text_that_a_remaining_row_contains_is_no_problem() -> None:
    source = written(_table(["a", "b"], name=["annemarie", "joannemarie@example.com"]))

    assert verify(source, erased(source, ["a"]), ID, ["a"]).holds


def test_bytes_that_should_have_been_copied_are_compared() -> None:
    source = file_of(IDS, row_group_size=50)
    plan = plan_erasure(source, ID, IDS[:1])
    right = applied(plan, source)
    place = right.size_bytes // 2
    bent = right.data[:place] + bytes([right.data[place] ^ 1]) + right.data[place + 1 :]

    proof = verify(source, InMemory(bent), ID, IDS[:1], plan=plan, thorough=False)

    assert "untouched ranges are the same bytes" in proof.problems


def test_a_file_that_cannot_be_read_is_a_problem_not_a_crash() -> None:
    source = file_of(IDS)

    for wreck in (b"", source.data[:-1], source.data[:4] + b"x" * 500 + source.data[504:]):
        assert not verify(source, InMemory(wreck), ID, IDS[:1]).holds


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.int64(), [1_234_567, 7, 8]),
        (pa.float64(), [12.5, 7.0, 8.0]),
        (pa.date32(), [19_000, 7, 8]),
        (pa.string(), ["Zo", "Li", "Al"]),
        (pa.list_(pa.int32()), [[1_234_567], [7], [8]]),
    ],
    ids=str,
)
def test_a_value_that_a_text_search_misses_is_a_problem_too(
    kind: pa.DataType, values: list[object]
) -> None:
    before = written(pa.table({ID: ["a", "b", "c"], "v": pa.array(values, kind)}))
    right = erased(before, ["a"])
    assert verify(before, right, ID, ["a"]).problems == []

    stale = _with_old_bounds(before, right)

    problems = verify(before, stale, ID, ["a"]).problems
    assert "no dictionary and no bound names an erased value" in problems


def _with_old_bounds(before: InMemory, after: InMemory) -> InMemory:
    """The statistics as they were."""
    old, new = read_footer(before), read_footer(after)
    for was, chunk, leaf in zip(
        group_columns(old.row_groups[0]),
        group_columns(new.row_groups[0]),
        new.leaves,
        strict=True,
    ):
        if leaf.name != ID:
            chunk_meta(chunk, leaf).fields[MetaField.STATISTICS] = chunk_meta(was, leaf).fields[
                MetaField.STATISTICS
            ]
    return InMemory(after.data[: new.offset] + footer_bytes(new.document))


def test_a_changed_sort_order_is_a_problem() -> None:
    sorting = [pq.SortingColumn(0)]
    before = written(_table(["a", "b", "c"]), sorting_columns=sorting)

    problems = verify(before, written(_table(["b", "c"])), ID, ["a"]).problems

    assert verify(before, erased(before, ["a"]), ID, ["a"]).holds
    assert problems == ["every row group keeps its sort order"]
