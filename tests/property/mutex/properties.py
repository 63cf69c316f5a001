"""The properties as functions of bytes: pytest, `prove` and the planted faults share them."""

from __future__ import annotations

from collections.abc import Callable

from tests.property.mutex.recovery import a_silent_holder_is_replaced_in_time
from tests.property.mutex.script import Script
from tests.property.mutex.simulation import INSIDE, NO_TRUST_IN_CLOCKS, OUTSIDE, Simulation

DECISIONS = 500
"""Bytes per run: about 180 steps of 2 to 6 clients."""


def inside_the_assumptions(decisions: bytes) -> None:
    """Skew within the tolerance: at most one client believes that it holds a key."""
    Simulation(Script(decisions), INSIDE).run()


def without_trust_in_clocks(decisions: bytes) -> None:
    """An infinite tolerance: the same at any skew, and when wall clocks jump."""
    Simulation(Script(decisions), NO_TRUST_IN_CLOCKS).run()


def outside_the_assumptions(decisions: bytes) -> None:
    """Skew beyond the tolerance: exclusion may fail, every other promise holds."""
    Simulation(Script(decisions), OUTSIDE).run()


PROPERTIES: tuple[Callable[[bytes], None], ...] = (
    inside_the_assumptions,
    without_trust_in_clocks,
    outside_the_assumptions,
    a_silent_holder_is_replaced_in_time,
)
