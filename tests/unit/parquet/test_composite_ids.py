"""People named by several columns together, where each part alone may be others', too."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from erasure_purge.parquet import InMemory, Unit, plan_erasure, scan, verify
from erasure_purge.parquet.errors import ErasedValueInMetadata, IdColumnMissing, UnsupportedIdType
from erasure_purge.parquet.footer import read_footer
from erasure_purge.parquet.scan import scan_bytes
from erasure_purge.parquet.source import CountingSource
from tests.unit.parquet.people import applied, written
from tests.unit.parquet.rebuilt import behind_an_index_page, rebuilt

WHO = ("tenant", "profile")
ROWS = 600
TENANTS = ("acme-corporation", "globex-industries", "initech-limited")


def _people(**metadata: str) -> pa.Table:
    """Every profile number at each of the tenants: no part is anybody's own."""
    rows = range(ROWS)
    table = pa.table(
        {
            "tenant": [TENANTS[n % 3] for n in rows],
            "profile": [f"profile-{n // 3:04}" for n in rows],
            "mail": [f"mail-of-{n:04}@example.com" for n in rows],
        }
    )
    return table.replace_schema_metadata(metadata or None)


def _left(source: InMemory, *columns: str) -> list[tuple[Any, ...]]:
    table = pq.read_table(pa.BufferReader(source.data))
    return list(zip(*(table[name].to_pylist() for name in columns), strict=True))


def _erased(source: InMemory, ids: list[tuple[Any, ...]], who: Any = WHO) -> InMemory:
    plan = plan_erasure(source, who, ids)
    after = applied(plan, source)
    proof = verify(source, after, who, ids, plan=plan)
    assert proof.problems == []
    assert proof.rows_erased == plan.rows_erased
    assert scan(after, who, ids).is_clean
    assert not plan_erasure(after, who, ids).changes
    return after


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_dictionary": False},
        {"row_group_size": 100},
        {"row_group_size": 100, "write_statistics": False},
        {"write_page_index": True, "data_page_size": 256, "write_batch_size": 32},
        {"use_dictionary": False, "data_page_version": "2.0", "data_page_size": 256},
        {"bloom_filter_options": {"profile": {"ndv": 200, "fpp": 0.01}}},
    ],
    ids=str,
)
@pytest.mark.parametrize("who", [WHO, WHO[::-1]], ids=str)
def test_a_row_goes_only_if_every_part_matches(who: Any, options: dict[str, Any]) -> None:
    source = written(_people(), **options)
    ids = [(TENANTS[0], "profile-0007"), (TENANTS[2], "profile-0150"), (TENANTS[1], "nobody")]
    asked = [one if who == WHO else one[::-1] for one in ids]

    after = _erased(source, asked, who)

    assert _left(after, *WHO) == [one for one in _left(source, *WHO) if one not in ids]
    assert len(_left(after, *WHO)) == ROWS - 2


def test_parts_are_not_combined_across_ids() -> None:
    source = written(_people())
    ids = [(TENANTS[0], "profile-0001"), (TENANTS[1], "profile-0002")]

    after = _erased(source, ids)

    assert (TENANTS[0], "profile-0002") in _left(after, *WHO)
    assert (TENANTS[1], "profile-0001") in _left(after, *WHO)


def test_what_the_erased_alone_held_is_gone_and_what_others_share_stays() -> None:
    table = pa.table(
        {
            "tenant": ["acme-corporation", "acme-corporation", "globex-industries"],
            "profile": ["profile-of-ann", "profile-of-bob", "profile-of-eve"],
        }
    )
    for options in ({}, {"use_dictionary": False}, {"write_page_index": True}):
        after = _erased(written(table, **options), [("acme-corporation", "profile-of-ann")])

        assert _holds(after, b"profile-of-bob")
        assert _holds(after, b"acme-corporation")
        assert not _holds(after, b"profile-of-ann")

        emptier = _erased(after, [("acme-corporation", "profile-of-bob")])

        assert not _holds(emptier, b"acme-corporation")


def _holds(source: InMemory, text: bytes) -> bool:
    return bool(scan_bytes(source, read_footer(source), [text]).findings)


def test_rows_are_counted_by_the_whole_id() -> None:
    table = pa.concat_tables([_people(), _people()])
    ids = [(TENANTS[0], "profile-0001"), (TENANTS[1], "profile-0001"), ("nobody", "x")]

    plan = plan_erasure(written(table, row_group_size=400), WHO, ids)

    assert plan.rows_by_id == {ids[0]: 2, ids[1]: 2}
    assert "profile-0001" not in repr(plan)


@pytest.mark.parametrize(
    ("column", "part", "others"),
    [
        (pa.array([7, 8, 7], pa.int64()), "7", 8),
        (pa.array([7, 8, 7], pa.int32()), 7, 8),
        (pa.array([7.0, 8.5, 7.0]), "7", 8.5),
        (pa.array([Decimal("1.50"), Decimal("2.50"), Decimal("1.50")]), "1.50", Decimal("2.50")),
        (
            pa.array([uuid.UUID(int=n).bytes for n in (1, 2, 1)], pa.binary(16)),
            str(uuid.UUID(int=1)),
            0,
        ),
        (pa.array([b"ann", b"bob", b"ann"]), b"ann", b"bob"),
        (pa.array(["ann", "bob", "ann"]).dictionary_encode(), "ann", "bob"),
    ],
    ids=lambda value: str(getattr(value, "type", ""))[:12],
)
def test_a_part_is_of_any_type_that_ids_may_have(column: pa.Array, part: Any, others: Any) -> None:
    for options in ({"use_dictionary": True}, {"use_dictionary": False}):
        source = written(pa.table({"a": column, "b": ["x", "x", "y"]}), **options)

        after = _erased(source, [("x", part)], ("b", "a"))

        assert _left(after, "b") == [("x",), ("y",)]
        assert _left(after, "a")[0] != _left(after, "a")[1] or others == 0


def test_nested_parts_and_nulls_match_nobody_by_chance() -> None:
    people = [{"id": "ann"}, None, {"id": None}, {"id": "ann"}]
    source = written(pa.table({"who": people, "tenant": ["a", "a", "a", None]}))

    after = _erased(source, [("a", "ann")], ("tenant", "who.id"))

    assert _left(after, "who") == [(None,), ({"id": None},), ({"id": "ann"},)]


def test_three_parts_and_many_ids() -> None:
    rows = range(3_000)
    table = pa.table(
        {"a": [n % 7 for n in rows], "b": [f"b{n % 11}" for n in rows], "c": list(rows)}
    )
    source = written(table, row_group_size=1_000)
    ids = [(n % 7, f"b{n % 11}", n + n % 2) for n in rows]  # only even ones are right

    after = _erased(source, ids, ("a", "b", "c"))

    assert [c for (c,) in _left(after, "c")] == [n for n in rows if n % 2]


def test_statistics_of_one_part_spare_the_other() -> None:
    source = written(_people().sort_by("tenant"), row_group_size=200)
    counted = CountingSource(source)

    plan = plan_erasure(counted, WHO, [(TENANTS[1], "profile-0007")])

    assert [group.unit for group in plan.report.groups] == [Unit.NONE, Unit.PAGE, Unit.NONE]
    assert plan.report.groups[0].reason == "statistics exclude every id"


def test_bounds_that_no_whole_id_fits_spare_the_row_group() -> None:
    table = pa.table({"a": ["a", "c"], "b": ["m", "p"]})

    plan = plan_erasure(written(table), ("a", "b"), [("b", "z"), ("z", "n")])

    assert "exclude every id" in plan.report.groups[0].reason


def test_statistics_can_be_distrusted() -> None:
    plan = plan_erasure(written(_people()), WHO, [("zzz", "zzz")], trust_statistics=False)

    assert plan.report.groups[0].reason.startswith("0 rows found in")


def test_a_stale_part_in_a_dictionary_is_blanked_and_a_shared_one_is_not() -> None:
    names = pa.array(["ann@example", "bob@example"])
    stale = pa.DictionaryArray.from_arrays(pa.array([1, 1]), names)
    shared = pa.DictionaryArray.from_arrays(pa.array([0, 1]), names)
    for column, tenants, changes in (
        (stale, ["acme", "globex"], True),
        (stale, ["globex", "globex"], True),
        (shared, ["globex", "acme"], False),
    ):
        source = written(pa.table({"tenant": tenants, "profile": column}), write_statistics=False)

        plan = plan_erasure(source, WHO, [("acme", "ann@example")])

        assert (plan.changes, plan.rows_erased) == (changes, 0)
        assert _holds(applied(plan, source), b"ann@example") is not changes


def test_a_categorical_does_not_keep_the_erased_in_other_row_groups() -> None:
    names = [f"profile-of-{n}" for n in range(8)]
    column = pa.DictionaryArray.from_arrays(pa.array(range(8)), pa.array(names))
    source = written(pa.table({"tenant": ["a"] * 8, "profile": column}), row_group_size=2)

    after = _erased(source, [("a", names[3])])

    assert not _holds(after, names[3].encode())
    assert _left(after, "profile") == [(name,) for name in names if name != names[3]]


def test_only_pyarrow_reads_a_part() -> None:
    source = written(_people(), row_group_size=300)
    for columns in (("profile",), ("tenant",), WHO):
        odd = rebuilt(source, behind_an_index_page, *columns)

        after = _erased(odd, [(TENANTS[0], "profile-0007")])

        assert len(_left(after, *WHO)) == ROWS - 1


def test_a_row_group_that_loses_all_its_rows_disappears() -> None:
    source = written(_people(), row_group_size=6)
    ids = [(tenant, f"profile-{n:04}") for tenant in TENANTS for n in (0, 1)]

    after = _erased(source, ids)

    assert pq.ParquetFile(pa.BufferReader(after.data)).num_row_groups == ROWS // 6 - 1


def test_metadata_that_names_a_shared_part_is_no_refusal() -> None:
    source = written(_people(tenant=TENANTS[0]))

    assert plan_erasure(source, WHO, [(TENANTS[0], "profile-0007")]).changes


def test_metadata_that_names_a_whole_id_is_a_refusal() -> None:
    source = written(_people(last=f"{TENANTS[0]}/profile-0007"))

    with pytest.raises(ErasedValueInMetadata):
        plan_erasure(source, WHO, [(TENANTS[0], "profile-0007")])
    assert plan_erasure(source, WHO, [(TENANTS[0], "profile-0008")]).changes


def test_metadata_that_names_a_part_of_nobody_else_is_a_refusal() -> None:
    source = written(_people(last="profile-0007"))
    one = (TENANTS[0], "profile-0007")
    everyone = [(tenant, "profile-0007") for tenant in TENANTS]

    assert plan_erasure(source, WHO, [one]).changes
    with pytest.raises(ErasedValueInMetadata):
        plan_erasure(source, WHO, everyone)


def test_the_scanner_finds_a_whole_id_and_no_shared_part() -> None:
    source = written(_people())

    found = scan(source, WHO, [(TENANTS[0], "profile-0007")])
    absent = scan(source, WHO, [("nobody", "profile-0007")])

    assert list(found.findings) == ["rows"]
    assert absent.is_clean


def test_the_proof_fails_where_a_row_is_left_or_a_part_remains() -> None:
    one = (TENANTS[0], "profile-0007")
    table = _people()
    before = written(table)
    gone = table.filter(pa.array([row != one for row in _left(before, *WHO)]))
    other = gone.slice(1)

    assert "no row holds a wanted id" in verify(before, before, WHO, [one]).problems
    assert verify(before, written(gone), WHO, [one]).problems == []
    assert not verify(before, written(other), WHO, [one]).holds
    kept = written(gone.replace_schema_metadata({"mail": "mail-of-0021@example.com"}))
    assert not verify(before, kept, WHO, [one]).holds


def test_one_column_may_come_as_a_sequence_too() -> None:
    after = _erased(written(_people()), [("profile-0007",)], ("profile",))

    assert len(_left(after, *WHO)) == ROWS - 3


@pytest.mark.parametrize(
    ("who", "ids"),
    [
        (WHO, ["profile-0007"]),
        (WHO, [("profile-0007",)]),
        (WHO, [("a", "b", "c")]),
        (WHO, [("a", None)]),
        ("profile", [("a", "b")]),
        ("profile", [None]),
        ((), [()]),
        (("profile", "profile"), [("a", "a")]),
    ],
)
def test_ids_that_do_not_fit_their_columns_are_a_wrong_call(who: Any, ids: list[Any]) -> None:
    source = written(_people())

    for call in (plan_erasure, scan, lambda *a: verify(source, *a)):
        with pytest.raises(ValueError, match=r"^(an id is|id columns are|a part of an id)"):
            call(source, who, ids)


def test_a_missing_part_is_named_as_a_missing_column() -> None:
    with pytest.raises(IdColumnMissing):
        plan_erasure(written(_people()), ("tenant", "nobody"), [("a", "b")])


def test_two_names_of_one_column_are_refused() -> None:
    with pytest.raises(UnsupportedIdType):
        plan_erasure(written(_people()), ("tenant", "Tenant"), [("a", "b")])


def test_the_empty_bounds_of_a_page_of_nulls_are_nobodys_empty_part() -> None:
    table = pa.table({"tenant": ["", None, None], "profile": ["a", "b", "c"]})
    source = written(table, write_page_index=True, row_group_size=2)

    after = _erased(source, [("", "a")])

    assert _left(after, "profile") == [("b",), ("c",)]


def test_no_ids_at_all_and_ids_in_any_collection() -> None:
    source = written(_people(), row_group_size=100)
    one, other = (TENANTS[0], "profile-0000"), (TENANTS[1], "profile-0199")

    assert not plan_erasure(source, WHO, []).changes
    assert verify(source, source, WHO, []).holds
    assert scan(source, WHO, []).is_clean
    for ids in ({one, other}, (one, other), {one: 1, other: 2}):
        assert plan_erasure(source, WHO, ids).rows_by_id == {one: 1, other: 1}


def test_an_id_asked_for_in_two_spellings_counts_its_rows_once() -> None:
    source = written(pa.table({"tenant": ["a", "a"], "profile": [7, 8]}))

    plan = plan_erasure(source, WHO, [("a", "7"), ("a", 7), (b"a", 7)])

    assert plan.rows_erased == 1
    assert sum(plan.rows_by_id.values()) == 1
