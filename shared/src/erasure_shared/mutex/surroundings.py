"""The real clocks, randomness and sleep."""

from __future__ import annotations

import random
import time
import uuid
from typing import Protocol

from erasure_shared.mutex.values import Fresh, Instant

# Counts on while the machine is suspended, as a frozen Lambda sandbox may be; where there is no
# such clock, the wall clock still ends a lease that was slept through (`Attempt.remaining_s`).
_SUSPEND_AWARE = getattr(time, "CLOCK_BOOTTIME", None)


class Surroundings(Protocol):
    """Everything that is not a decision."""

    def now(self) -> Instant:
        """Both clocks."""

    def fresh(self) -> Fresh:
        """A new revision and a random number."""

    def sleep(self, wait_s: float) -> None:
        """Wait."""


class RealSurroundings:
    """This machine's."""

    def now(self) -> Instant:
        """Both clocks of this machine."""
        return Instant(wall_s=time.time(), monotonic_s=_monotonic_s())

    def fresh(self) -> Fresh:
        """A UUIDv4 from the system's randomness, and a number that spreads waits."""
        return Fresh(rvn=str(uuid.uuid4()), random=random.random())  # noqa: S311  (not a secret)

    def sleep(self, wait_s: float) -> None:
        """Sleep."""
        time.sleep(wait_s)


def _monotonic_s() -> float:
    if _SUSPEND_AWARE is None:
        return time.monotonic()
    return time.clock_gettime(_SUSPEND_AWARE)
