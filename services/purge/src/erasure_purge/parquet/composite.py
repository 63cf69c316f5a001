"""People named by several columns together: a row is theirs if every part matches.

Each part alone may be shared: the tenant of one erased customer is everybody else's tenant, too.
So proofs of absence hold for whole ids only, and what a part leaves behind is judged by the rows
that stay.

    statistics, bloom filters of all parts ─► the part with most values ─► the others, where it hit
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .errors import UNLEARNED
from .find import Wanted, narrowed
from .footer import Leaf
from .found import NO_ROWS, GroupFound, OpenChunk
from .ids import CompositeId, Id, IdKey, stored_ids
from .metadata import id_texts
from .pages import ColumnChunk
from .part_matches import (
    PartMatches,
    matches_by_arrow,
    matches_in_dictionary,
    matches_in_pages,
)

Ints = npt.NDArray[np.int64]


class Part:
    """One part of all wanted ids. Values that the column stores alike have one code."""

    def __init__(self, leaf: Leaf) -> None:
        self.leaf = leaf
        self.code_of: dict[bytes, int] = {}
        self.stored: list[list[bytes]] = []

    def add(self, value: Id) -> int:
        """The value's code; -1 if the column cannot hold it."""
        forms = list(stored_ids(self.leaf, (value,)))
        if not forms:
            return -1
        code = self.code_of.get(forms[0])
        if code is None:
            code = len(self.stored)
            self.stored.append(forms)
            self.code_of.update(dict.fromkeys(forms, code))
        return code

    @cached_property
    def everything(self) -> tuple[Wanted, Ints]:
        """All values, to be looked for, and their codes in the order in which Arrow has them."""
        wanted = Wanted(self.leaf, self.code_of)
        return wanted, self.codes_of(sorted(wanted.stored))

    def _some(self, codes: Ints) -> tuple[Wanted, Ints]:
        """The same of these values."""
        codes = np.unique(codes)
        if len(codes) == len(self.stored):
            return self.everything
        stored = [form for code in codes.tolist() for form in self.stored[code]]
        return Wanted(self.leaf, stored), self.codes_of(sorted(stored))

    def codes_of(self, stored: Collection[bytes]) -> Ints:
        """The codes of stored values."""
        return np.array([self.code_of[one] for one in stored], np.int64)

    def in_dictionary(self, chunk: ColumnChunk, codes: Ints) -> PartMatches:
        """Which dictionary entries are one of these values."""
        return matches_in_dictionary(chunk, *self._some(codes))

    def matches(
        self, chunk: ColumnChunk, codes: Ints, rows: Ints | None, *, trust_statistics: bool
    ) -> PartMatches:
        """Where these values stand, at least among the given rows."""
        wanted, in_order = self._some(codes)
        try:
            return matches_in_pages(
                chunk, wanted, in_order, rows, trust_statistics=trust_statistics
            )
        except UNLEARNED as refusal:
            return matches_by_arrow(chunk, wanted, in_order, refusal)


class SeveralColumns:
    """Wanted people named by several columns."""

    def __init__(self, leaves: tuple[Leaf, ...], ids: Collection[CompositeId]) -> None:
        self.leaves = leaves
        self.parts = [Part(leaf) for leaf in leaves]
        self.all_ids = list(ids)
        codes = [
            [part.add(value) for part, value in zip(self.parts, one, strict=True)] for one in ids
        ]
        self.codes: Ints = np.array(codes, np.int64).reshape(len(codes), len(leaves))

    def find(self, opened: OpenChunk, *, trust_statistics: bool) -> GroupFound:
        """The rows of one row group that are a wanted id's in every part."""
        storable = np.flatnonzero((self.codes >= 0).all(axis=1))
        chunks = [opened(leaf) for leaf in self.leaves]
        return _Search(self, chunks, storable, trust_statistics=trust_statistics).found()

    def stored(self) -> dict[int, Container[bytes]]:
        """Every part as its column stores it."""
        return {part.leaf.index: part.code_of for part in self.parts}

    def texts(self) -> set[bytes]:
        """Every part as metadata would quote it, if it is long enough to be no accident."""
        return id_texts({value for one in self.all_ids for value in one})

    def are_named(self, quoted: set[bytes], groups: Sequence[tuple[OpenChunk, GroupFound]]) -> bool:
        """Whether metadata that quotes these parts names an erased person.

        It does if it quotes a whole id, or a part that no remaining row holds.
        """
        if not quoted:
            return False
        for one in self.all_ids:
            if all(id_texts((value,)) <= quoted and id_texts((value,)) for value in one):
                return True
        return any(not self._remains(text, groups) for text in quoted)

    def unshared(self, groups: Sequence[tuple[OpenChunk, GroupFound]]) -> list[set[Id]]:
        """Of every part, the values that no remaining row holds."""
        unshared = []
        for number, part in enumerate(self.parts):
            values = {one[number] for one in self.all_ids}
            held = self._held(number, values, groups)
            unshared.append({one for one in values if part.add(one) not in held})
        return unshared

    def _remains(self, text: bytes, groups: Sequence[tuple[OpenChunk, GroupFound]]) -> bool:
        """Whether a row that stays holds the part that reads like this."""
        for number in range(len(self.parts)):
            values = {one[number] for one in self.all_ids if text in id_texts((one[number],))}
            if self._held(number, values, groups):
                return True
        return False

    def _held(
        self,
        number: int,
        values: Collection[Id],
        groups: Sequence[tuple[OpenChunk, GroupFound]],
    ) -> set[int]:
        """The codes of those values of a part that a row that stays holds."""
        part = self.parts[number]
        codes = np.array([code for one in values if (code := part.add(one)) >= 0], np.int64)
        held: set[int] = set()
        for opened, found in groups if len(codes) else ():
            matches = part.matches(opened(part.leaf), codes, None, trust_statistics=True)
            stays = ~np.isin(matches.rows, found.rows, assume_unique=True)
            held.update(np.unique(matches.codes[stays]).tolist())
        return held


class _Search:
    """The search of one row group."""

    def __init__(
        self,
        people: SeveralColumns,
        chunks: list[ColumnChunk],
        wanted: Ints,
        *,
        trust_statistics: bool,
    ) -> None:
        self.people = people
        self.chunks = chunks
        self.wanted = wanted  # numbers of the ids that may stand in this row group
        self.trust_statistics = trust_statistics

    def found(self) -> GroupFound:
        if not len(self.wanted):
            return GroupFound(NO_ROWS, "no id can be a value of the id columns")
        proof = self._narrow() if self.trust_statistics else ""
        if proof:
            return GroupFound(NO_ROWS, proof)
        codes = [np.unique(self._codes(number)) for number in range(len(self.chunks))]
        order = sorted(range(len(self.chunks)), key=lambda number: -len(codes[number]))
        lead = self._matches(order[0], None)
        rows, keys = lead.rows, lead.codes
        wanted_keys = self._codes(order[0])
        seen = {order[0]: lead}
        for number in order[1:]:
            possible = np.isin(wanted_keys, keys)
            self.wanted, wanted_keys = self.wanted[possible], wanted_keys[possible]
            if not len(rows):
                break
            matches = seen[number] = self._matches(number, rows)
            rows, here, there = np.intersect1d(
                rows, matches.rows, assume_unique=True, return_indices=True
            )
            # A number for every pair, then for every pair that is wanted, so that none grows large.
            values = len(self.people.parts[number].stored)
            pairs = keys[here] * values + matches.codes[there]
            wanted_pairs = wanted_keys * values + self._codes(number)
            matching = np.isin(pairs, wanted_pairs)
            known = np.unique(wanted_pairs)
            rows, keys = rows[matching], np.searchsorted(known, pairs[matching])
            wanted_keys = np.searchsorted(known, wanted_pairs)
        read = sum(matches.pages for matches in seen.values())
        dead = {}
        for number, leaf in enumerate(self.people.leaves):
            whole = lead if number == order[0] else self._whole(number, codes[number], seen, rows)
            entries = whole.unused_by(np.setdiff1d(whole.rows, rows, assume_unique=True))
            if entries is not None:
                dead[leaf.index] = entries
        return GroupFound(
            rows,
            f"{len(rows)} rows found in {read} pages of {len(self.chunks)} id columns",
            dead,
            self._counts(keys, wanted_keys) if len(rows) else Counter(),
        )

    def _whole(
        self, number: int, codes: Ints, seen: Mapping[int, PartMatches], rows: Ints
    ) -> PartMatches:
        """Where in the whole column those values stand that may be in its dictionary unused."""
        part, chunk = self.people.parts[number], self.chunks[number]
        in_dictionary = part.in_dictionary(chunk, codes)
        if in_dictionary.entries is None:
            return in_dictionary
        doubtful = np.intersect1d(in_dictionary.entries, codes)
        if number in seen:
            stays = ~np.isin(seen[number].rows, rows, assume_unique=True)
            doubtful = np.setdiff1d(doubtful, seen[number].codes[stays])
        if not len(doubtful):
            return in_dictionary.without_entries()
        trust = self.trust_statistics
        return part.matches(chunk, doubtful, None, trust_statistics=trust)

    def _codes(self, number: int) -> Ints:
        """One part of the ids that are still wanted."""
        codes: Ints = self.people.codes[self.wanted, number]
        return codes

    def _matches(self, number: int, rows: Ints | None) -> PartMatches:
        part = self.people.parts[number]
        trust = self.trust_statistics
        return part.matches(self.chunks[number], self._codes(number), rows, trust_statistics=trust)

    def _narrow(self) -> str:
        """Keep the ids whose every part may stand here, or prove that there is none."""
        for number, chunk in enumerate(self.chunks):
            part = self.people.parts[number]
            everything, _ = part.everything
            possible, proof = narrowed(chunk, everything)
            if proof:
                return proof
            if possible is everything:
                continue
            codes = part.codes_of(possible.stored)
            self.wanted = self.wanted[np.isin(self._codes(number), codes)]
            if not len(self.wanted):
                return "statistics and bloom filters together exclude every id"
        return ""

    def _counts(self, keys: Ints, wanted_keys: Ints) -> Counter[IdKey]:
        """Rows by the id that was asked for."""
        numbers = dict(zip(wanted_keys.tolist(), self.wanted.tolist(), strict=True))
        found, counts = np.unique(keys, return_counts=True)
        return Counter(
            {
                self.people.all_ids[numbers[key]]: count
                for key, count in zip(found.tolist(), counts.tolist(), strict=True)
            }
        )
