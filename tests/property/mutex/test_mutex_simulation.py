"""The mutex under every interleaving that Hypothesis can think of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.property.mutex.checks import BrokenRule
from tests.property.mutex.planted import FAULTS, Fault, planted
from tests.property.mutex.properties import (
    DECISIONS,
    inside_the_assumptions,
    outside_the_assumptions,
    without_trust_in_clocks,
)
from tests.property.mutex.recovery import a_silent_holder_is_replaced_in_time
from tests.property.mutex.script import Script
from tests.property.mutex.simulation import OUTSIDE, Conditions, Simulation

Property = Callable[[bytes], None]

scripts = st.binary(min_size=DECISIONS, max_size=DECISIONS)
thousands = settings(
    max_examples=1_500, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
a_quick_search = settings(
    thousands,
    max_examples=5_000,
    phases=[Phase.generate],
    derandomize=True,
    report_multiple_bugs=False,
)


@thousands
@given(scripts)
def test_at_most_one_client_believes_that_it_holds_a_lock(decisions: bytes) -> None:
    inside_the_assumptions(decisions)


@thousands
@given(scripts)
def test_without_trust_in_wall_clocks_any_skew_is_harmless(decisions: bytes) -> None:
    without_trust_in_clocks(decisions)


@thousands
@given(scripts)
def test_outside_the_assumptions_no_update_is_lost_and_nobody_touches_what_is_not_theirs(
    decisions: bytes,
) -> None:
    outside_the_assumptions(decisions)


@thousands
@given(scripts)
def test_a_crashed_or_sleeping_holders_lock_is_taken_within_lease_and_tolerance_and_two_waits(
    decisions: bytes,
) -> None:
    a_silent_holder_is_replaced_in_time(decisions)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_properties_find_a_planted_fault(fault: Fault, tmp_path: Path) -> None:
    with planted(fault, tmp_path) as prop:
        broken_rule = _broken_rule(prop)

    assert broken_rule, f"{fault.name}: {fault.found_by} did not find it"


def test_at_least_twelve_different_faults_are_planted() -> None:
    assert len({(fault.module, fault.wrong, fault.right) for fault in FAULTS}) >= 12


def test_the_simulation_sees_two_holders_when_clocks_differ_by_more_than_is_tolerated() -> None:
    """The exclusion check is no formality: where exclusion is not promised, it does fail."""
    promised_in_vain = replace(OUTSIDE, excludes=True)

    rule = _broken_rule(lambda decisions: _run(decisions, promised_in_vain))

    assert rule == "two clients believe they hold it"


def _run(decisions: bytes, conditions: Conditions) -> None:
    Simulation(Script(decisions), conditions).run()


def _broken_rule(prop: Property) -> str | None:
    """The first rule that a search finds broken. A planted copy raises a copy of BrokenRule."""

    @a_quick_search
    @given(scripts)
    def search(decisions: bytes) -> None:
        prop(decisions)

    try:
        search()
    except AssertionError as error:
        if type(error).__name__ != BrokenRule.__name__:
            raise
        return str(error)
    return None
