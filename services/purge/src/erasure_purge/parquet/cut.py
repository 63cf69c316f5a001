"""Cutting rows out of one data page: levels and values filtered, packed again, header put right."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .encodings import (
    DICTIONARY_ENCODINGS,
    Bounds,
    ByteColumn,
    Column,
    decode_column,
    decode_indices,
    encode_indices,
)
from .errors import UnknownPageType
from .footer import Leaf
from .levels import Bools, UInts, encode_hybrid
from .order import Order
from .page import Content, LoadedPage, PageField, PageKind, V1Field, V2Field
from .pages import ColumnChunk
from .renumbering import Renumbering
from .statistics import Erased, revise_statistics
from .thrift_compact import Kind, Struct, encode

_LENGTH = struct.Struct("<I")
_RLE = 3


@dataclass
class PageValues:
    """A page's values, either themselves or as indices into the chunk's dictionary."""

    column: Column
    indices: UInts | None = None
    width: int = 0

    def bounds(self, order: Order) -> Bounds | None:
        """Minimum and maximum."""
        return self.distinct().bounds(order)

    def distinct(self) -> Column:
        """The dictionary entries in use, or else all values as they are."""
        if self.indices is None:
            return self.column
        used = np.zeros(len(self.column), np.bool_)
        used[self.indices] = True
        return self.column.filtered(used)

    def filtered(self, keep: Bools) -> PageValues:
        """The values that are kept."""
        if self.indices is None:
            return PageValues(self.column.filtered(keep))
        return PageValues(self.column, self.indices[keep], self.width)

    def renumbered(self, by: Renumbering) -> PageValues:
        """The same values, by a dictionary without the entries that go."""
        if self.indices is None:
            return self
        return PageValues(by.column, by.of(self.indices), min(self.width, by.width))

    def encoded(self, encoding: int) -> bytes:
        """The values as a page holds them."""
        if self.indices is None:
            return self.column.encoded(encoding)
        return encode_indices(self.indices, self.width)

    @property
    def count(self) -> int:
        """How many values."""
        return len(self.column if self.indices is None else self.indices)

    def byte_lengths(self) -> int:
        """Bytes of all byte strings together, without their lengths; 0 for other types."""
        if not isinstance(self.column, ByteColumn):
            return 0
        if self.indices is None:
            return int(self.column.starts[-1]) - 4 * len(self.column)
        lengths = np.diff(self.column.starts) - 4
        return int(lengths[self.indices].sum())


def read_values(
    chunk: ColumnChunk, loaded: LoadedPage, content: Content, dictionary: Column | None = None
) -> PageValues:
    """Take a page's values apart; its dictionary is the chunk's unless it has a new one."""
    if loaded.is_dictionary_encoded:
        dictionary = chunk.dictionary if dictionary is None else dictionary
        indices, width = decode_indices(content.values, content.value_count, len(dictionary))
        return PageValues(dictionary, indices, width)
    return PageValues(
        decode_column(chunk.leaf, loaded.encoding, content.values, content.value_count)
    )


@dataclass(frozen=True)
class _Draft:
    """What a page will be made of, once its dictionary is settled."""

    loaded: LoadedPage
    repetition: bytes
    definition: bytes
    values: PageValues


@dataclass
class CutPage:
    """What became of a page: what it lost and, once written, its new bytes."""

    uncompressed_change: int
    entries: int
    rows: int
    kind: PageKind
    encoding: int
    erased: Erased
    nulls_before: int
    nulls: int
    remaining_values: int
    gone: PageValues | None
    remaining: PageValues | None
    bounds: Bounds | None = None
    data: bytes = b""
    draft: _Draft | None = None

    @property
    def is_empty(self) -> bool:
        """Nothing remains: the page disappears."""
        return self.entries == 0

    @property
    def is_by_dictionary(self) -> bool:
        """It holds dictionary indices."""
        return self.encoding in DICTIONARY_ENCODINGS

    @property
    def is_all_null(self) -> bool:
        """No value remains, only nulls."""
        return self.remaining_values == 0

    def remaining_bounds(self, order: Order) -> Bounds | None:
        """Bounds of what remains; asked again after `release`, what they were."""
        if self.bounds is None and self.remaining is not None:
            self.bounds = self.remaining.bounds(order)
        return self.bounds

    def release(self) -> None:
        """Let go of the values, so that memory does not grow with the pages that were cut."""
        self.gone = self.remaining = None

    def write(self, chunk: ColumnChunk, by: Renumbering | None = None) -> None:
        """Make the page's bytes, with its indices renumbered if its dictionary shrinks."""
        draft, self.draft = self.draft, None
        if draft is None:
            return
        values = draft.values if by is None else draft.values.renumbered(by)
        body, uncompressed = _body(chunk, draft, values, self)
        header = _sized_header(draft.loaded.header, body, uncompressed)
        self.data = header + body
        self.uncompressed_change += len(header) + uncompressed


def cut_page(chunk: ColumnChunk, loaded: LoadedPage, content: Content, keep: Bools) -> CutPage:
    """The page without the entries that are not kept.

    It is written, unless it holds dictionary indices: those wait until the dictionary is settled.
    """
    _check_header(loaded)
    leaf = chunk.leaf
    values = read_values(chunk, loaded, content)
    keep_values = keep if content.present is None else keep[content.present]
    gone, remaining = values.filtered(~keep_values), values.filtered(keep_values)
    erased = _erased(leaf, content, keep, gone)
    nulls_before = len(keep) - content.value_count
    cut = CutPage(
        uncompressed_change=-(loaded.header_bytes + loaded.uncompressed_bytes),
        entries=int(np.count_nonzero(keep)),
        rows=_rows(content, keep),
        kind=loaded.kind,
        encoding=loaded.encoding,
        erased=erased,
        nulls_before=nulls_before,
        nulls=nulls_before - erased.nulls,
        remaining_values=remaining.count,
        gone=gone,
        remaining=remaining,
    )
    if not cut.is_empty:
        _revise_header(loaded, cut, leaf)
        repetition = _levels(content.repetition, keep, leaf.max_repetition)
        definition = _levels(content.definition, keep, leaf.max_definition)
        cut.draft = _Draft(loaded, repetition, definition, remaining)
        if not loaded.is_dictionary_encoded:
            cut.write(chunk)
    return cut


def _rows(content: Content, keep: Bools) -> int:
    """Rows that still start in the page."""
    if content.repetition is None:
        return int(np.count_nonzero(keep))
    return int(np.count_nonzero(content.repetition[keep] == 0))


def _erased(leaf: Leaf, content: Content, keep: Bools, gone: PageValues) -> Erased:
    drop = ~keep
    entries = int(np.count_nonzero(drop))
    return Erased(
        entries=entries,
        nulls=entries - gone.count,
        value_bytes=gone.byte_lengths(),
        bounds=gone.bounds(leaf.order),
        has_values=gone.count > 0,
        repetition=_histogram(content.repetition, drop, leaf.max_repetition),
        definition=_histogram(content.definition, drop, leaf.max_definition),
    )


def _histogram(levels: UInts | None, drop: Bools, maximum: int) -> npt.NDArray[np.int64]:
    if levels is None:
        return np.array([np.count_nonzero(drop)], np.int64)
    return np.bincount(levels[drop], minlength=maximum + 1).astype(np.int64)


def _body(
    chunk: ColumnChunk, draft: _Draft, remaining: PageValues, cut: CutPage
) -> tuple[bytes, int]:
    """The new body, and its size unpacked; v2 headers learn their level sizes here."""
    loaded, repetition, definition = draft.loaded, draft.repetition, draft.definition
    values = remaining.encoded(loaded.encoding)
    if loaded.kind is PageKind.DATA_V2:
        details = loaded.details
        details.set_int(V2Field.NUM_NULLS, cut.nulls, Kind.I32)
        details.set_int(V2Field.NUM_ROWS, cut.rows, Kind.I32)
        details.set_int(V2Field.DEFINITION_BYTES, len(definition), Kind.I32)
        details.set_int(V2Field.REPETITION_BYTES, len(repetition), Kind.I32)
        plain_bytes = len(repetition) + len(definition) + len(values)
        if values and details.boolean(V2Field.IS_COMPRESSED, default=True):
            values = chunk.pack(values, loaded.ratio)
        return repetition + definition + values, plain_bytes
    plain = b"".join((_prefixed(repetition), _prefixed(definition), values))
    return chunk.pack(plain, loaded.ratio), len(plain)


def _levels(levels: UInts | None, keep: Bools, maximum: int) -> bytes:
    return b"" if levels is None else encode_hybrid(levels[keep], maximum.bit_length())


def _prefixed(levels: bytes) -> bytes:
    return _LENGTH.pack(len(levels)) + levels if levels else b""


def _revise_header(loaded: LoadedPage, cut: CutPage, leaf: Leaf) -> None:
    """All that the page header says but sizes and checksum."""
    details = loaded.details
    count = loaded.num_values - cut.erased.entries
    details.set_int(V1Field.NUM_VALUES, count, Kind.I32)
    if loaded.kind is not PageKind.DATA_V2:  # the deprecated bit-packed levels are written as runs
        details.set_int(V1Field.DEFINITION_ENCODING, _RLE, Kind.I32)
        details.set_int(V1Field.REPETITION_ENCODING, _RLE, Kind.I32)
    statistics = loaded.statistics
    if statistics is not None and cut.erased.entries:
        revise_statistics(
            statistics,
            cut.erased,
            leaf.order,
            lambda: cut.remaining_bounds(leaf.order),
            nulls_are_certain=leaf.max_repetition == 0,
        )


def _sized_header(header: Struct, body: bytes, uncompressed: int) -> bytes:
    header.set_int(PageField.UNCOMPRESSED, uncompressed, Kind.I32)
    header.set_int(PageField.COMPRESSED, len(body), Kind.I32)
    set_checksum(header, body)
    return encode(header)


def set_checksum(header: Struct, body: bytes) -> None:
    """Sum the body again if the writer had summed it."""
    if PageField.CRC in header:
        unsigned = zlib.crc32(body)
        header.set_int(PageField.CRC, unsigned - (1 << 32 if unsigned >> 31 else 0), Kind.I32)


def _check_header(loaded: LoadedPage) -> None:
    """Fields that we do not know may describe the page as it was."""
    details = V2Field if loaded.kind is PageKind.DATA_V2 else V1Field
    if set(loaded.header) - set(PageField) or set(loaded.details) - set(details):
        raise UnknownPageType("its header has fields from the future")
