"""How much time the invocation has left, asked before every step that takes some."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from erasure_shared.errors import OutOfTime

RESERVE_S = 15.0
"""Kept for tidying up: stopping a query, deleting results, handing the message back."""
_SHORTEST_RESERVE = 0.25


@dataclass(frozen=True)
class Deadline:
    """The end of the invocation; `reserve_s` before it nothing new is started."""

    remaining_s: Callable[[], float]
    reserve_s: float = RESERVE_S

    @classmethod
    def of(cls, remaining_s: Callable[[], float]) -> Deadline:
        """With a reserve of 15 seconds, or a quarter of the time where all of it is short."""
        return cls(remaining_s, min(RESERVE_S, remaining_s() * _SHORTEST_RESERVE))

    def left_s(self) -> float:
        """Seconds until nothing new is started; not below zero."""
        return max(0.0, self.remaining_s() - self.reserve_s)

    def check(self) -> None:
        """Say so when no further step can be started.

        Raises:
            OutOfTime: the reserve is reached.
        """
        if self.remaining_s() <= self.reserve_s:
            raise OutOfTime
