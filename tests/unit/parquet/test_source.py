"""Reading a range through a window: the very bytes, each of them once."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erasure_purge.parquet.errors import MalformedParquet
from erasure_purge.parquet.source import CountingSource, InMemory, Window
from tests.unit.parquet.keeping import FakeKeeping

DATA = Random(3).randbytes(10_000)
START, END = 1_000, 9_000


@given(st.lists(st.integers(1, 700), min_size=1), st.integers(1, 3_000))
def test_pages_one_after_the_other_are_read_once(sizes: list[int], window_bytes: int) -> None:
    source = CountingSource(InMemory(DATA))
    window = Window(source, START, END, window_bytes)
    position = START

    for size in sizes:
        size = min(size, END - position)
        header = window.peek(position, 50)
        page = window.read(position, size)
        assert (header, page) == (
            DATA[position : position + 50][: END - position],
            DATA[position : position + size],
        )
        position += size

    assert source.read_bytes <= min(END, position + 50 + window_bytes) - START


@given(st.lists(st.tuples(st.integers(START, END), st.integers(0, 900)), max_size=20))
def test_pages_in_any_order_are_the_very_bytes(pages: list[tuple[int, int]]) -> None:
    window = Window(InMemory(DATA), START, END, 300)

    for offset, length in pages:
        assert window.peek(offset, length) == DATA[offset : min(END, offset + length)]


def test_a_page_beyond_its_chunk_is_refused() -> None:
    window = Window(InMemory(DATA), START, END, 300)

    with pytest.raises(MalformedParquet):
        window.read(END - 10, 11)


def test_who_looks_for_the_next_page_reads_on_to_the_end_and_who_reads_one_does_not() -> None:
    source = FakeKeeping(DATA)
    window = Window(CountingSource(source), START, END, 100)

    window.peek(START, 50)
    window.read(START, 400)

    assert source.towards == [(END, START, 100), (START + 400, START + 100, 300)]
