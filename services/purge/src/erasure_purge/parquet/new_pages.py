"""A chunk's data pages as they become: cut, given another header, or left as they are."""

from __future__ import annotations

from collections.abc import Iterator

from .cut import CutPage, PageValues, read_values
from .encodings import DICTIONARY_ENCODINGS, Column
from .page import LoadedPage
from .pages import ColumnChunk
from .renumbering import Renumbering
from .segments import Copy, Put, Segment
from .thrift_compact import encode


class NewPages:
    """The pages by number; what was not touched is neither read nor held."""

    def __init__(self, chunk: ColumnChunk) -> None:
        self.chunk = chunk
        self.pages = chunk.pages()
        self.cuts: dict[int, CutPage] = {}
        self.sizes: dict[int, int] = {}
        self.dictionary: Column | None = None
        self._replaced: dict[int, list[Segment]] = {}
        self._header_change = 0

    def put(self, number: int, cut: CutPage) -> None:
        """Replace a page by what remains of it."""
        self.cuts[number] = cut

    def write(self, by: Renumbering | None = None) -> None:
        """Make the bytes of every page that was cut; `by`: the dictionary shrinks."""
        if by is not None:
            self.dictionary = by.column
        for number, cut in self.cuts.items():
            cut.write(self.chunk, by)
            self.sizes[number] = len(cut.data)
            self._replaced[number] = [Put(cut.data)] if cut.data else []

    def uncut_by_dictionary(self) -> Iterator[int]:
        """Numbers of the pages of dictionary indices that were not cut."""
        for number, page in enumerate(self.pages):
            if number not in self.cuts and self.chunk.encoding_of(page) in DICTIONARY_ENCODINGS:
                yield number

    def put_header(self, number: int, loaded: LoadedPage) -> None:
        """Replace only a page's header by the loaded one, which was changed."""
        page, cut = self.pages[number], self.cuts.get(number)
        header = encode(loaded.header)
        change = len(header) - loaded.header_bytes
        self._header_change += change
        self.sizes[number] = self.sizes.get(number, page.size) + change
        if cut is None:
            body = Copy(page.offset + loaded.header_bytes, page.size - loaded.header_bytes)
            self._replaced[number] = [Put(header), body]
        else:
            cut.data = header + loaded.body
            self._replaced[number] = [Put(cut.data)]

    @property
    def uncompressed_change(self) -> int:
        """By how much all pages together grew, unpacked."""
        return sum(cut.uncompressed_change for cut in self.cuts.values()) + self._header_change

    def segments(self) -> Iterator[Segment]:
        """The new pages' bytes, in order."""
        for number, page in enumerate(self.pages):
            yield from self._replaced.get(number, [Copy(page.offset, page.size)])

    def remaining(self) -> Iterator[int]:
        """Numbers of the pages of which something remains."""
        for number in range(len(self.pages)):
            cut = self.cuts.get(number)
            if cut is None or not cut.is_empty:
                yield number

    def header(self, number: int) -> LoadedPage:
        """The page's header as it is now; the body only of a page that was cut."""
        cut = self.cuts.get(number)
        if cut is None:
            return self.chunk.header_of(self.pages[number])
        return self.chunk.parse(cut.data)

    def values(self, number: int) -> PageValues:
        """The values that remain in the page."""
        cut = self.cuts.get(number)
        loaded = self.chunk.load(self.pages[number]) if cut is None else self.chunk.parse(cut.data)
        return read_values(self.chunk, loaded, self.chunk.content(loaded), self.dictionary)
