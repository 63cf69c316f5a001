"""Whose row it is: by one id column, or by several together (composite.py)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Sequence
from typing import Protocol

from .by_arrow import found_by_arrow
from .composite import SeveralColumns
from .errors import UNLEARNED
from .find import Wanted, find_rows
from .footer import Footer, Leaf
from .found import GroupFound, OpenChunk
from .ids import Id, IdColumns, IdKey, composite_ids, id_leaf, id_leaves, plain_ids, stored_ids
from .metadata import id_texts


class Identity(Protocol):
    """Finds the rows of wanted people in one row group at a time."""

    leaves: tuple[Leaf, ...]

    def find(self, opened: OpenChunk, *, trust_statistics: bool) -> GroupFound:
        """The rows to erase; `opened` opens a column of the row group."""
        ...

    def stored(self) -> dict[int, Container[bytes]]:
        """The ids, or their parts, as columns store them, by the number of the column."""
        ...

    def texts(self) -> set[bytes]:
        """The ids, or their parts, as metadata would quote them."""
        ...

    def are_named(self, quoted: set[bytes], groups: Sequence[tuple[OpenChunk, GroupFound]]) -> bool:
        """Whether metadata that quotes these of the texts names an erased person."""
        ...


class OneColumn:
    """People named by one column."""

    def __init__(self, leaf: Leaf, ids: Collection[Id]) -> None:
        self.leaf = leaf
        self.leaves: tuple[Leaf, ...] = (leaf,)
        self.ids = ids
        self.id_of = stored_ids(leaf, ids)
        self.wanted = Wanted(leaf, self.id_of)

    def find(self, opened: OpenChunk, *, trust_statistics: bool) -> GroupFound:
        chunk = opened(self.leaf)
        try:
            found = find_rows(chunk, self.wanted, trust_statistics=trust_statistics)
        except UNLEARNED as refusal:
            found = found_by_arrow(chunk, self.wanted, refusal)
        counts: Counter[IdKey] = Counter()
        for stored, count in found.rows_by_value.items():
            counts[self.id_of[stored]] += count
        hits = found.dictionary_hits
        dead = {} if hits is None else {self.leaf.index: hits}
        return GroupFound(found.rows, found.proof, dead, counts)

    def stored(self) -> dict[int, Container[bytes]]:
        return {self.leaf.index: self.wanted.stored}

    def texts(self) -> set[bytes]:
        return id_texts(self.ids)

    def are_named(self, quoted: set[bytes], groups: Sequence[tuple[OpenChunk, GroupFound]]) -> bool:
        del groups  # an id names its person whoever else is there
        return bool(quoted)


def identity_of(footer: Footer, id_columns: IdColumns, ids: Collection[IdKey]) -> Identity:
    """What finds these people in this file.

    Raises:
        UnsupportedParquet: a column is missing, or cannot hold ids.
    """
    if isinstance(id_columns, str):
        return OneColumn(id_leaf(footer, id_columns), plain_ids(ids))
    return SeveralColumns(id_leaves(footer, id_columns), composite_ids(ids))
