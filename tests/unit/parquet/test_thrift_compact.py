from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from erasure_purge.parquet.errors import MalformedParquet
from erasure_purge.parquet.thrift_compact import BOOL, Items, Kind, Map, Struct, decode, encode

_integers = st.integers(-(1 << 62), (1 << 62) - 1)
_leaves = st.one_of(
    st.tuples(st.just(BOOL), st.booleans()),
    st.tuples(st.sampled_from([Kind.I16, Kind.I32, Kind.I64]), _integers),
    st.tuples(st.just(Kind.BYTE), st.integers(-128, 127)),
    st.tuples(st.just(Kind.DOUBLE), st.binary(min_size=8, max_size=8)),
    st.tuples(st.just(Kind.BINARY), st.binary(max_size=40)),
    st.tuples(st.just(Kind.LIST), st.builds(Items, st.just(Kind.I32), st.lists(_integers))),
    st.tuples(st.just(Kind.LIST), st.builds(Items, st.just(BOOL), st.lists(st.booleans()))),
    st.tuples(st.just(Kind.MAP), st.just(Map(Kind.BINARY, Kind.I32, [(b"k", 1), (b"l", -2)]))),
)
_structs = st.recursive(
    st.builds(Struct, st.dictionaries(st.integers(-300, 300), _leaves, max_size=6)),
    lambda inner: st.builds(
        Struct,
        st.dictionaries(
            st.integers(1, 300),
            _leaves
            | st.tuples(st.just(Kind.STRUCT), inner)
            | st.tuples(
                st.just(Kind.LIST),
                st.builds(Items, st.just(Kind.STRUCT), st.lists(inner, max_size=17)),
            ),
            max_size=5,
        ),
    ),
    max_leaves=12,
)


@given(_structs)
def test_any_document_survives_unknown_fields_and_all(document: Struct) -> None:
    raw = encode(document)

    again, end = decode(raw)

    assert end == len(raw)
    assert again == document
    assert encode(again) == raw


@given(_structs, st.data())
def test_a_document_that_ends_early_is_malformed(document: Struct, data: st.DataObject) -> None:
    raw = encode(document)
    cut = data.draw(st.integers(0, len(raw) - 1))

    with pytest.raises(MalformedParquet):
        decode(raw[:cut])


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_malformed(raw: bytes) -> None:
    try:
        document, _ = decode(raw)
    except MalformedParquet:
        return
    assert decode(encode(document))[0] == document


def test_a_field_of_the_wrong_type_is_malformed() -> None:
    document = Struct({1: (Kind.BINARY, b"x"), 2: (Kind.I32, 1)})

    with pytest.raises(MalformedParquet):
        document.integer(1)
    with pytest.raises(MalformedParquet):
        document.blob(2)
    with pytest.raises(MalformedParquet):
        document.integer(3)


def test_a_document_nested_beyond_reason_is_malformed() -> None:
    with pytest.raises(MalformedParquet):
        decode(bytes([0x1C]) * 10_000)
