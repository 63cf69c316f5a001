import gzip
import random

from isal import isal_zlib

from erasure_purge.parquet.compression import Codec, Packer

_RANDOM = random.Random(7)
_SYLLABLES = ["an", "be", "cor", "da", "el", "fi", "gro", "hu", "in", "jo", "ka", "lu", "ma", "no"]
_NAMES = ["".join(_RANDOM.choices(_SYLLABLES, k=3)) for _ in range(400)]
TEXT = " ".join(_RANDOM.choices(_NAMES, k=9000)).encode()  # ISA-L packs it worse than zlib does
NOISE = _RANDOM.randbytes(60_000)  # nobody can pack it


def _ratio(data: bytes) -> float:
    return len(gzip.compress(data, 6)) / len(data)


def _fast(data: bytes) -> bytes:
    return bytes(isal_zlib.compress(data, 2, 31))


def _excess(data: bytes) -> float:
    return len(_fast(data)) - _ratio(data) * len(data)


def test_what_is_packed_unpacks_to_the_same() -> None:
    packer = Packer()
    for data in (TEXT, NOISE, b""):
        packed = packer.pack(Codec.GZIP, data, 0.5, "column")
        assert gzip.decompress(packed) == data


def test_with_enough_allowed_every_page_is_packed_fast() -> None:
    packer = Packer()
    packer.allow(1e9)
    assert [packer.pack(Codec.GZIP, TEXT, _ratio(TEXT), "text") for _ in range(3)] == [
        _fast(TEXT)
    ] * 3


def test_with_nothing_allowed_no_page_is_larger_than_its_writer_had_it() -> None:
    packer = Packer()
    assert _excess(TEXT) > 0, "the text tells nothing"
    for _ in range(3):
        assert len(packer.pack(Codec.GZIP, TEXT, _ratio(TEXT), "text")) <= _ratio(TEXT) * len(TEXT)


def test_all_pages_together_grow_by_little_more_than_allowed() -> None:
    packer = Packer()
    allowed = 10 * _excess(TEXT)
    packer.allow(allowed)
    pages = [packer.pack(Codec.GZIP, TEXT, _ratio(TEXT), "text") for _ in range(100)]
    growth = sum(map(len, pages)) - 100 * _ratio(TEXT) * len(TEXT)
    assert 0 < growth <= allowed


def test_once_half_is_spent_the_kind_that_packs_worst_is_packed_densely_first() -> None:
    packer = Packer()
    assert _excess(TEXT) / len(TEXT) > 0.03 > _excess(NOISE) / len(NOISE)
    packer.allow(4.5 * _excess(TEXT))
    fast = [packer.pack(Codec.GZIP, TEXT, _ratio(TEXT), "text") == _fast(TEXT) for _ in range(6)]
    assert fast == [True, True, True, False, False, False]
    assert packer.pack(Codec.GZIP, NOISE, _ratio(NOISE), "noise") == _fast(NOISE)
    assert packer.allowance_bytes > 0


def test_what_one_kind_of_pages_does_says_nothing_of_another() -> None:
    packer = Packer()
    packer.pack(Codec.GZIP, TEXT, _ratio(TEXT), "text")
    assert packer.pack(Codec.GZIP, NOISE, 1.1, "noise") == _fast(NOISE)


def test_a_debt_is_paid_by_kinds_that_the_fast_way_packs_well_enough_too() -> None:
    packer = Packer()
    packer.pack(Codec.GZIP, TEXT, 0.9, "text")
    packer.allow(-1.0)
    assert len(packer.pack(Codec.GZIP, TEXT, 0.9, "text")) < len(_fast(TEXT))
