"""How soon a silent holder's lock is taken, when the network is well and the waiters are awake."""

from __future__ import annotations

from collections.abc import Callable

from erasure_shared.mutex.core import CLOCK_RATE_MARGIN, RANDOM_WAIT_S, WATCH_GRACE_S
from tests.property.mutex.checks import BrokenRule
from tests.property.mutex.script import Script
from tests.property.mutex.simulation import (
    INSIDE,
    NO_TRUST_IN_CLOCKS,
    Client,
    Flight,
    Simulation,
)

CALL_S = 0.05
PATIENCE_S = 10_000.0
MOST_STEPS = 3_000
CLOCK_RATE_ERROR = 1.005


def a_silent_holder_is_replaced_in_time(decisions: bytes) -> None:
    """Crashed or only asleep: within lease + tolerance + two waits after its last write landed."""
    script = Script(decisions)
    simulation = Simulation(script, script.pick((INSIDE, NO_TRUST_IN_CLOCKS)))
    holder, *waiters = simulation.clients
    simulation.begin(holder, "a", PATIENCE_S, waits=True)
    _live(simulation, until=lambda: holder.holding is not None)
    for waiter in waiters:
        simulation.begin(waiter, "a", PATIENCE_S, waits=True)

    works_s = script.pick((script.fraction(), 0.0)) * 2 * holder.lease_s
    works_until_s = simulation.true_s + works_s
    _live(simulation, until=lambda: simulation.true_s >= works_until_s, renewing=holder)
    late = _fall_silent(simulation, holder)
    silent_since_s = simulation.true_s
    if script.below(2):
        holder.crash()
    answered_at_s = simulation.true_s + script.fraction() * 1.5 * holder.lease_s
    _live(simulation, until=lambda: _is_taken(waiters) or simulation.true_s >= answered_at_s)
    for flight in late:
        simulation.bring(flight)
        simulation.checks.after_step()
    _live(simulation, until=lambda: _is_taken(waiters))

    took_s = simulation.true_s - silent_since_s
    if took_s > _bound_s(simulation, holder, waiters):
        raise BrokenRule("a silent holder's lock was not taken in time")


def _is_taken(waiters: list[Client]) -> bool:
    return any(waiter.holding for waiter in waiters)


def _bound_s(simulation: Simulation, holder: Client, waiters: list[Client]) -> float:
    """Lease + tolerance + two waits; the margins stand in for an infinite tolerance."""
    margins_s = holder.lease_s * (CLOCK_RATE_MARGIN - 1) + WATCH_GRACE_S
    tolerance_s = simulation.conditions.tolerance_s
    slack_s = margins_s if tolerance_s == float("inf") else max(tolerance_s, margins_s)
    wait_s = max(waiter.refresh_wait_s for waiter in waiters) + RANDOM_WAIT_S + 2 * CALL_S
    return (holder.lease_s + slack_s + 2 * wait_s) * CLOCK_RATE_ERROR


def _fall_silent(simulation: Simulation, holder: Client) -> list[Flight]:
    """In the middle of a renewal, perhaps, which lands or not; its answer is late, or is none."""
    if simulation.script.below(2) and holder.holding is not None:
        simulation.renew(holder, holder.holding)
    flights = [flight for flight in simulation.flights if flight.client is holder]
    lands = simulation.script.below(4) > 0
    for flight in flights:
        if lands:
            simulation.land(flight)
        simulation.flights.remove(flight)
    return flights if lands else []


def _live(
    simulation: Simulation, *, until: Callable[[], bool], renewing: Client | None = None
) -> None:
    """Everybody acts on time and every call is answered soon, until something is so."""
    for _ in range(MOST_STEPS):
        if until():
            return
        if renewing is not None and renewing.holding is not None:
            now = renewing.now(simulation.true_s)
            if renewing.holding.hold.renewal_due_in_s(now) <= 0:
                simulation.renew(renewing, renewing.holding)
        if simulation.flights:
            _answer(simulation, simulation.flights[0])
        else:
            simulation.pass_time(0.1 if renewing else None)
            for client in simulation.clients:
                if client.acquiring is not None:
                    simulation.wake(client, client.acquiring)
        simulation.checks.after_step()
    raise BrokenRule("nothing happens any more")


def _answer(simulation: Simulation, flight: Flight) -> None:
    simulation.true_s += CALL_S / 2
    simulation.land(flight)
    simulation.true_s += CALL_S / 2
    simulation.bring(flight)
