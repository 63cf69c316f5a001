"""A bound behind which an erased text may stand is found, and what is said of bounds is true."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erasure_purge.parquet.order import Order
from erasure_purge.parquet.statistics import Erased, revise_statistics, touched_sides
from erasure_purge.parquet.thrift_compact import Kind, Struct

_MAX, _MIN, _MAX_EXACT, _MIN_EXACT = 5, 6, 7, 8
_LAST_BEFORE_SURROGATES, _FIRST_AFTER = 0xD7FF, 0xE000


def of(*texts: str) -> Erased:
    values = sorted(text.encode() for text in texts)
    return Erased(entries=len(values), has_values=True, bounds=(values[0], values[-1]))


def raised(text: str) -> bytes:
    """The text with its last character raised, as writers of truncated maxima do."""
    last = ord(text[-1])
    above = _FIRST_AFTER if last == _LAST_BEFORE_SURROGATES else last + 1
    return (text[:-1] + chr(above)).encode()


@given(
    st.text(min_size=1).filter(lambda text: text[-1] != chr(0x10FFFF)),
    st.text(min_size=1),
)
def test_a_maximum_made_of_an_erased_text_is_touched(beginning: str, rest: str) -> None:
    erased = of(beginning + rest)

    assert touched_sides(b"", raised(beginning), erased, Order.BYTES)[1]


@pytest.mark.parametrize("last", ["\x7f", "п", "\u07ff", "\uffff", "\ud7ff"])
def test_a_character_of_which_several_bytes_changed_is_touched(last: str) -> None:
    erased = of("яковлев " + last + " и дальше")

    assert touched_sides(b"", raised("яковлев " + last), erased, Order.BYTES)[1]


def test_a_maximum_that_begins_otherwise_is_not_touched() -> None:
    assert touched_sides(b"a", b"zinc", of("gold"), Order.BYTES) == (False, False)
    assert touched_sides(b"a", "яр".encode(), of("де"), Order.BYTES) == (False, False)


def statistics(high: bytes, *, is_exact: bool) -> Struct:
    return Struct(
        {
            _MAX: (Kind.BINARY, high),
            _MIN: (Kind.BINARY, b"aaa"),
            _MAX_EXACT: (Kind.TRUE, is_exact),
            _MIN_EXACT: (Kind.TRUE, True),
        }
    )


def test_a_truncated_maximum_that_stays_is_not_called_exact() -> None:
    stated = statistics(b"zzz{", is_exact=False)

    revise_statistics(
        stated, of("aaa"), Order.BYTES, lambda: (b"aaa", b"zzz{"), nulls_are_certain=True
    )

    assert stated.blob(_MAX) == b"zzz{"
    assert stated.boolean(_MAX_EXACT, default=True) is False


def test_a_bound_that_is_a_remaining_value_is_called_exact() -> None:
    stated = statistics(b"zzz{", is_exact=False)

    revise_statistics(
        stated, of("zzzz"), Order.BYTES, lambda: (b"aaa", b"ddd"), nulls_are_certain=True
    )

    assert stated.blob(_MAX) == b"ddd"
    assert stated.boolean(_MAX_EXACT, default=False) is True
