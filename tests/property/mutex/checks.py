"""What must be true after every step, whatever happened. Each rule is one method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from erasure_shared.mutex.core import Hold, HoldState
from erasure_shared.mutex.values import (
    Acquired,
    Action,
    Delete,
    Event,
    Failed,
    Insert,
    Look,
    Looked,
    Refused,
    ReleaseOutcome,
    Renew,
    TakeOver,
    TimedOut,
    Unavailable,
    Wait,
    Waited,
    WriteReply,
    Written,
)

if TYPE_CHECKING:
    from tests.property.mutex.simulation import (
        Acquiring,
        Client,
        Flight,
        Holding,
        Simulation,
    )

Item = Mapping[str, Any]


class BrokenRule(AssertionError):
    """The mutex broke one of its promises."""


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise BrokenRule(rule)


class Checks:
    """Watches one simulation, knowing what no client can know."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._commits: dict[str, int] = {}
        self._holdings: list[tuple[Client, int, Holding]] = []
        self.takeovers = 0

    # The promise itself

    def after_step(self) -> None:
        """Exclusion, belief that never returns, and no lost update."""
        true_s = self._simulation.true_s
        believers: dict[str, int] = {}
        for client, life, holding in self._holdings:
            if client.life == life and holding.hold.is_held(client.now(true_s)):
                is_again = holding.ended and not self._simulation.conditions.wall_clocks_jump
                _require(not is_again, "a lock that was not held is held again")
                believers[holding.key] = believers.get(holding.key, 0) + 1
            else:
                holding.ended = True
        self._holdings = [entry for entry in self._holdings if entry[0].life == entry[1]]
        if self._simulation.conditions.excludes:
            _require(max(believers.values(), default=0) <= 1, "two clients believe they hold it")
        for key, commits in self._commits.items():
            _require(len(self._simulation.resource[key]) == commits, "an update was lost")

    def committed(self, key: str) -> None:
        """A conditional commit was accepted."""
        self._commits[key] = self._commits.get(key, 0) + 1

    def acquired(self, client: Client, holding: Holding) -> None:
        """A lock is given only while its lease runs."""
        now = client.now(self._simulation.true_s)
        _require(holding.hold.is_held(now), "a lock was given whose lease was over")
        self._holdings.append((client, client.life, holding))

    # What writes may touch

    def landed(self, flight: Flight, before: Item | None, after: Item | None) -> None:
        """A request was carried out; `before` and `after` are the item around it."""
        rvn = None if before is None else before["revision_version_number"]["S"]
        if before == after:
            self._refused(flight, rvn)
            return
        match flight.call:
            case Insert():
                _require(before is None, "an insert replaced a lock")
            case TakeOver(_, expected):
                _require(rvn == expected, "a takeover replaced another lock than the stale one")
                self.takeovers += 1
            case Renew() | Delete():
                _require(rvn in flight.own, "somebody renewed or released what was not theirs")
            case Look():
                _require(False, "a look changed the table")

    def _refused(self, flight: Flight, rvn: str | None) -> None:
        """While a hold is ours, its own renewals and releases are let through."""
        if isinstance(flight.call, Renew | Delete) and not flight.is_stray:
            is_own = rvn in flight.alive and flight.transmissions == 1
            _require(not is_own, "a hold was refused its own lock")

    # What an acquisition may decide

    def decided(self, client: Client, acquiring: Acquiring, event: Event, action: Action) -> None:
        """One step of an acquisition; `client.seen` is what it was shown before this step."""
        now = client.now(self._simulation.true_s)
        ours = {attempt.lease.rvn: attempt for attempt in acquiring.state.ours}
        found = event.found if isinstance(event, Refused | Looked) else None
        if isinstance(action, TakeOver):
            known = action.expected in client.seen.get(acquiring.key, ())
            _require(known or action.expected in ours, "a lock was taken at its first sighting")
        if found is not None and found.rvn in ours and ours[found.rvn].is_valid(now):
            _require(isinstance(action, Acquired), "a client waits for its own lock")
        if isinstance(action, Insert) and isinstance(event, Waited):
            is_last = now.monotonic_s >= acquiring.state.deadline_monotonic_s
            _require(is_last or acquiring.state.sighting is None, "polling costs a write")
        self._keeps_time(acquiring, action, now.monotonic_s)
        if found is not None:
            client.seen.setdefault(acquiring.key, set()).add(found.rvn)

    def _keeps_time(self, acquiring: Acquiring, action: Action, now_s: float) -> None:
        deadline_s = acquiring.state.deadline_monotonic_s
        match action:
            case Wait(wait_s):
                _require(now_s + wait_s <= deadline_s + 1e-6, "a wait goes beyond max_timeout")
            case TimedOut() | Unavailable():
                in_time = acquiring.state.waits and now_s < deadline_s
                _require(not in_time, "a client gave up before max_timeout")
            case Acquired():
                pass
            case _:
                acquiring.calls_after_deadline += now_s >= deadline_s
                most = 1 if acquiring.state.waits else 2
                _require(acquiring.calls_after_deadline <= most, "calls go on after max_timeout")

    # What a hold may do

    def renewing(self, client: Client, holding: Holding, before: Hold, renew: Renew) -> None:
        """Only a lock that is held is renewed, and every renewal changes the revision."""
        now = client.now(self._simulation.true_s)
        _require(before.is_held(now), "a lost lock was renewed")
        _require(renew.lease.rvn not in holding.rvns, "a renewal kept its revision")

    def renewed(self, client: Client, holding: Holding, before: Hold, reply: WriteReply) -> None:
        """A hold is lost only to another client, or to time, and then for good."""
        own = isinstance(reply, Refused) and reply.found and reply.found.rvn in holding.rvns
        now = client.now(self._simulation.true_s)
        is_revived = holding.hold.is_held(now) and not before.is_held(now)
        _require(not is_revived, "a lost lock was revived")
        if before.is_held(now) and (own or isinstance(reply, Written | Failed)):
            _require(holding.hold.state is HoldState.HELD, "a lock that still stands was given up")

    def released(self, reply: Written | Refused, outcome: ReleaseOutcome) -> None:
        """The outcome is the truth."""
        if isinstance(reply, Written):
            _require(outcome is ReleaseOutcome.RELEASED, "a release was reported as a loss")
