"""Ridding a dictionary of entries that no remaining row uses.

Where the pages are written anyway, or enough is saved, dead entries are removed and the others
renumbered. Elsewhere the numbering must not move, so an entry is overwritten. Byte strings
must stay distinct (Arrow reads a dictionary into a hash table); of other types it repeats a value
that lives, for any other, even zero, may be the id of somebody who was erased.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from itertools import count

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .cut import set_checksum
from .encodings import BoolColumn, ByteColumn, Column, Encoding, FixedColumn, Octets
from .errors import UnknownPageType
from .levels import Bools
from .order import Order
from .page import LoadedPage, PageField
from .pages import ColumnChunk
from .renumbering import Renumbering
from .thrift_compact import Kind, encode

_NUM_VALUES, _ENCODING, _IS_SORTED = 1, 2, 3
_FEW = 64
_WORTH = 0.05  # bytes saved by a byte of pages that must be written for it


def blanked_dictionary(chunk: ColumnChunk, loaded: LoadedPage, dead: Bools) -> tuple[bytes, int]:
    """The dictionary page with fillers for its dead entries, and its change in size unpacked."""
    column = _blanked(chunk.dictionary, dead, chunk.leaf.order, chunk.wanted)
    loaded.details.drop(_IS_SORTED)
    return _rewritten(chunk, loaded, column)


def compacted_dictionary(
    chunk: ColumnChunk, loaded: LoadedPage, by: Renumbering
) -> tuple[bytes, int]:
    """The dictionary page without its dead entries, and its change in size unpacked."""
    return _rewritten(chunk, loaded, by.column)


def pays_to_compact(loaded: LoadedPage, by: Renumbering, uncut_bytes: int) -> bool:
    """Whether removing the dead is worth renumbering pages that need not be touched otherwise."""
    freed = loaded.uncompressed_bytes - len(by.column.encoded(Encoding.PLAIN))
    return len(by.column) > 0 and freed * loaded.ratio >= uncut_bytes * _WORTH


def _rewritten(chunk: ColumnChunk, loaded: LoadedPage, column: Column) -> tuple[bytes, int]:
    header = loaded.header
    if set(header) - set(PageField) or set(loaded.details) - {_NUM_VALUES, _ENCODING, _IS_SORTED}:
        raise UnknownPageType("its header has fields from the future")
    before = loaded.header_bytes + loaded.uncompressed_bytes
    plain = column.encoded(Encoding.PLAIN)
    body = chunk.pack(plain, loaded.ratio, is_dictionary=True)
    loaded.details.set_int(_NUM_VALUES, len(column), Kind.I32)
    header.set_int(PageField.UNCOMPRESSED, len(plain), Kind.I32)
    header.set_int(PageField.COMPRESSED, len(body), Kind.I32)
    set_checksum(header, body)
    raw = encode(header)
    return raw + body, len(raw) + len(plain) - before


def of_same_value(column: Column, entries: Bools) -> Bools:
    """These entries and all that repeat one of their values: dictionaries need not be distinct."""
    return entries_of(column, column.arrow().filter(pa.array(entries)))


def entries_of(column: Column, values: pa.Array) -> Bools:
    """Which entries are one of these values."""
    mask = pc.is_in(column.arrow(), value_set=values)
    return np.asarray(mask.to_numpy(zero_copy_only=False), np.bool_)


def _blanked(column: Column, dead: Bools, order: Order, wanted: Container[bytes]) -> Column:
    """`wanted`: values that are ids to be erased, so that no filler may be one of them."""
    if isinstance(column, ByteColumn):
        return _blanked_strings(column, dead, order, wanted)
    if isinstance(column, FixedColumn):
        octets = column.octets.copy()
        octets[dead] = _living_or_unused(column, dead, wanted)
        return FixedColumn(column.physical, octets)
    assert isinstance(column, BoolColumn)
    return column  # two values that name nobody


def _living_or_unused(column: FixedColumn, dead: Bools, wanted: Container[bytes]) -> Octets:
    """A value that lives; if none does, the smallest number that is none of the dead."""
    alive = np.flatnonzero(~dead)
    if len(alive):
        return np.asarray(column.octets[alive[0]], np.uint8)
    width, taken = column.octets.shape[1], set(column.selected(dead))
    numbers = (number.to_bytes(width, "little") for number in count())
    return np.frombuffer(next(n for n in numbers if n not in taken and n not in wanted), np.uint8)


def _blanked_strings(
    column: ByteColumn, dead: Bools, order: Order, wanted: Container[bytes]
) -> ByteColumn:
    """The byte strings with fillers in place of the dead, spliced between the living."""
    positions = np.flatnonzero(dead)
    is_taken = _taken(column, len(positions))
    fillers = (one for one in _fillers(order) if one not in wanted and not is_taken(one))
    begins, ends = column.starts[positions].tolist(), column.starts[positions + 1].tolist()
    pieces, done = [], 0
    for begin, end, filler in zip(begins, ends, fillers, strict=False):
        pieces += [column.plain[done:begin], len(filler).to_bytes(4, "little"), filler]
        done = end
    pieces.append(column.plain[done : int(column.starts[-1])])
    return ByteColumn(b"".join(pieces), len(column))


def _taken(column: ByteColumn, count: int) -> Callable[[bytes], bool]:
    """Whether a filler is a value of anybody, living or dead.

    For a few fillers, only values of their length are compared.
    """
    if count > _FEW:
        return frozenset(column.all()).__contains__
    lengths = np.diff(column.starts) - 4
    return lambda filler: filler in column.selected(lengths == len(filler))


def _fillers(order: Order) -> Iterator[bytes]:
    """Short distinct values that any reader can decode."""
    if order is Order.DECIMAL:
        for number in count():
            yield number.to_bytes(number.bit_length() // 8 + 1, "big")
    yield b""
    for number in count():
        yield b"%d" % number
