"""What may be chosen for one play: objects, requests, and everything that goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.property.purge.stage import Trouble


@dataclass(frozen=True)
class Incident:
    """What befalls the worker of that number at its call of that number."""

    worker: int
    call: int
    trouble: Trouble


@dataclass(frozen=True)
class Overwrite:
    """The lake's own writer puts a new object in an object's place, after so many steps."""

    after_steps: int
    key: int
    drops_others: bool


@dataclass(frozen=True)
class LateWrite:
    """A writer reads an object after so many steps, and writes so many after a commit there."""

    after_steps: int
    key: int
    lingers: int
    puts_the_same: bool


@dataclass(frozen=True)
class Plot:
    """Everything that is chosen for one play. People, objects and requests go by numbers."""

    objects: Sequence[Sequence[Sequence[int]]]  # of each: its versions, oldest first; whose rows
    row_group_rows: int
    requests: Sequence[tuple[frozenset[int], float, int]]  # who; after what seconds and commits
    workers: int = 4
    script: Sequence[tuple[int, int]] = ()
    picks: Sequence[int] = (0,)
    delivered_twice: frozenset[int] = frozenset()
    incidents: Sequence[Incident] = ()
    overwrites: Sequence[Overwrite] = ()
    late_writes: Sequence[LateWrite] = ()
    index_lag: int = 0


def person(number: int) -> str:
    """A name that no other bytes hold."""
    return f"person-{number:02d}-qzx"
