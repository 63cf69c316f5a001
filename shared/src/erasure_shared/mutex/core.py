"""The mutex's rules: values in, values out. No clock, randomness, network or sleep.

ACQUIRE

                          refused, lock of another          out of time
    begin ──► INSERT ────────────────────────────► WAIT ──────────────────► timed out
                │  ▲                               ▲  │
                │  │ gone              still there │  │ waited
        written │  └────────────── LOOK ◄──────────┼──┤ not stale yet
                │                                  │  │
                ▼                       refused    │  ▼ stale
             acquired ◄─────────────────────────── TAKE OVER
                             written

    A call without a usable answer leads to WAIT like a refusal, out of time to `unavailable`.
    The last try, at the deadline itself, is always a write: a look could only show a free lock.

HOLD
                                     written, or refused by our own revision
                                  ┌─────────────┐
                                  ▼             │
    acquired ─────────────────► HELD ──► RENEW ─┤ no usable answer: still HELD, both revisions ours
                                  │             │
              the lease ran out,  │             ▼ refused by anything else
              on either clock ────┼─────────► LOST
                                  │             │
                                  └──► DELETE ◄─┘ only under our own revisions
                                          └────► RELEASED

WHAT IT RESTS ON

At most one client believes that it holds a lock, if
  (a) DynamoDB's conditional writes are atomic and consistent reads see them, which holds in one
      region, not across a global table's; and either
  (b) no two clients' wall clocks differ by more than `clock_skew_tolerance`; or
  (c) that tolerance is infinity, so that every takeover rests on the second proof of `is_stale`;
  and in both cases monotonic clocks run at rates that differ by less than 1 %.
Pauses, crashes, lost, late and repeated messages, and TTL sweeps are allowed for.

"Believes" means `is_held()`. A process may be paused between asking and acting, so no lease, of
whatever design, protects the write that follows. Outside the assumptions, and across such a pause,
what still holds is that **no update is lost**, if every write to the guarded resource states the
version that it replaces (`If-Match` on the ETag that was read): a holder that overslept loses its
own write, never another's. The mutex makes conflicts rare; conditions make them harmless.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum, auto

from erasure_shared.mutex.values import (
    Acquired,
    Action,
    Attempt,
    Begun,
    Delete,
    Event,
    Failed,
    Fresh,
    Insert,
    Instant,
    Lease,
    Look,
    Looked,
    Refused,
    ReleaseOutcome,
    Renew,
    Sighting,
    TakeOver,
    TimedOut,
    Unavailable,
    Wait,
    Waited,
    WriteReply,
    Written,
)

CLOCK_RATE_MARGIN = 1.01
WATCH_GRACE_S = 0.1
"""A waiter watches a lease for 1 % and 0.1 s longer than it lasts (FINDINGS.md, "Mutex")."""

RANDOM_WAIT_S = 2.0
"""Waits are refresh_wait_time + random() * 2 seconds (DESIGN.md section 5)."""

WAKE_LATE_S = 0.001
"""Both proofs of staleness need *more* than the lease: wake a moment after it."""

RETRY_WAIT_S = 0.25

RENEWALS_PER_LEASE = 3
"""Renewed at a third of the lease, two attempts may fail before it is lost."""

OWN_REVISIONS_KEPT = 20
"""Unanswered renewals that a hold remembers; DynamoDB's IN takes 100. Forgetting one is safe."""

TTL_BEHIND_LEASE_S = 86_400
"""DynamoDB's TTL only sweeps up; a day behind the lease, it never takes a live lock."""


def ttl_s(lease: Lease) -> int:
    """When DynamoDB may sweep the item: whole epoch seconds, well behind the lease."""
    return math.ceil(lease.started_s + lease.duration_s) + TTL_BEHIND_LEASE_S


def is_stale(sighting: Sighting, now: Instant, *, tolerance_s: float) -> bool:
    """Whether the lease seen at an earlier attempt has surely ended, if it was not renewed since.

    Two proofs, either is enough (DESIGN.md section 5): our wall clock is past the lease by more
    than the tolerated skew; or we watched the revision for a whole lease, of the length that its
    owner wrote, on our own monotonic clock. That it was not renewed, the condition of the
    takeover itself proves.
    """
    return until_stale_s(sighting, now, tolerance_s=tolerance_s) < 0


def until_stale_s(sighting: Sighting, now: Instant, *, tolerance_s: float) -> float:
    """Seconds until the first proof of staleness can be had; negative: it is there."""
    lease = sighting.lease
    wall_left_s = lease.started_s + lease.duration_s + tolerance_s - now.wall_s
    watched_s = now.monotonic_s - sighting.first_seen_monotonic_s
    watch_left_s = lease.duration_s * CLOCK_RATE_MARGIN + WATCH_GRACE_S - watched_s
    return min(wall_left_s, watch_left_s)


def retry_wait_s(fresh: Fresh) -> float:
    """How long a holder waits before it repeats a renewal or release without an answer."""
    return RETRY_WAIT_S * (1 + fresh.random)


@dataclass(frozen=True, slots=True)
class Acquisition:
    """One caller's attempt to get one lock; a value: each step returns the next one."""

    lease_s: float
    refresh_wait_s: float
    tolerance_s: float
    deadline_monotonic_s: float
    waits: bool
    random_wait_s: float = RANDOM_WAIT_S
    sighting: Sighting | None = None
    ours: tuple[Attempt, ...] = ()
    taking_over: bool = False

    def step(self, event: Event, now: Instant, fresh: Fresh) -> tuple[Acquisition, Action]:
        """What follows from the event; `now` is read after it and before the action is begun."""
        match event:
            case Begun():
                return self._insert(now, fresh)
            case Waited():
                return self._attempt(now, fresh)
            case Written():
                return self._claim(self.ours[-1], now, fresh)
            case Refused(found) | Looked(found):
                return self._found(found, now, fresh)
            case Failed(error):
                end = Unavailable(error)
                return (self, end) if self._is_over(now) else (self, self._wait(now, fresh))

    def _is_over(self, now: Instant) -> bool:
        return not self.waits or now.monotonic_s >= self.deadline_monotonic_s

    def _attempt(self, now: Instant, fresh: Fresh) -> tuple[Acquisition, Action]:
        """The next call after a wait. Polling reads: a refused write costs write capacity."""
        if self.sighting is None:
            return self._insert(now, fresh)
        if is_stale(self.sighting, now, tolerance_s=self.tolerance_s):
            return self._take_over(self.sighting.lease.rvn, now, fresh)
        if self._is_over(now):
            return self._insert(now, fresh)
        return self, Look()

    def _found(self, found: Lease | None, now: Instant, fresh: Fresh) -> tuple[Acquisition, Action]:
        if found is None:
            free = replace(self, sighting=None)
            return (free, TimedOut()) if self._is_over(now) else free._insert(now, fresh)
        for attempt in self.ours:
            if attempt.lease.rvn == found.rvn:
                return self._claim(attempt, now, fresh)
        return self._seen(found, now, fresh)

    def _claim(self, attempt: Attempt, now: Instant, fresh: Fresh) -> tuple[Acquisition, Action]:
        """Our own revision stands in the table, whichever of our writes put it there.

        A write whose response was lost and which was repeated meets its own revision: success.
        But a lease that ran out before we learned of it is not held; it is replaced by a new one.
        """
        if attempt.is_valid(now):
            return self, Acquired(attempt, stolen=self.taking_over)
        if self._is_over(now):
            return self, TimedOut()
        return self._take_over(attempt.lease.rvn, now, fresh)

    def _seen(self, found: Lease, now: Instant, fresh: Fresh) -> tuple[Acquisition, Action]:
        """Somebody else's lease: taken over only if it was seen before this very answer."""
        earlier = self.sighting
        if earlier is None or earlier.lease.rvn != found.rvn:
            first = replace(self, sighting=Sighting(found, now.monotonic_s))
            return (first, TimedOut()) if self._is_over(now) else (first, first._wait(now, fresh))
        may_write = not self.waits or not self._is_over(now)
        if may_write and is_stale(earlier, now, tolerance_s=self.tolerance_s):
            return self._take_over(found.rvn, now, fresh)
        return (self, TimedOut()) if self._is_over(now) else (self, self._wait(now, fresh))

    def _wait(self, now: Instant, fresh: Fresh) -> Wait:
        """The usual wait, cut short where staleness or the deadline comes earlier."""
        wait_s = self.refresh_wait_s + fresh.random * self.random_wait_s
        if self.sighting is not None:
            stale_in_s = until_stale_s(self.sighting, now, tolerance_s=self.tolerance_s)
            if stale_in_s >= 0:
                wait_s = min(wait_s, stale_in_s + WAKE_LATE_S)
        return Wait(max(0.0, min(wait_s, self.deadline_monotonic_s - now.monotonic_s)))

    def _insert(self, now: Instant, fresh: Fresh) -> tuple[Acquisition, Action]:
        attempt = self._new_attempt(now, fresh)
        sent = replace(self, ours=(*self.ours, attempt), taking_over=False)
        return sent, Insert(attempt.lease)

    def _take_over(self, expected: str, now: Instant, fresh: Fresh) -> tuple[Acquisition, Action]:
        attempt = self._new_attempt(now, fresh)
        sent = replace(self, ours=(*self.ours, attempt), taking_over=True)
        return sent, TakeOver(attempt.lease, expected)

    def _new_attempt(self, now: Instant, fresh: Fresh) -> Attempt:
        return new_attempt(now, fresh, self.lease_s)


def new_attempt(now: Instant, fresh: Fresh, lease_s: float) -> Attempt:
    """A lease counts from before its write is sent, on both clocks of the sender."""
    lease = Lease(rvn=fresh.rvn, started_s=now.wall_s, duration_s=lease_s)
    return Attempt(lease, sent_monotonic_s=now.monotonic_s)


class HoldState(Enum):
    """Where a hold stands; it never goes back."""

    HELD = auto()
    RELEASING = auto()
    RELEASED = auto()
    LOST = auto()


@dataclass(frozen=True, slots=True)
class Hold:
    """A lock that was acquired; a value: each step returns the next one.

    `confirmed` is the newest revision known to have been written; `unsure` are renewals without
    an answer, any of which may stand in the table, now or later.
    """

    confirmed: Attempt
    unsure: tuple[Attempt, ...] = ()
    state: HoldState = HoldState.HELD
    deletes_sent: int = 0

    def is_held(self, now: Instant) -> bool:
        """Whether nobody else can have the lock at this moment."""
        return self.state is HoldState.HELD and self.confirmed.is_valid(now)

    def remaining_s(self, now: Instant) -> float:
        """Seconds for which the lock is surely ours, 0 if it is not."""
        return self.confirmed.remaining_s(now) if self.is_held(now) else 0.0

    def ask(self, now: Instant) -> tuple[Hold, float]:
        """The same for the holder itself: who was once told 0 is never told otherwise.

        Without it, a wall clock that is set back could make a lock held again.
        """
        return self._expired(now), self.remaining_s(now)

    def renewal_due_in_s(self, now: Instant) -> float:
        """Seconds until a third of the lease is over; negative: it is."""
        lease_s = self.confirmed.lease.duration_s
        return self.confirmed.remaining_s(now) - lease_s * (1 - 1 / RENEWALS_PER_LEASE)

    def renew(self, now: Instant, fresh: Fresh, lease_s: float) -> tuple[Hold, Renew | None]:
        """Ask for a new lease; None when the lock is not held: a lost lease is never revived."""
        if not self.is_held(now):
            return self._expired(now), None
        attempt = new_attempt(now, fresh, lease_s)
        renew = Renew(attempt.lease, expected=self._own_revisions())
        unsure = (*self.unsure, attempt)[-OWN_REVISIONS_KEPT:]
        return replace(self, unsure=unsure), renew

    def renewed(self, renew: Renew, reply: WriteReply, now: Instant) -> Hold:
        """What the answer to a renewal means; answers may come late and in any order.

        When a later renewal was confirmed before, this answer says nothing new.
        """
        if renew.lease.rvn not in self._own_revisions():
            return self._expired(now)
        match reply:
            case Failed():
                return self._expired(now)
            case Written():
                return self._confirm(renew.lease.rvn, now)
            case Refused(found) if found is not None and found.rvn in self._own_revisions():
                return self._confirm(found.rvn, now)
            case Refused():
                return self._lost()

    def release(self) -> tuple[Hold, Delete | None]:
        """Ask for the item's removal under any revision of ours; None when that was done before.

        A lock that was lost is deleted too: the condition tells whether it still stands there.
        """
        if self.state is HoldState.RELEASED:
            return self, None
        state = HoldState.LOST if self.state is HoldState.LOST else HoldState.RELEASING
        sent = replace(self, state=state, deletes_sent=self.deletes_sent + 1)
        return sent, Delete(self._own_revisions())

    def released(self, reply: Written | Refused, now: Instant) -> tuple[Hold, ReleaseOutcome]:
        """What the answer to a release means.

        A repeated request that finds nothing of ours heard the echo of our own delete, if nothing
        is there, or if the lease still ran, so that a successor can only have come after us. A
        first request that finds nothing of ours: somebody took the lock before.
        """
        done = replace(self, state=HoldState.RELEASED, unsure=())
        if isinstance(reply, Written):
            return done, ReleaseOutcome.RELEASED
        was_repeated = reply.repeated or self.deletes_sent > 1
        if was_repeated and (reply.found is None or self.confirmed.is_valid(now)):
            return done, ReleaseOutcome.RELEASED
        return done, ReleaseOutcome.LOST

    def _own_revisions(self) -> tuple[str, ...]:
        return (self.confirmed.lease.rvn, *(attempt.lease.rvn for attempt in self.unsure))

    def _confirm(self, rvn: str, now: Instant) -> Hold:
        """A revision of ours stands in the table: what was sent before it no longer matters."""
        for index, attempt in enumerate(self.unsure):
            if attempt.lease.rvn == rvn:
                later = replace(self, confirmed=attempt, unsure=self.unsure[index + 1 :])
                return later if self.confirmed.is_valid(now) else later._lost()
        return self._expired(now)

    def _expired(self, now: Instant) -> Hold:
        return self if self.confirmed.is_valid(now) else self._lost()

    def _lost(self) -> Hold:
        return replace(self, state=HoldState.LOST) if self.state is HoldState.HELD else self
