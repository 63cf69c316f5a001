"""Where nothing remains to prove by, pyarrow counts the rows before anybody relies on them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from erasure_purge.inside_pages import erase
from erasure_purge.parquet import ErasurePlan, InMemory, Source, plan_erasure
from erasure_shared.errors import Corrupted
from tests.unit.purge.parquet_files import profiles
from tests.unit.purge.test_engine import InMemory as Content


def taking_all(source: Source, id_column: str, ids: Collection[str], **_: Any) -> ErasurePlan:
    """A planner that takes everybody for the wanted."""
    assert isinstance(source, Content)
    return plan_erasure(InMemory(source.data), id_column, [*ids, "ann", "bob"])


def finding_nobody(source: Source, id_column: str, ids: Collection[str], **_: Any) -> ErasurePlan:
    """A planner that overlooks everybody."""
    assert isinstance(source, Content)
    assert ids
    return plan_erasure(InMemory(source.data), id_column, ["nobody"])


def test_an_object_is_not_deleted_unless_every_row_is_a_subjects() -> None:
    with pytest.raises(Corrupted, match="counts other rows"):
        erase(Content(profiles("ann", "bob")), "profile_id", {"ann"}, plan_erasure=taking_all)


def test_nobodys_absence_is_stated_on_the_planners_word_alone() -> None:
    with pytest.raises(Corrupted, match="counts other rows"):
        erase(Content(profiles("ann", "bob")), "profile_id", {"ann"}, plan_erasure=finding_nobody)


def test_an_object_of_subjects_alone_loses_all_its_rows() -> None:
    erasure = erase(Content(profiles("ann", "bob")), "profile_id", {"ann", "bob"})

    assert (erasure.rows_erased, erasure.rows_after, erasure.replacement) == (2, 0, None)


def test_who_is_not_there_is_not_there() -> None:
    erasure = erase(Content(profiles("ann", "bob")), "profile_id", {"cleo"})

    assert (erasure.rows_erased, erasure.replacement) == (0, None)
