"""One page: where it lies, what its header says, what it holds.

Field numbers: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from .encodings import DICTIONARY_ENCODINGS
from .errors import MalformedParquet
from .levels import Bools, UInts
from .thrift_compact import Struct


class PageKind(IntEnum):
    """PageType of parquet.thrift."""

    DATA = 0
    DICTIONARY = 2
    DATA_V2 = 3


class PageField(IntEnum):
    """PageHeader."""

    TYPE = 1
    UNCOMPRESSED = 2
    COMPRESSED = 3
    CRC = 4
    DATA = 5
    DICTIONARY = 7
    DATA_V2 = 8


class V1Field(IntEnum):
    """DataPageHeader."""

    NUM_VALUES = 1
    ENCODING = 2
    DEFINITION_ENCODING = 3
    REPETITION_ENCODING = 4
    STATISTICS = 5


class V2Field(IntEnum):
    """DataPageHeaderV2."""

    NUM_VALUES = 1
    NUM_NULLS = 2
    NUM_ROWS = 3
    ENCODING = 4
    DEFINITION_BYTES = 5
    REPETITION_BYTES = 6
    IS_COMPRESSED = 7
    STATISTICS = 8


HEADER_FIELDS = {
    PageKind.DATA: PageField.DATA,
    PageKind.DICTIONARY: PageField.DICTIONARY,
    PageKind.DATA_V2: PageField.DATA_V2,
}
UNKNOWN_ROWS = -1


@dataclass
class Page:
    """One page's place; `rows` start in it, UNKNOWN_ROWS until the levels are read."""

    offset: int
    size: int
    first_row: int = UNKNOWN_ROWS
    rows: int = UNKNOWN_ROWS
    encoding: int | None = None
    values: int | None = None
    named: frozenset[bytes] | None = None  # what the header states as bounds, once it was seen


@dataclass(frozen=True)
class LoadedPage:
    """One page's header and (still compressed) body."""

    header: Struct
    header_bytes: int
    body: bytes

    @cached_property
    def kind(self) -> PageKind:
        """Dictionary, data v1 or data v2."""
        return PageKind(self.header.integer(PageField.TYPE))

    @cached_property
    def details(self) -> Struct:
        """The header of the page's own kind."""
        details = self.header.struct(HEADER_FIELDS[self.kind])
        if details is None:
            raise MalformedParquet("a page without the header of its type")
        return details

    @property
    def num_values(self) -> int:
        """Entries of the page, nulls included."""
        count = self.details.integer(V1Field.NUM_VALUES)
        if count < 0:
            raise MalformedParquet("a page with a negative number of values")
        return count

    @property
    def encoding(self) -> int:
        """How the values are encoded."""
        v2 = self.kind is PageKind.DATA_V2
        return self.details.integer(V2Field.ENCODING if v2 else V1Field.ENCODING)

    @property
    def statistics(self) -> Struct | None:
        """What the page header itself says of the values."""
        v2 = self.kind is PageKind.DATA_V2
        return self.details.struct(V2Field.STATISTICS if v2 else V1Field.STATISTICS)

    @property
    def size_bytes(self) -> int:
        """Header and compressed body together, whether or not the body was loaded."""
        length = self.header.integer(PageField.COMPRESSED)
        if length < 0:
            raise MalformedParquet("a page with a negative size")
        return self.header_bytes + length

    @property
    def uncompressed_bytes(self) -> int:
        """The body's size when unpacked."""
        return self.header.integer(PageField.UNCOMPRESSED)

    @property
    def ratio(self) -> float:
        """Packed by unpacked size, as the page was written."""
        return len(self.body) / max(1, self.uncompressed_bytes)

    @property
    def is_dictionary_encoded(self) -> bool:
        """Whether the values are indices into the dictionary."""
        return self.encoding in DICTIONARY_ENCODINGS


@dataclass(frozen=True)
class Content:
    """An unpacked data page. A level array is None where its maximum is 0."""

    repetition: UInts | None
    definition: UInts | None
    present: Bools | None  # which entries have a value; None means all
    value_count: int
    values: bytes
