"""The footer: the file's metadata as a lossless tree, and the leaves of its schema.

Field numbers: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from .errors import (
    EmptyFile,
    EncryptedParquet,
    FooterNotPreserved,
    MalformedParquet,
    NotParquet,
    SignedParquet,
    TruncatedParquet,
)
from .order import Order, PhysicalType, order_of
from .source import Source
from .thrift_compact import Items, Kind, Struct, decode, encode

MAGIC = b"PAR1"
ENCRYPTED_MAGIC = b"PARE"
_TAIL = struct.Struct("<I4s")
_FOOTER_GUESS_BYTES = 64 * 1024


class FileField(IntEnum):
    """FileMetaData."""

    SCHEMA = 2
    NUM_ROWS = 3
    ROW_GROUPS = 4
    KEY_VALUE = 5
    CREATED_BY = 6
    COLUMN_ORDERS = 7
    ENCRYPTION = 8
    SIGNING_KEY = 9


class GroupField(IntEnum):
    """RowGroup."""

    COLUMNS = 1
    TOTAL_BYTE_SIZE = 2
    NUM_ROWS = 3
    SORTING_COLUMNS = 4
    FILE_OFFSET = 5
    TOTAL_COMPRESSED_SIZE = 6
    ORDINAL = 7


class ChunkField(IntEnum):
    """ColumnChunk."""

    FILE_PATH = 1
    FILE_OFFSET = 2
    META = 3
    OFFSET_INDEX_OFFSET = 4
    OFFSET_INDEX_LENGTH = 5
    COLUMN_INDEX_OFFSET = 6
    COLUMN_INDEX_LENGTH = 7
    CRYPTO = 8
    ENCRYPTED_META = 9


class MetaField(IntEnum):
    """ColumnMetaData."""

    TYPE = 1
    ENCODINGS = 2
    PATH = 3
    CODEC = 4
    NUM_VALUES = 5
    TOTAL_UNCOMPRESSED = 6
    TOTAL_COMPRESSED = 7
    KEY_VALUE = 8
    DATA_PAGE_OFFSET = 9
    INDEX_PAGE_OFFSET = 10
    DICTIONARY_OFFSET = 11
    STATISTICS = 12
    ENCODING_STATS = 13
    BLOOM_OFFSET = 14
    BLOOM_LENGTH = 15
    SIZE_STATISTICS = 16
    GEOSPATIAL = 17


KNOWN_META_FIELDS = frozenset(MetaField)


@dataclass(frozen=True)
class Leaf:
    """A column that holds values: its place in the schema and how its levels and values read."""

    index: int
    path: tuple[bytes, ...]
    physical: PhysicalType
    type_length: int
    max_definition: int
    max_repetition: int
    order: Order
    order_is_stated: bool
    element: Struct
    groups: tuple[Struct, ...] = ()  # the schema elements around it, outermost first

    @property
    def name(self) -> str:
        """The dotted path."""
        return b".".join(self.path).decode("utf-8", "replace")

    @property
    def width(self) -> int:
        """Bytes of one value in PLAIN encoding, 0 where values have their own length."""
        if self.physical is PhysicalType.FIXED_LEN_BYTE_ARRAY:
            return self.type_length
        return _WIDTHS.get(self.physical, 0)


_WIDTHS = {
    PhysicalType.INT32: 4,
    PhysicalType.INT64: 8,
    PhysicalType.INT96: 12,
    PhysicalType.FLOAT: 4,
    PhysicalType.DOUBLE: 8,
}


@dataclass
class Footer:
    """The decoded footer, its leaves, and the bytes it took."""

    document: Struct
    leaves: list[Leaf]
    offset: int

    @property
    def row_groups(self) -> list[Struct]:
        """The row groups, in file order."""
        groups = self.document.items(FileField.ROW_GROUPS)
        return groups.structs() if groups is not None else []

    @property
    def num_rows(self) -> int:
        """Rows of the file."""
        return self.document.integer(FileField.NUM_ROWS)


def read_footer(source: Source) -> Footer:
    """Read, decode and check the footer.

    Raises:
        UnsupportedParquet: it is encrypted, malformed, or would not survive being written again.
    """
    _check_beginning(source)
    tail_bytes = min(source.size_bytes, _FOOTER_GUESS_BYTES)
    tail = source.read(source.size_bytes - tail_bytes, tail_bytes)
    length, magic = _TAIL.unpack(tail[-_TAIL.size :])
    if magic == ENCRYPTED_MAGIC:
        raise EncryptedParquet("footer")
    offset = source.size_bytes - _TAIL.size - length
    if magic != MAGIC or offset < len(MAGIC):
        raise TruncatedParquet
    if length + _TAIL.size > tail_bytes:
        raw = source.read(offset, length)
    else:
        raw = tail[-_TAIL.size - length : -_TAIL.size]
    document, end = decode(raw)
    _check_plain(document, is_signed=end != len(raw))
    if end != len(raw):
        raise MalformedParquet("bytes after the footer's end")
    if decode(encode(document))[0] != document:
        raise FooterNotPreserved
    return _checked(Footer(document, list(_leaves(document)), offset))


def _check_beginning(source: Source) -> None:
    """Whether this may be a Parquet file at all."""
    if source.size_bytes == 0:
        raise EmptyFile
    if source.read(0, min(len(MAGIC), source.size_bytes)) not in (MAGIC, ENCRYPTED_MAGIC):
        raise NotParquet
    if source.size_bytes < len(MAGIC) + _TAIL.size:
        raise TruncatedParquet


def _check_plain(document: Struct, *, is_signed: bool) -> None:
    """Whether nothing is encrypted, and nothing signed: a signature is what follows the footer.

    https://github.com/apache/parquet-format/blob/master/Encryption.md, "Plaintext footer mode".
    """
    if FileField.ENCRYPTION not in document and FileField.SIGNING_KEY not in document:
        return
    groups = document.items(FileField.ROW_GROUPS) or Items(Kind.STRUCT, [])
    chunks = (chunk for group in groups.structs() for chunk in group_columns(group))
    if any(ChunkField.CRYPTO in one or ChunkField.ENCRYPTED_META in one for one in chunks):
        raise EncryptedParquet("columns")
    if is_signed or FileField.SIGNING_KEY in document:
        raise SignedParquet
    raise EncryptedParquet("columns")


def footer_bytes(document: Struct) -> bytes:
    """The footer as it stands at the end of a file, with its length and the magic."""
    raw = encode(document)
    return raw + _TAIL.pack(len(raw), MAGIC)


def _checked(footer: Footer) -> Footer:
    """The footer, if its row groups fit its schema and its counts."""
    rows = 0
    for group in footer.row_groups:
        columns = group.items(GroupField.COLUMNS)
        if columns is None or len(columns) != len(footer.leaves):
            raise MalformedParquet("a row group does not have the schema's columns")
        rows += group.integer(GroupField.NUM_ROWS)
        if group.integer(GroupField.NUM_ROWS) < 0:
            raise MalformedParquet("a row group has a negative number of rows")
    if rows != footer.num_rows:
        raise MalformedParquet("the row groups do not add up to the file's rows")
    return footer


class SchemaField(IntEnum):
    """SchemaElement."""

    TYPE = 1
    TYPE_LENGTH = 2
    REPETITION = 3
    NAME = 4
    NUM_CHILDREN = 5


_OPTIONAL, _REPEATED = 1, 2


def _leaves(document: Struct) -> Iterator[Leaf]:
    schema = document.items(FileField.SCHEMA)
    if not schema:
        raise MalformedParquet("no schema")
    elements = schema.structs()
    orders = document.items(FileField.COLUMN_ORDERS)
    walk = _walk(elements, 1, elements[0].integer(SchemaField.NUM_CHILDREN, 0), (), 0, 0)
    last = 0
    for index, (position, around, definition, repetition) in enumerate(walk):
        last = position
        element = elements[position]
        groups = tuple(elements[number] for number in around)
        path = tuple(one.blob(SchemaField.NAME) or b"" for one in (*groups, element))
        try:
            physical = PhysicalType(element.integer(SchemaField.TYPE))
        except ValueError:
            raise MalformedParquet("unknown physical type") from None
        width = element.integer(SchemaField.TYPE_LENGTH, 0)
        if physical is PhysicalType.FIXED_LEN_BYTE_ARRAY and width <= 0:
            raise MalformedParquet("a fixed-length column without a length")
        stated = _column_order(orders, index)
        order = order_of(physical, element, stated)
        yield Leaf(
            index,
            path,
            physical,
            width,
            definition,
            repetition,
            order,
            stated is not None,
            element,
            groups,
        )
    if last > len(elements) - 1:
        raise MalformedParquet("the schema ends early")


def _column_order(orders: Items | None, index: int) -> int | None:
    """Which member of the ColumnOrder union the file states; None if it states none."""
    if orders is None or index >= len(orders):
        return None
    return next(iter(orders.structs()[index]), None)


def _walk(
    elements: list[Struct],
    position: int,
    children: int,
    around: tuple[int, ...],
    definition: int,
    repetition: int,
) -> Iterator[tuple[int, tuple[int, ...], int, int]]:
    """(position, positions around, definition level, repetition level) of every leaf."""
    stack = [(children, around, definition, repetition)]
    while stack:
        left, around, definition, repetition = stack.pop()
        if left <= 0:
            continue
        stack.append((left - 1, around, definition, repetition))
        if position >= len(elements):
            raise MalformedParquet("the schema ends early")
        element = elements[position]
        kind = element.integer(SchemaField.REPETITION, 0)
        levels = (
            definition + (kind in (_OPTIONAL, _REPEATED)),
            repetition + (kind == _REPEATED),
        )
        if SchemaField.TYPE in element:
            yield position, around, *levels
        else:
            inside = (*around, position)
            stack.append((element.integer(SchemaField.NUM_CHILDREN, 0), inside, *levels))
        position += 1


def group_columns(group: Struct) -> list[Struct]:
    """The row group's column chunks, in the order of the leaves."""
    columns = group.items(GroupField.COLUMNS)
    return [] if columns is None else columns.structs()


def chunk_meta(chunk: Struct, leaf: Leaf) -> Struct:
    """The chunk's ColumnMetaData, checked against the schema."""
    if ChunkField.CRYPTO in chunk or ChunkField.ENCRYPTED_META in chunk:
        raise EncryptedParquet(leaf.name)
    meta = chunk.struct(ChunkField.META)
    if meta is None:
        raise MalformedParquet("a column chunk without metadata")
    path = meta.items(MetaField.PATH)
    if path is None or tuple(path.blobs()) != leaf.path:
        raise MalformedParquet("a column chunk is not where the schema has its column")
    if meta.integer(MetaField.TYPE) != leaf.physical:
        raise MalformedParquet("a column chunk is not of its column's type")
    return meta


def chunk_range(meta: Struct) -> tuple[int, int]:
    """Where the chunk's pages start and end. Some writers put 0 for 'no dictionary'."""
    fields = (MetaField.DATA_PAGE_OFFSET, MetaField.DICTIONARY_OFFSET, MetaField.INDEX_PAGE_OFFSET)
    starts = [offset for field in fields if (offset := meta.integer(field, 0)) > 0]
    length = meta.integer(MetaField.TOTAL_COMPRESSED)
    if length == 0 and not starts:
        return 0, 0
    if not starts or length < 0:
        raise MalformedParquet("a column chunk is nowhere")
    return min(starts), min(starts) + length
