"""A column chunk as its pages: where they are, what rows they hold, their levels and values.

Pages are found through the offset index if there is one that adds up, else by walking the headers.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Container, Iterator
from functools import cached_property

import numpy as np

from .compression import Packer, decompress
from .encodings import Column, Encoding, decode_column
from .errors import (
    ChecksumMismatch,
    ExternalColumnChunk,
    MalformedParquet,
    UnclearRowBoundaries,
    UnknownEncoding,
    UnknownPageType,
)
from .footer import ChunkField, Leaf, MetaField, chunk_meta, chunk_range
from .levels import UInts, decode_bit_packed, decode_hybrid
from .page import (
    HEADER_FIELDS,
    UNKNOWN_ROWS,
    Content,
    LoadedPage,
    Page,
    PageField,
    PageKind,
    V1Field,
    V2Field,
)
from .source import Source, Window
from .statistics import bounds_named
from .thrift_compact import Struct, decode

_HEADER_GUESS_BYTES = 512
_MAX_HEADER_BYTES = 16 * 1024 * 1024
_LENGTH = struct.Struct("<I")


class FalseOffsetIndex(Exception):
    """A page does not hold the rows that the offset index gives it; never leaves this package."""


class ColumnChunk:
    """One column chunk of a file; nothing is read before it is needed."""

    def __init__(
        self,
        source: Source,
        chunk: Struct,
        leaf: Leaf,
        rows: int,
        window_bytes: int,
        packer: Packer | None = None,
    ) -> None:
        if chunk.get(ChunkField.FILE_PATH):
            raise ExternalColumnChunk(leaf.name)
        self.source = source
        self.chunk = chunk
        self.leaf = leaf
        self.rows = rows
        self.packer = packer if packer is not None else Packer()
        self.wanted: Container[bytes] = ()  # ids to be erased, as this column stores them
        self.meta = chunk_meta(chunk, leaf)
        self.codec = self.meta.integer(MetaField.CODEC)
        self.start, self.end = chunk_range(self.meta)
        self.window = Window(source, self.start, self.end, window_bytes)
        self.dictionary_page: Page | None = None
        self.is_indexed = False  # its pages were found through the offset index
        self._pages: list[Page] | None = None

    @cached_property
    def offset_index(self) -> Struct | None:
        """The chunk's OffsetIndex, if it has one."""
        return self._index(ChunkField.OFFSET_INDEX_OFFSET, ChunkField.OFFSET_INDEX_LENGTH)

    @cached_property
    def column_index(self) -> Struct | None:
        """The chunk's ColumnIndex, if it has one."""
        return self._index(ChunkField.COLUMN_INDEX_OFFSET, ChunkField.COLUMN_INDEX_LENGTH)

    def _index(self, offset_field: int, length_field: int) -> Struct | None:
        offset = self.chunk.integer(offset_field, 0)
        if not offset:
            return None
        raw = self.source.read(offset, self.chunk.integer(length_field, 0))
        return decode(raw)[0]

    def distrust_indexes(self) -> None:
        """Go on as if the chunk had no page indexes, since they are wrong of a page."""
        self.offset_index = self.column_index = None
        self.dictionary_page = self._pages = None
        self.is_indexed = False

    def pages(self) -> list[Page]:
        """The data pages, all of them."""
        if self._pages is None:
            self._pages = list(self.walk())
        return self._pages

    def walk(self) -> Iterator[Page]:
        """The data pages one by one, so that a reader can load each while it is at hand."""
        if self._pages is None:
            self._pages = self._indexed_pages()
            self.is_indexed = self._pages is not None
        if self._pages is not None:
            yield from self._pages
            return
        pages: list[Page] = []
        row = values = 0
        for page in self.walk_headers():
            if page is self.dictionary_page:
                continue
            page.first_row = row
            row = UNKNOWN_ROWS if UNKNOWN_ROWS in (row, page.rows) else row + page.rows
            values += page.values or 0
            pages.append(page)
            yield page
        if values != self.meta.integer(MetaField.NUM_VALUES):
            raise MalformedParquet("a column chunk's pages do not hold its values")
        if row not in (self.rows, UNKNOWN_ROWS):
            nested = self.leaf.max_repetition > 0
            refusal = UnclearRowBoundaries if nested else MalformedParquet
            raise refusal("a column chunk's pages do not hold its row group's rows")
        self._pages = pages

    def walk_headers(self) -> Iterator[Page]:
        """Every page as it lies in the chunk, the dictionary's too, whatever an index says."""
        position = self.start
        while position < self.end:
            header, header_bytes = self._header(position)
            loaded = LoadedPage(header, header_bytes, b"")
            page = Page(position, loaded.size_bytes)
            if loaded.kind is PageKind.DICTIONARY:
                if position != self.start:
                    raise MalformedParquet("a dictionary after the first page")
                self.dictionary_page = page
            else:
                page.rows = self.rows_of(loaded)
                note_header(page, loaded)
            yield page
            position += page.size
        if position != self.end:
            raise MalformedParquet("a column chunk's pages do not add up")

    def _indexed_pages(self) -> list[Page] | None:
        """The pages as the offset index has them; None if it does not account for every byte."""
        index = self.offset_index
        locations = None if index is None else index.items(1)
        if not locations:
            return None
        places = [
            Page(place.integer(1), place.integer(2), place.integer(3))
            for place in locations.structs()
        ]
        firsts = [page.first_row for page in places]
        for page, following in zip(places, [*firsts[1:], self.rows], strict=True):
            page.rows = following - page.first_row
        position = places[0].offset
        for page in places:
            if page.offset != position or page.size <= 0 or page.rows < 0:
                return None
            position += page.size
        if position != self.end or firsts[0] != 0 or places[0].offset < self.start:
            return None
        if places[0].offset > self.start:
            self.dictionary_page = Page(self.start, places[0].offset - self.start)
        return places

    def rows_of(self, loaded: LoadedPage) -> int:
        """How many rows start in a page, as far as its header tells."""
        if self.leaf.max_repetition == 0:
            return loaded.num_values
        if loaded.kind is PageKind.DATA_V2:
            return loaded.details.integer(V2Field.NUM_ROWS)
        return UNKNOWN_ROWS

    def _header(self, position: int) -> tuple[Struct, int]:
        """The page header that starts there, and its length."""
        guess = _HEADER_GUESS_BYTES
        while True:
            raw = self.window.peek(position, guess)
            try:
                header, length = decode(raw)
            except MalformedParquet:
                # Statistics of long strings can make a header longer than the guess.
                if len(raw) < guess or guess >= _MAX_HEADER_BYTES:
                    raise
                guess *= 16
                continue
            kind = header.integer(PageField.TYPE)
            if kind not in HEADER_FIELDS:
                raise UnknownPageType(f"type {kind}")
            return header, length

    def encoding_of(self, page: Page) -> int:
        """A data page's encoding, from its header alone."""
        if page.encoding is None:
            page.encoding = self.header_of(page).encoding
        return page.encoding

    def is_void(self, page: Page) -> bool:
        """Whether a page holds nothing at all, not even nulls."""
        if page.values is None:
            page.values = self.header_of(page).num_values if page.rows == 0 else page.rows
        return page.values == 0

    def header_of(self, page: Page) -> LoadedPage:
        """A page's header without its body."""
        header, header_bytes = self._header(page.offset)
        return LoadedPage(header, header_bytes, b"")

    def load(self, page: Page) -> LoadedPage:
        """Read a page and check that it is whole.

        Raises:
            ChecksumMismatch: it is not what its writer summed.
        """
        return self.parse(self.window.read(page.offset, page.size))

    def load_of_flat(self, page: Page) -> LoadedPage:
        """The same for a page of a column without repetition, of which rows are to be named.

        Raises:
            FalseOffsetIndex: they are not as many as the index says.
        """
        loaded = self.load(page)
        if self.is_indexed and (
            loaded.kind is PageKind.DICTIONARY or loaded.num_values != page.rows
        ):
            raise FalseOffsetIndex
        return loaded

    def parse(self, raw: bytes) -> LoadedPage:
        """A page from its bytes, checked."""
        header, header_bytes = decode(raw)
        kind = header.integer(PageField.TYPE)
        if kind not in HEADER_FIELDS:
            raise UnknownPageType(f"type {kind}")
        body = raw[header_bytes:]
        loaded = LoadedPage(header, header_bytes, body)
        if loaded.size_bytes != len(raw):
            raise MalformedParquet("a page is not as long as its header says")
        checksum = header.int_or_none(PageField.CRC)
        if checksum is not None and checksum & 0xFFFFFFFF != zlib.crc32(body):
            raise ChecksumMismatch(self.leaf.name)
        return loaded

    @cached_property
    def dictionary(self) -> Column:
        """The values of the dictionary page."""
        if self.dictionary_page is None:
            raise MalformedParquet("dictionary-encoded values without a dictionary")
        loaded = self.load(self.dictionary_page)
        if loaded.kind is not PageKind.DICTIONARY:
            raise MalformedParquet("the dictionary is not where the index leaves room for it")
        if loaded.encoding not in (Encoding.PLAIN, Encoding.PLAIN_DICTIONARY):
            raise UnknownEncoding(f"dictionary encoding {loaded.encoding}")
        data = decompress(self.codec, loaded.body, loaded.uncompressed_bytes)
        return decode_column(self.leaf, Encoding.PLAIN, data, loaded.num_values)

    def pack(self, data: bytes, writers_ratio: float, *, is_dictionary: bool = False) -> bytes:
        """The packed body of a page; `writers_ratio`: packed by unpacked size as it was."""
        return self.packer.pack(self.codec, data, writers_ratio, (self.leaf.index, is_dictionary))

    def content(self, loaded: LoadedPage) -> Content:
        """Unpack a data page and read its levels."""
        if loaded.num_values == 0:
            nothing = np.zeros(0, np.uint32)
            repetition = nothing if self.leaf.max_repetition else None
            return Content(repetition, nothing if self.leaf.max_definition else None, None, 0, b"")
        if loaded.kind is PageKind.DATA_V2:
            repetition, definition, values = self._split_v2(loaded)
        else:
            repetition, definition, values = self._split_v1(loaded)
        leaf = self.leaf
        for levels, maximum in (
            (repetition, leaf.max_repetition),
            (definition, leaf.max_definition),
        ):
            if levels is not None and len(levels) and int(levels.max()) > maximum:
                raise MalformedParquet("a level beyond its maximum")
        if definition is None:
            return Content(repetition, None, None, loaded.num_values, values)
        present = definition == leaf.max_definition
        count = int(np.count_nonzero(present))
        everything = count == loaded.num_values
        return Content(repetition, definition, None if everything else present, count, values)

    def _split_v1(self, loaded: LoadedPage) -> tuple[UInts | None, UInts | None, bytes]:
        raw = decompress(self.codec, loaded.body, loaded.uncompressed_bytes)
        leaf, header, count = self.leaf, loaded.details, loaded.num_values
        repetition = definition = None
        position = 0
        if leaf.max_repetition:
            encoding = header.integer(V1Field.REPETITION_ENCODING)
            repetition, position = _levels_v1(raw, position, leaf.max_repetition, count, encoding)
        if leaf.max_definition:
            encoding = header.integer(V1Field.DEFINITION_ENCODING)
            definition, position = _levels_v1(raw, position, leaf.max_definition, count, encoding)
        return repetition, definition, raw[position:] if position else raw

    def _split_v2(self, loaded: LoadedPage) -> tuple[UInts | None, UInts | None, bytes]:
        leaf, header, body, count = self.leaf, loaded.details, loaded.body, loaded.num_values
        in_repetition = header.integer(V2Field.REPETITION_BYTES, 0)
        in_definition = header.integer(V2Field.DEFINITION_BYTES, 0)
        in_levels = in_repetition + in_definition
        if min(in_repetition, in_definition) < 0 or in_levels > len(body):
            raise MalformedParquet("levels longer than their page")
        repetition = definition = None
        if leaf.max_repetition:
            width = leaf.max_repetition.bit_length()
            repetition = decode_hybrid(body[:in_repetition], 0, width, count)
        if leaf.max_definition:
            width = leaf.max_definition.bit_length()
            definition = decode_hybrid(body[in_repetition:in_levels], 0, width, count)
        values = body[in_levels:]
        if header.boolean(V2Field.IS_COMPRESSED, default=True) and values:
            values = decompress(self.codec, values, loaded.uncompressed_bytes - in_levels)
        return repetition, definition, values


def note_header(page: Page, loaded: LoadedPage) -> None:
    """Remember of a data page's header what may be asked for later."""
    statistics = loaded.statistics
    page.encoding, page.values = loaded.encoding, loaded.num_values
    page.named = frozenset(() if statistics is None else bounds_named(statistics))


def _levels_v1(
    raw: bytes, position: int, maximum: int, count: int, encoding: int
) -> tuple[UInts, int]:
    """A v1 page's levels and where they end."""
    width = maximum.bit_length()
    if encoding == Encoding.BIT_PACKED:
        return decode_bit_packed(raw, position, width, count)
    if encoding != Encoding.RLE:
        raise UnknownEncoding(f"level encoding {encoding}")
    if position + _LENGTH.size > len(raw):
        raise MalformedParquet("levels end early")
    length = _LENGTH.unpack_from(raw, position)[0]
    start = position + _LENGTH.size
    if start + length > len(raw):
        raise MalformedParquet("levels end early")
    return decode_hybrid(raw[start : start + length], 0, width, count), start + length
