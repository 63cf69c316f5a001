"""Whether the rows that an offset index gives to pages are those that are in them.

A row number rests on every page before it, so no look at one page can prove it: an index that is
wrong by the same number of rows on both sides of a page fits that page. Writers have counted the
elements of lists as rows. So each page up to the last row that matters must bear its claim out:

- a flat column's page has as many rows as its header counts entries;
- a version 2 header counts its rows;
- of a nested version 1 page the header knows only entries, more than its rows where lists are long.
  The column index may hold a histogram of its repetition levels, in which the zeros are rows: that
  it is of these very levels shows in its sum, which is the header's count. Else levels are counted.

The first row is 0, and pages that follow each other without a gap and hold what they should put
each next one in its place. What comes after the last row that matters is not looked at.
"""

from __future__ import annotations

import numpy as np

from .errors import MalformedParquet, UnknownPageType
from .page import UNKNOWN_ROWS, LoadedPage, Page, PageKind
from .pages import ColumnChunk, note_header

_REPETITION_HISTOGRAMS = 6


def prove_rows(chunk: ColumnChunk, last_row: int) -> None:
    """Let the chunk's pages be walked if its index is wrong of one up to this row."""
    pages = chunk.pages()
    if chunk.is_indexed and not _are_proven(chunk, pages, last_row):
        chunk.distrust_indexes()


def _are_proven(chunk: ColumnChunk, pages: list[Page], last_row: int) -> bool:
    dictionary = chunk.dictionary_page
    if dictionary is not None:
        header = _header(chunk, dictionary)
        if header is None or header.kind is not PageKind.DICTIONARY:
            return False
    histograms = _histograms(chunk, len(pages))
    for number, page in enumerate(pages):
        if page.first_row > last_row:
            break
        header = _header(chunk, page)
        if header is None or header.kind is PageKind.DICTIONARY:
            return False
        rows = chunk.rows_of(header)
        if rows == UNKNOWN_ROWS:
            histogram = histograms[number] if histograms else []
            is_of_page = bool(histogram) and sum(histogram) == header.num_values
            rows = histogram[0] if is_of_page else _counted_rows(chunk, page)
        if rows != page.rows:
            return False
        note_header(page, header)
    return True


def _header(chunk: ColumnChunk, page: Page) -> LoadedPage | None:
    """The page's header; None if there is none, or one of a page of another size."""
    try:
        loaded = chunk.header_of(page)
    except (MalformedParquet, UnknownPageType):
        return None
    return loaded if loaded.size_bytes == page.size else None


def _histograms(chunk: ColumnChunk, pages: int) -> list[list[int]]:
    """Of each page, how often it has each repetition level; empty where nothing is said."""
    if chunk.leaf.max_repetition == 0 or chunk.column_index is None:
        return []
    counts = chunk.column_index.items(_REPETITION_HISTOGRAMS)
    width = chunk.leaf.max_repetition + 1
    if counts is None or len(counts) != pages * width:
        return []
    numbers = counts.ints()
    return [numbers[at : at + width] for at in range(0, len(numbers), width)]


def _counted_rows(chunk: ColumnChunk, page: Page) -> int:
    repetition = chunk.content(chunk.load(page)).repetition
    assert repetition is not None, "only pages of nested columns are counted"
    return int(np.count_nonzero(repetition == 0))
