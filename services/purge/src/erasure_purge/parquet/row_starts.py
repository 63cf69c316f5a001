"""Where rows begin in a chunk's pages: which pages hold erased rows, and which entries stay."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .errors import MalformedParquet, UnclearRowBoundaries
from .levels import Bools
from .page import UNKNOWN_ROWS, Content, LoadedPage, Page
from .pages import ColumnChunk


class RowStarts:
    """The rows of a mask (one flag per row of the row group), page by page of one chunk."""

    def __init__(self, chunk: ColumnChunk, erased_rows: Bools) -> None:
        self.chunk = chunk
        self.leaf = chunk.leaf
        self.pages = chunk.pages()
        self.erased_rows = erased_rows
        self._continuing: frozenset[int] = frozenset()

    def touched(self) -> Iterator[int]:
        """Numbers of the pages that hold entries of erased rows, ascending."""
        if not self.erased_rows.any():
            return
        if any(page.rows == UNKNOWN_ROWS for page in self.pages):
            self._count_rows()
        for number, page in enumerate(self.pages):
            if page.rows == UNKNOWN_ROWS:
                return
            first = page.first_row
            begins = max(0, first - 1) if self._may_continue(page) else first
            # Some readers stop at a void page, so none is left where pages are moved.
            if self.erased_rows[begins : first + page.rows].any() or self.chunk.is_void(page):
                yield number

    def _may_continue(self, page: Page) -> bool:
        """A v1 page of a nested column may begin in the middle of a row."""
        return self.leaf.max_repetition > 0 and page.offset in self._continuing

    def _count_rows(self) -> None:
        """Count the rows of nested v1 pages by their levels, up to the last erased row."""
        last = int(np.flatnonzero(self.erased_rows)[-1])
        row = 0
        continuing = set()
        for page in self.pages:
            page.first_row = row
            if row - 1 > last:
                page.rows = UNKNOWN_ROWS
                continue
            content = self.chunk.content(self.chunk.load(page))
            starts = _starts(content)
            page.rows = int(np.count_nonzero(starts))
            if len(starts) and not starts[0]:
                continuing.add(page.offset)
            row += page.rows
        if row > self.chunk.rows or (row - 1 <= last and row != self.chunk.rows):
            raise MalformedParquet("a column chunk's pages do not hold its row group's rows")
        self._continuing = frozenset(continuing)

    def kept(self, number: int, loaded: LoadedPage, content: Content) -> Bools:
        """Which entries of the page belong to rows that stay."""
        page = self.pages[number]
        if self.leaf.max_repetition == 0:
            if loaded.num_values != page.rows:
                raise MalformedParquet("a page does not hold the rows it should")
            return ~self.erased_rows[page.first_row : page.first_row + page.rows]
        self._check_next(number, page)
        starts = _starts(content)
        if len(starts) == 0:
            return starts
        continues = page.offset in self._continuing
        if int(np.count_nonzero(starts)) != page.rows or bool(starts[0]) == continues:
            raise UnclearRowBoundaries("a page does not hold the rows it should")
        rows = np.cumsum(starts) + (page.first_row - 1)
        return np.asarray(~self.erased_rows[rows], np.bool_)

    def _check_next(self, number: int, page: Page) -> None:
        """If the page's last row goes, the next page must not continue it unknown to us."""
        last = page.first_row + page.rows - 1
        if number + 1 == len(self.pages):
            return
        following = self.pages[number + 1]
        if following.offset in self._continuing or last < 0 or not self.erased_rows[last]:
            return
        starts = _starts(self.chunk.content(self.chunk.load(following)))
        if len(starts) and not starts[0]:
            raise UnclearRowBoundaries("a row is split over pages against the page index")


def _starts(content: Content) -> Bools:
    """Where in a page rows begin."""
    if content.repetition is None:
        return np.ones(content.value_count, np.bool_)
    return np.asarray(content.repetition == 0, np.bool_)
