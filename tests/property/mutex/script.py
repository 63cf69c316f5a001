"""What happens in one simulated run, decided by bytes: Hypothesis draws them, shrinks them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Script:
    """Reads one decision after another; where the bytes end, everything goes its normal way."""

    def __init__(self, decisions: bytes) -> None:
        self._decisions = decisions
        self._next = 0

    @property
    def is_over(self) -> bool:
        """Whether all bytes were read."""
        return self._next >= len(self._decisions)

    def below(self, count: int) -> int:
        """A number from 0 to count-1; 0 is the harmless choice."""
        if self.is_over:
            return 0
        decision = self._decisions[self._next]
        self._next += 1
        return decision % count

    def fraction(self) -> float:
        """A number from 0 up to 1."""
        return self.below(256) / 256

    def pick(self, options: Sequence[T]) -> T:
        """One of the options; the first is the harmless one."""
        return options[self.below(len(options))]
