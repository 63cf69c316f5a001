from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from erasure_purge.parquet.search import Needles

_LETTERS = st.text("ab", min_size=8, max_size=14).map(str.encode)


@given(st.sets(_LETTERS, max_size=40), st.text("ab", max_size=400).map(str.encode))
def test_needles_are_found_exactly_where_they_stand(needles: set[bytes], data: bytes) -> None:
    assert Needles(needles).found_in(data) == {needle for needle in needles if needle in data}


@given(
    st.sets(st.text("ab", min_size=6, max_size=14).map(str.encode), min_size=13, max_size=60),
    st.text("ab", max_size=40).map(str.encode),
)
def test_shorter_needles_are_found_exactly_where_they_stand(
    needles: set[bytes], data: bytes
) -> None:
    assert Needles(needles, 6).found_in(data) == {needle for needle in needles if needle in data}


def test_one_of_many_needles_may_be_all_there_is() -> None:
    needles = {b"needle%02d" % n for n in range(20)}

    assert Needles(needles).found_in(b"needle07") == {b"needle07"}


def test_many_needles_are_found_across_slices() -> None:
    needles = {b"needle-%08d" % n for n in range(1000)}
    data = b"x" * ((1 << 20) - 5) + b"needle-%08d" % 7 + b"y" * 100 + b"needle-%08d" % 8

    assert Needles(needles).found_in(data) == {b"needle-%08d" % 7, b"needle-%08d" % 8}
