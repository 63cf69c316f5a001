"""The named refusals: what the engine will not touch, and why.

    UnsupportedParquet
    ├── MalformedParquet        the bytes contradict the format or themselves
    │   ├── EmptyFile           there is nothing
    │   ├── NotParquet          it is something else
    │   ├── TruncatedParquet    it begins like Parquet, and ends before its footer does
    │   ├── ChecksumMismatch    a page is not the one its writer summed
    │   └── UnclearRowBoundaries  a nested column's pages do not begin where they say
    ├── EncryptedParquet        modular encryption, in the footer or a column
    ├── SignedParquet           the footer carries a signature that only its writer can renew
    ├── FooterNotPreserved      the footer would not survive being written again
    ├── UnknownPageType         a kind of page this engine has never met
    ├── UnknownEncoding         an encoding it cannot take apart
    ├── UnknownCodec            a compression it cannot undo
    ├── UnfaithfulInt96         a date that pyarrow would change, where only pyarrow can read it
    ├── ExternalColumnChunk     the data is in another file
    ├── IdColumnMissing         this file has no such column
    ├── IdColumnRepeated        the id stands in a list or a map
    ├── UnsupportedIdType       ids of this column's type cannot be compared
    └── ErasedValueInMetadata   the file's key/value metadata names an erased person

A refusal is an answer for a person to adjudicate; it never carries a value of the data.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import pyarrow as pa


class UnsupportedParquet(Exception):
    """The file cannot be erased from safely."""

    reason: ClassVar[str] = "UNSUPPORTED_PARQUET"

    def __init__(self, detail: str = "") -> None:
        summary = (type(self).__doc__ or "").splitlines()[0]
        super().__init__(f"{summary} ({detail})" if detail else summary)
        self.detail = detail


class MalformedParquet(UnsupportedParquet):
    """The file contradicts the Parquet format or itself."""

    reason = "UNREADABLE_PARQUET"


class EmptyFile(MalformedParquet):
    """The file is empty."""

    reason = "EMPTY_OBJECT"


class NotParquet(MalformedParquet):
    """The file is no Parquet."""

    reason = "NOT_PARQUET"


class TruncatedParquet(MalformedParquet):
    """The file begins like Parquet, and ends before its footer does."""

    reason = "TRUNCATED_PARQUET"


class ChecksumMismatch(MalformedParquet):
    """A page does not match its checksum."""

    reason = "CHECKSUM_MISMATCH"


class UnclearRowBoundaries(MalformedParquet):
    """A nested column's pages do not hold the rows that they say."""

    reason = "UNCLEAR_ROW_BOUNDARIES"


class EncryptedParquet(UnsupportedParquet):
    """The file is encrypted."""

    reason = "ENCRYPTED_PARQUET"


class SignedParquet(UnsupportedParquet):
    """The file's footer is signed, and would not be any more."""

    reason = "SIGNED_PARQUET"


class FooterNotPreserved(UnsupportedParquet):
    """The footer would not survive being decoded and encoded again."""

    reason = "FOOTER_NOT_PRESERVED"


class UnknownPageType(UnsupportedParquet):
    """The file holds a page of an unknown type."""

    reason = "UNKNOWN_PAGE_TYPE"


class UnknownEncoding(UnsupportedParquet):
    """The file uses an encoding that cannot be taken apart."""

    reason = "UNKNOWN_ENCODING"


class UnknownCodec(UnsupportedParquet):
    """The file uses a compression that cannot be undone."""

    reason = "UNKNOWN_CODEC"


class UnfaithfulInt96(UnsupportedParquet):
    """An INT96 date lies outside 1677-2262 and would be changed."""

    reason = "UNFAITHFUL_REWRITE"


class ExternalColumnChunk(UnsupportedParquet):
    """A column chunk is stored in another file."""

    reason = "EXTERNAL_COLUMN_CHUNK"


class IdColumnMissing(UnsupportedParquet):
    """The file has no such id column."""

    reason = "ID_COLUMN_MISSING"


class IdColumnRepeated(UnsupportedParquet):
    """The id column stands inside a list or a map."""

    reason = "ID_COLUMN_UNSUPPORTED"


class UnsupportedIdType(UnsupportedParquet):
    """Ids cannot be compared with a column of this type."""

    reason = "ID_COLUMN_UNSUPPORTED"


class ErasedValueInMetadata(UnsupportedParquet):
    """The file's key/value metadata contains an erased value."""

    reason = "ERASED_VALUE_IN_METADATA"


UNLEARNED = (
    FooterNotPreserved,
    UnclearRowBoundaries,
    UnknownCodec,
    UnknownEncoding,
    UnknownPageType,
)
"""Refusals of the page level, about chunks that pyarrow may still be able to read."""


@contextmanager
def only_refusals() -> Iterator[None]:
    """Let what bytes that contradict the format lead to leave as a refusal.

    Only such bytes lead there, and the message of what was raised might quote the data.
    """
    try:
        yield
    except UnsupportedParquet:
        raise
    except (
        ArithmeticError,
        LookupError,
        MemoryError,
        RecursionError,
        TypeError,
        ValueError,
        struct.error,
        pa.ArrowException,
    ) as error:
        raise MalformedParquet(type(error).__name__) from None
