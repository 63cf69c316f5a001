"""Threads that act one at a time, in an order that a test decides: at every call, at every sleep.

    actor ─► step() ─► who is next? ─► the same one goes on, or another while this one waits

Time is counted, not spent: a step takes `STEP_S`, and when all sleep, the first wakes up. The same
script gives the same play again, whatever the machine does meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import chain, cycle

STEP_S = 0.02
_MOST_STEPS = 30_000
_LONGEST_S = 20_000.0
_STUCK_S = 20.0


class Trouble(Enum):
    """What may befall an actor at one of its calls."""

    DIES_BEFORE = auto()  # that is after the call before, too
    PAUSES = auto()  # for longer than any lease
    ANSWER_LOST = auto()  # the call was carried out, and fails for the caller
    REPEATED = auto()  # as an SDK does that got no answer: the second answer counts


PAUSE_S = 200.0


class Died(BaseException):
    """The actor is no more; whatever it still wants to tidy up does not happen."""


@dataclass(eq=False)
class Actor:
    """One thread, and what befalls it at its n-th call."""

    name: str
    troubles: Mapping[int, Trouble] = field(default_factory=dict)
    calls: int = 0
    wakes_at_s: float = 0.0
    is_dead: bool = False
    baton: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))


class Stage:
    """Lets actors act. `script`: whose turn it is and for how many steps; then everybody's."""

    def __init__(self, script: Sequence[tuple[int, int]]) -> None:
        self._turns = chain(script, cycle([(1, 2)]))
        self._left = 0
        self._actors: list[Actor] = []
        self._threads: list[threading.Thread] = []
        self._by_thread: dict[int, Actor] = {}
        self._everybody_left = threading.Event()
        self._position = 0
        self.clock_s = 0.0
        self.steps = 0
        self.failure: BaseException | None = None

    def cast(
        self, name: str, act: Callable[[], None], troubles: Mapping[int, Trouble] | None = None
    ) -> None:
        """One more actor; it begins when it is chosen."""
        actor = Actor(name, troubles or {})
        self._actors.append(actor)
        thread = threading.Thread(target=self._live, args=(actor, act), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def play(self) -> None:
        """Until everybody has left; raises what an actor raised."""
        self._choose().baton.release()
        assert self._everybody_left.wait(_STUCK_S), "the play is stuck"
        for thread in self._threads:
            thread.join(_STUCK_S)
        if self.failure is not None:
            raise self.failure

    def actor(self) -> Actor | None:
        """Who acts; None outside the play."""
        return self._by_thread.get(threading.get_ident())

    def step(self) -> Trouble | None:
        """Before each call: perhaps it is another's turn, perhaps there is trouble."""
        actor = self.actor()
        if actor is None:
            return None
        actor.calls += 1
        self.steps += 1
        self.clock_s += STEP_S
        assert self.steps < _MOST_STEPS, "this never ends"
        trouble = actor.troubles.get(actor.calls)
        if trouble is Trouble.DIES_BEFORE:
            actor.is_dead = True
        if trouble is Trouble.PAUSES:
            actor.wakes_at_s = self.clock_s + PAUSE_S
        self._yield(actor)
        return trouble

    def sleep(self, seconds: float) -> None:
        """Let the others act until then."""
        actor = self.actor()
        assert actor is not None
        actor.wakes_at_s = self.clock_s + seconds
        assert self.clock_s < _LONGEST_S, "this never ends"
        self._yield(actor)

    def _yield(self, actor: Actor) -> None:
        if not actor.is_dead:
            chosen = self._choose(actor)
            if chosen is not actor:
                chosen.baton.release()
                actor.baton.acquire()
        if actor.is_dead or self.failure is not None:
            actor.is_dead = True
            raise Died

    def _choose(self, current: Actor | None = None) -> Actor:
        awake = [actor for actor in self._actors if actor.wakes_at_s <= self.clock_s]
        if not awake:
            self.clock_s = min(actor.wakes_at_s for actor in self._actors)
            awake = [actor for actor in self._actors if actor.wakes_at_s <= self.clock_s]
        if self._left > 0 and current in awake:
            self._left -= 1
            return current
        further, steps = next(self._turns)
        self._left = steps - 1
        self._position += further
        return awake[self._position % len(awake)]

    def _live(self, actor: Actor, act: Callable[[], None]) -> None:
        actor.baton.acquire()
        self._by_thread[threading.get_ident()] = actor
        try:
            if self.failure is None:
                act()
        except Died:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where the play was begun
            self.failure = self.failure or error
        finally:
            self._by_thread.pop(threading.get_ident(), None)
            self._actors.remove(actor)
            if self._actors:
                self._choose().baton.release()
            else:
                self._everybody_left.set()
