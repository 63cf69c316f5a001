"""A file is erased from inside its pages, or as a whole where its pages are unknown."""

from __future__ import annotations

from collections.abc import Callable, Collection
from io import BytesIO
from typing import BinaryIO

import pytest

from erasure_purge.content import Content, Replacement
from erasure_purge.core import Erasure, seconds_to_rewrite
from erasure_purge.engine import Fine, erase
from erasure_shared.errors import OutOfTime, Rejected
from tests.unit.purge.parquet_files import ids_in, parquet, profiles, table_of


class InMemory:
    """Content at hand, which notes what is asked of it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size_bytes = len(data)
        self.bytes_read = 0

    def read(self, offset: int, length: int) -> bytes:
        data = self.data[offset : offset + length]
        self.bytes_read += len(data)
        return data

    def whole(self) -> BinaryIO:
        return BytesIO(self.read(0, self.size_bytes))


def body_of(replacement: Replacement | None) -> bytes:
    assert replacement is not None
    return replacement.read(0, replacement.size_bytes)


def refusing(reason_code: str) -> Fine:
    """A way that gives up."""

    def give_up(
        content: Content,
        id_column: str,
        ids: Collection[str],
        require_time: Callable[[float], None],
        *,
        thorough: bool,
    ) -> Erasure:
        raise Rejected("for a test", reason_code=reason_code)

    return give_up


def never(*_: object) -> Erasure:
    raise AssertionError("this way must not be taken")


def test_pages_are_tried_first() -> None:
    erasure = erase(InMemory(profiles("ann", "bob")), "profile_id", {"ann"}, coarse=never)

    assert erasure.rows_erased == 1
    assert ids_in(body_of(erasure.replacement)) == ["bob"]
    assert erasure.touched.unit == "page"
    assert erasure.touched.pages_touched == erasure.touched.pages == 2


@pytest.mark.parametrize("reason_code", ["UNKNOWN_ENCODING", "UNKNOWN_CODEC", "UNKNOWN_PAGE_TYPE"])
def test_what_the_page_engine_has_not_learned_is_rewritten_as_a_whole(reason_code: str) -> None:
    content = InMemory(profiles("ann", "bob"))

    erasure = erase(content, "profile_id", {"ann"}, fine=refusing(reason_code))

    assert erasure.rows_erased == 1
    assert ids_in(body_of(erasure.replacement)) == ["bob"]
    assert (erasure.touched.unit, erasure.touched.unit_reason) == ("file", reason_code)
    assert erasure.thorough


@pytest.mark.parametrize(
    "reason_code", ["CHECKSUM_MISMATCH", "ENCRYPTED_PARQUET", "UNREADABLE_PARQUET"]
)
def test_a_damaged_file_is_not_rewritten_at_all(reason_code: str) -> None:
    content = InMemory(profiles("ann", "bob"))

    with pytest.raises(Rejected) as refusal:
        erase(content, "profile_id", {"ann"}, fine=refusing(reason_code), coarse=never)

    assert refusal.value.reason_code == reason_code


@pytest.mark.parametrize("fine_is_refused", [False, True])
@pytest.mark.parametrize("ids", [{"nobody"}, {"ann", "bob"}], ids=["nobody", "everybody"])
def test_nothing_takes_the_place_of_what_stays_or_goes_as_a_whole(
    fine_is_refused: bool, ids: Collection[str]
) -> None:
    content = InMemory(profiles("ann", "bob"))

    if fine_is_refused:
        erasure = erase(content, "profile_id", ids, fine=refusing("UNKNOWN_CODEC"))
    else:
        erasure = erase(content, "profile_id", ids)

    assert erasure.replacement is None
    assert erasure.empties == ("ann" in ids)


def test_the_setting_says_which_files_are_searched_byte_by_byte() -> None:
    content = profiles("ann", "bob")

    proofs = [
        erase(
            InMemory(content), "profile_id", {"ann"}, thorough_up_to_bytes=len(content) - less
        ).thorough
        for less in (0, 1)
    ]

    assert proofs == [True, False]


def test_a_whole_rewrite_does_not_start_without_the_time_for_it() -> None:
    content = InMemory(profiles("ann", "bob"))

    def require_time(needed_s: float) -> None:
        if needed_s >= seconds_to_rewrite(content.size_bytes):
            raise OutOfTime

    with pytest.raises(OutOfTime):
        erase(
            content,
            "profile_id",
            {"ann"},
            require_time,
            fine=refusing("UNKNOWN_CODEC"),
            coarse=never,
        )

    assert content.bytes_read == 0


def test_a_large_file_needs_time_for_its_id_column_and_not_for_all_of_it() -> None:
    rows = 20_000
    content = InMemory(parquet(table_of(rows), row_group_size=rows // 4, compression="none"))
    asked: list[float] = []

    erasure = erase(content, "profile_id", {"person-7"}, asked.append, thorough_up_to_bytes=0)

    assert erasure.rows_erased == 1
    assert not erasure.thorough
    assert max(asked) < seconds_to_rewrite(content.size_bytes)
    assert erasure.replacement is not None
    assert erasure.replacement.new_bytes < content.size_bytes / 3
    assert (erasure.touched.row_groups, erasure.touched.row_groups_touched) == (4, 1)
