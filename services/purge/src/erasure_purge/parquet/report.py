"""What a plan is, and what it says of itself: counts, units and reasons, never a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from .ids import IdKey
from .segments import Segment


class Unit(Enum):
    """What was changed of a row group: the largest part that was written anew.

    COLUMN_CHUNK: some of its chunks, the others in pages; ROW_GROUP: each of its chunks.
    """

    NONE = "none"
    PAGE = "page"
    COLUMN_CHUNK = "column chunk"
    ROW_GROUP = "row group"
    REMOVED = "removed"


@dataclass(frozen=True)
class GroupReport:
    """What happens to one row group, and why."""

    index: int
    rows: int
    rows_erased: int
    unit: Unit
    reason: str
    pages: int = 0
    pages_cut: int = 0
    dictionary_entries_blanked: int = 0
    dictionary_entries_removed: int = 0
    chunks_reencoded: int = 0


@dataclass(frozen=True)
class ErasureReport:
    """What the plan does, without any value of the data."""

    groups: list[GroupReport]
    bytes_copied: int
    bytes_new: int
    bytes_read: int
    reads: int
    indexes_dropped: int
    bloom_filters_dropped: int
    bloom_filters_rebuilt: int


@dataclass(frozen=True)
class ErasurePlan:
    """The new file as ranges of the old one and new bytes."""

    segments: list[Segment]
    rows_before: int
    rows_erased: int
    changes: bool
    report: ErasureReport
    rows_by_id: Mapping[IdKey, int] = field(default_factory=dict, repr=False)

    @property
    def empties(self) -> bool:
        """The file loses all its rows: delete it instead of writing an empty one."""
        return self.changes and self.rows_before == self.rows_erased and self.rows_before > 0

    @property
    def rows_after(self) -> int:
        """Rows that remain."""
        return self.rows_before - self.rows_erased

    @property
    def size_bytes(self) -> int:
        """The new file's length."""
        return sum(segment.length for segment in self.segments)
