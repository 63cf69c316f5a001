from __future__ import annotations

import random

import numpy as np

from erasure_purge.parquet.bloom import xxh64
from erasure_purge.parquet.encodings import ByteColumn, FixedColumn
from erasure_purge.parquet.many_hashes import hashes
from erasure_purge.parquet.order import PhysicalType


def test_texts_of_every_length_hash_as_one_by_one() -> None:
    texts = [random.Random(n).randbytes(n % 131) for n in range(1_000)]
    plain = b"".join(len(text).to_bytes(4, "little") + text for text in texts)

    hashed = np.concatenate(list(hashes(ByteColumn(plain, len(texts)))))

    assert sorted(hashed.tolist()) == sorted(map(xxh64, texts))


def test_numbers_hash_as_one_by_one() -> None:
    octets = np.frombuffer(random.Random(1).randbytes(8 * 500), np.uint8)

    for width, kind in ((4, PhysicalType.INT32), (8, PhysicalType.DOUBLE)):
        column = FixedColumn(kind, octets.reshape(-1, width))
        values = column.selected(np.ones(len(column), np.bool_))
        assert np.concatenate(list(hashes(column))).tolist() == list(map(xxh64, values))


def test_nothing_has_no_hashes() -> None:
    assert list(hashes(ByteColumn(b"", 0))) == []
    assert list(hashes(FixedColumn(PhysicalType.INT32, np.zeros((0, 4), np.uint8)))) == []
