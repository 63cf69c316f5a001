"""A world for one client: clocks that stand still until told, and sleeps that take no time."""

from __future__ import annotations

from collections.abc import Callable

from erasure_shared.mutex.values import Fresh, Instant


class FakeSurroundings:
    """Time passes only by sleeping, or when a test says so."""

    def __init__(self) -> None:
        self.wall_s = 1_800_000_000.0
        self.monotonic_s = 500.0
        self.slept_s: list[float] = []
        self.while_sleeping: Callable[[], object] = lambda: None
        self._revisions = 0

    def now(self) -> Instant:
        return Instant(self.wall_s, self.monotonic_s)

    def fresh(self) -> Fresh:
        self._revisions += 1
        return Fresh(rvn=f"{id(self)}-{self._revisions}", random=0.5)

    def sleep(self, wait_s: float) -> None:
        self.slept_s.append(wait_s)
        self.pass_time(wait_s)
        self.while_sleeping()

    def pass_time(self, seconds: float) -> None:
        self.wall_s += seconds
        self.monotonic_s += seconds
