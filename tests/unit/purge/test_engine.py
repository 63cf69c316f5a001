"""A file is erased from inside its pages, or as a whole where its pages are unknown."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection
from typing import BinaryIO

import pytest

from erasure_purge.core import Erasure
from erasure_purge.engine import erase
from erasure_shared.errors import Rejected
from tests.unit.purge.parquet_files import ids_in, profiles


def refusing(reason_code: str) -> Callable[..., Erasure]:
    """A way that gives up halfway."""

    def give_up(source: BinaryIO, target: BinaryIO, *_: object) -> Erasure:
        source.seek(7)
        target.write(b"half of it")
        raise Rejected("for a test", reason_code=reason_code)

    return give_up


def never(
    source: BinaryIO, target: BinaryIO, column: str, ids: Collection[str], step: Callable[[], None]
) -> Erasure:
    raise AssertionError("this way must not be taken")


def test_pages_are_tried_first() -> None:
    target = io.BytesIO()

    erasure = erase(io.BytesIO(profiles("ann", "bob")), target, "profile_id", {"ann"}, coarse=never)

    assert erasure.rows_erased == 1
    assert ids_in(target.getvalue()) == ["bob"]


@pytest.mark.parametrize("reason_code", ["UNKNOWN_ENCODING", "UNKNOWN_CODEC", "UNKNOWN_PAGE_TYPE"])
def test_what_the_page_engine_has_not_learned_is_rewritten_as_a_whole(reason_code: str) -> None:
    target = io.BytesIO()

    erasure = erase(
        io.BytesIO(profiles("ann", "bob")),
        target,
        "profile_id",
        {"ann"},
        fine=refusing(reason_code),
    )

    assert erasure.rows_erased == 1
    assert ids_in(target.getvalue()) == ["bob"]


@pytest.mark.parametrize("reason_code", ["CHECKSUM_MISMATCH", "ENCRYPTED_PARQUET"])
def test_a_damaged_file_is_not_rewritten_at_all(reason_code: str) -> None:
    source = io.BytesIO(profiles("ann", "bob"))

    with pytest.raises(Rejected) as refusal:
        erase(source, io.BytesIO(), "profile_id", {"ann"}, fine=refusing(reason_code), coarse=never)

    assert refusal.value.reason_code == reason_code
