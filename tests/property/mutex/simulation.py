"""Many clients of one mutex table, interleaved at every single call.

The clients run the real core and the real store; the simulation owns everything that a real
process does not: true time, each client's two clocks, the network, crashes, the TTL sweeper.
`checks.py` watches every step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

from erasure_shared.mutex.core import Acquisition, Hold
from erasure_shared.mutex.errors import MutexCallTimedOut
from erasure_shared.mutex.store import LockItem, Names
from erasure_shared.mutex.values import (
    Acquired,
    Action,
    Begun,
    Call,
    Event,
    Failed,
    Fresh,
    Instant,
    Refused,
    Reply,
    Sighting,
    TimedOut,
    Unavailable,
    Wait,
    Waited,
    Written,
)
from tests.property.mutex.checks import Checks
from tests.property.mutex.dynamo_model import DynamoModel
from tests.property.mutex.script import Script

NAMES = Names(table="locks", pk="pk", sk="sk", ttl="ttl")
MOST_TRANSMISSIONS = 3
TIME_STEPS_S = (0.01, 0.3, 1.0, 3.0, 10.0, 31.0)
A_DAY_AND_MORE_S = 90_000.0


@dataclass(frozen=True)
class Conditions:
    """What a run may assume, and what it may do."""

    tolerance_s: float
    largest_skew_s: float
    wall_clocks_jump: bool
    machines_suspend: bool
    excludes: bool
    """Whether mutual exclusion is promised under these conditions."""


INSIDE = Conditions(1.0, 1.0, wall_clocks_jump=False, machines_suspend=True, excludes=True)
NO_TRUST_IN_CLOCKS = Conditions(
    float("inf"), 500.0, wall_clocks_jump=True, machines_suspend=False, excludes=True
)
OUTSIDE = Conditions(1.0, 60.0, wall_clocks_jump=True, machines_suspend=True, excludes=False)


@dataclass
class Flight:
    """One call between the client's question and its answer; copies may outlive both."""

    client: Client
    life: int
    key: str
    call: Call
    answered: Callable[[Reply], None]
    own: frozenset[str]
    """Every revision that this caller ever wrote under this lock."""
    alive: frozenset[str]
    """Those of them that may stand in the table, for all that the caller was told."""
    transmissions: int = 1
    is_landed: bool = False
    answer: Reply | None = None
    is_stray: bool = False


@dataclass
class Acquiring:
    """A client on its way to a lock."""

    key: str
    state: Acquisition
    calls_after_deadline: int = 0
    wake_monotonic_s: float | None = None


@dataclass
class Holding:
    """A client that was given a lock, until it forgets it."""

    key: str
    hold: Hold
    rvns: list[str]
    newest_confirmed: int = 0
    version_read: int | None = None
    ended: bool = False


@dataclass(eq=False)
class Client:
    """One process with its clocks; after a crash it begins a new life without memory."""

    name: str
    wall_offset_s: float
    rate: float
    lease_s: float
    refresh_wait_s: float
    life: int = 0
    suspended_s: float = 0.0
    acquiring: Acquiring | None = None
    holding: Holding | None = None
    sightings: dict[str, Sighting | None] = field(default_factory=dict)
    seen: dict[str, set[str]] = field(default_factory=dict)

    def now(self, true_s: float) -> Instant:
        """The client's two clocks at a true time."""
        monotonic_s = (true_s - self.suspended_s) * self.rate + 1000.0
        return Instant(wall_s=true_s + self.wall_offset_s, monotonic_s=monotonic_s)

    def crash(self) -> None:
        """Lose everything but the clocks."""
        self.life += 1
        self.acquiring = self.holding = None
        self.sightings, self.seen = {}, {}


class Simulation:
    """One run; `step` makes one thing happen."""

    def __init__(self, script: Script, conditions: Conditions) -> None:
        self.script = script
        self.conditions = conditions
        self.true_s = 1_000_000.0
        self.db = DynamoModel(tells_all_old=script.below(4) != 3)
        self.keys = ("a", "b")[: 1 + (script.below(4) == 3)]
        self.clients = [self._client(f"c{index}") for index in range(2 + script.below(5))]
        self.flights: list[Flight] = []
        self.resource: dict[str, list[str]] = {key: [] for key in self.keys}
        self.checks = Checks(self)
        self._revisions = 0

    def _client(self, name: str) -> Client:
        script, conditions = self.script, self.conditions
        return Client(
            name=name,
            wall_offset_s=script.fraction() * conditions.largest_skew_s * 255 / 256,
            rate=script.pick((1.0, 0.9955, 1.0045)),
            lease_s=script.pick((10.0, 3.0, 30.0)),
            refresh_wait_s=script.pick((1.0, 0.1, 4.0)),
        )

    def run(self) -> None:
        """Do what the script says, to its end."""
        while not self.script.is_over:
            self.step()
            self.checks.after_step()

    def step(self) -> None:
        """Time passes, the network moves, or a client acts."""
        kind = self.script.below(16)
        if kind < 4:
            self._pass_time()
        elif kind < 10 and self.flights:
            self._move(self.script.pick(self.flights))
        elif kind < 15:
            self._act(self.script.pick(self.clients))
        else:
            self._misfortune()

    # Time

    def _pass_time(self) -> None:
        choice = self.script.below(24)
        if choice < 12:
            self.pass_time(None)
        elif choice == 23:
            self.true_s += A_DAY_AND_MORE_S
        else:
            self.true_s += TIME_STEPS_S[choice % len(TIME_STEPS_S)]

    def pass_time(self, passing_s: float | None) -> None:
        """So many seconds, or until the next wait is over."""
        self.true_s += self._until_next_timer_s() if passing_s is None else passing_s

    def _until_next_timer_s(self) -> float:
        waits_s = [
            (client.acquiring.wake_monotonic_s - client.now(self.true_s).monotonic_s) / client.rate
            for client in self.clients
            if client.acquiring and client.acquiring.wake_monotonic_s is not None
        ]
        return max(0.0, min(waits_s)) + 1e-6 if waits_s else 1.0

    # Network

    def _move(self, flight: Flight) -> None:
        """Land the request, or bring its answer; or lose, repeat or give up on it."""
        luck = self.script.below(16)
        if flight.is_stray:
            self.flights.remove(flight)
            if luck < 12:
                self.land(flight)
        elif luck < 11:
            self.bring(flight) if flight.is_landed else self.land(flight)
        elif luck < 14 and flight.transmissions < MOST_TRANSMISSIONS:
            self._repeat(flight)
        else:
            self._give_up(flight)

    def land(self, flight: Flight) -> None:
        """The request reaches DynamoDB, and is carried out in one atomic step."""
        self.db.repeated_requests = flight.transmissions - 1
        item = LockItem(cast("Any", self.db), NAMES, flight.key, None, flight.client.name)
        before = self.db.items.get((flight.key, "-"))
        flight.answer = item.carry_out(flight.call)
        flight.is_landed = True
        self.checks.landed(flight, before, self.db.items.get((flight.key, "-")))

    def bring(self, flight: Flight) -> None:
        """The answer reaches the client, if it still lives the same life."""
        assert flight.answer is not None
        self._end(flight, flight.answer)

    def _repeat(self, flight: Flight) -> None:
        """No answer came: botocore sends the same request again. The first may still land."""
        if not flight.is_landed:
            self.flights.append(replace(flight, is_stray=True))
        flight.transmissions += 1
        flight.is_landed, flight.answer = False, None

    def _give_up(self, flight: Flight) -> None:
        """The call fails for its client; the request may still land, much later."""
        if not flight.is_landed:
            self.flights.append(replace(flight, is_stray=True))
        self._end(flight, Failed(MutexCallTimedOut()))

    def _end(self, flight: Flight, reply: Reply) -> None:
        self.flights = [other for other in self.flights if other is not flight]
        if flight.client.life == flight.life:
            flight.answered(reply)

    def send(
        self,
        client: Client,
        key: str,
        call: Call,
        holding: Holding | None,
        answered: Callable[[Any], None],
    ) -> None:
        """A client's request leaves."""
        own = [] if holding is None else holding.rvns
        alive = [] if holding is None else own[holding.newest_confirmed :]
        self.flights.append(
            Flight(client, client.life, key, call, answered, frozenset(own), frozenset(alive))
        )

    # Clients

    def _act(self, client: Client) -> None:
        if client.holding is not None:
            self._use(client, client.holding)
        elif client.acquiring is None:
            waits = self.script.below(4) != 3
            timeout_s = self.script.pick((60.0, 5.0, 0.5)) if waits else 0.0
            self.begin(client, self.script.pick(self.keys), timeout_s, waits=waits)
        else:
            self.wake(client, client.acquiring)

    def begin(self, client: Client, key: str, timeout_s: float, *, waits: bool) -> None:
        """A client begins to acquire, with what it saw before, as the shell does."""
        state = Acquisition(
            lease_s=client.lease_s,
            refresh_wait_s=client.refresh_wait_s,
            tolerance_s=self.conditions.tolerance_s,
            deadline_monotonic_s=client.now(self.true_s).monotonic_s + timeout_s,
            waits=waits,
            sighting=client.sightings.get(key),
        )
        client.acquiring = Acquiring(key, state)
        self._step(client, client.acquiring, Begun())

    def wake(self, client: Client, acquiring: Acquiring) -> None:
        """The wait ends, if its time has come; a paused process wakes late."""
        wake_s = acquiring.wake_monotonic_s
        if wake_s is not None and client.now(self.true_s).monotonic_s >= wake_s:
            acquiring.wake_monotonic_s = None
            self._step(client, acquiring, Waited())

    def _step(self, client: Client, acquiring: Acquiring, event: Event) -> None:
        now = client.now(self.true_s)
        acquiring.state, action = acquiring.state.step(event, now, self.fresh())
        self.checks.decided(client, acquiring, event, action)
        client.sightings[acquiring.key] = acquiring.state.sighting
        self._carry_out(client, acquiring, action, now)

    def _carry_out(
        self, client: Client, acquiring: Acquiring, action: Action, now: Instant
    ) -> None:
        match action:
            case Wait(wait_s):
                acquiring.wake_monotonic_s = now.monotonic_s + wait_s
            case Acquired(attempt):
                client.acquiring = None
                client.sightings[acquiring.key] = None
                holding = Holding(acquiring.key, Hold(attempt), [attempt.lease.rvn])
                client.holding = holding
                self.checks.acquired(client, holding)
            case TimedOut() | Unavailable():
                client.acquiring = None
            case _:
                self.send(
                    client, acquiring.key, action, None, lambda e: self._step(client, acquiring, e)
                )

    def _use(self, client: Client, holding: Holding) -> None:
        """A holder works: reads and commits the guarded resource, renews, releases, forgets."""
        choice = self.script.below(8)
        if choice < 3:
            self.renew(client, holding)
        elif choice < 5:
            self._work(client, holding)
        elif choice < 7:
            self._release(client, holding)
        elif not holding.hold.is_held(client.now(self.true_s)):
            client.holding = None

    def renew(self, client: Client, holding: Holding) -> None:
        """Ask for a new lease, perhaps while an earlier renewal is still on its way."""
        now, fresh = client.now(self.true_s), self.fresh()
        before = holding.hold
        holding.hold, renew = before.renew(now, fresh, client.lease_s)
        if renew is None:
            return
        self.checks.renewing(client, holding, before, renew)

        def answered(reply: Written | Refused | Failed) -> None:
            before = holding.hold
            holding.hold = before.renewed(renew, reply, client.now(self.true_s))
            self.checks.renewed(client, holding, before, reply)
            standing = reply.found if isinstance(reply, Refused) else renew.lease
            if not isinstance(reply, Failed) and standing and standing.rvn in holding.rvns:
                index = holding.rvns.index(standing.rvn)
                holding.newest_confirmed = max(holding.newest_confirmed, index)

        self.send(client, holding.key, renew, holding, answered)
        holding.rvns.append(renew.lease.rvn)

    def _release(self, client: Client, holding: Holding) -> None:
        holding.hold, delete = holding.hold.release()
        if delete is None:
            client.holding = None
            return

        def answered(reply: Written | Refused | Failed) -> None:
            if not isinstance(reply, Failed):
                now = client.now(self.true_s)
                holding.hold, outcome = holding.hold.released(reply, now)
                self.checks.released(reply, outcome)

        self.send(client, holding.key, delete, holding, answered)

    def _work(self, client: Client, holding: Holding) -> None:
        """Read, then commit on the condition that the version is still the one that was read."""
        done = self.resource[holding.key]
        if holding.version_read is None:
            holding.version_read = len(done)
            return
        holding.hold, remaining_s = holding.hold.ask(client.now(self.true_s))
        if remaining_s > 0 and len(done) == holding.version_read:
            done.append(client.name)
            self.checks.committed(holding.key)
        holding.version_read = None

    # Misfortune

    def _misfortune(self) -> None:
        client = self.script.pick(self.clients)
        match self.script.below(4):
            case 0:
                client.crash()
            case 1:
                self.db.sweep(self.true_s)
            case 2 if self.conditions.machines_suspend:
                slept_s = self.script.pick((0.5, 5.0, 40.0))
                self.true_s += slept_s
                client.suspended_s += slept_s
            case 3 if self.conditions.wall_clocks_jump:
                client.wall_offset_s += (self.script.fraction() - 0.5) * 200

    def fresh(self) -> Fresh:
        """A new revision, and a random number."""
        self._revisions += 1
        return Fresh(rvn=f"r{self._revisions}", random=self.script.fraction())
