"""The mutex's vocabulary: what the core and its shell say to each other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from erasure_shared.mutex.errors import MutexUnavailable


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment on a process's two clocks; clocks of two processes are never compared unasked."""

    wall_s: float
    monotonic_s: float


@dataclass(frozen=True, slots=True)
class Lease:
    """What an item says of its holder: a revision, and from when and how long it is good."""

    rvn: str
    started_s: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Sighting:
    """Someone else's lease, and when this process first learned of that revision."""

    lease: Lease
    first_seen_monotonic_s: float


@dataclass(frozen=True, slots=True)
class Attempt:
    """A lease of our own that was sent, and the moment before it was sent."""

    lease: Lease
    sent_monotonic_s: float

    def is_valid(self, now: Instant) -> bool:
        """Whether the lease still runs on both of our own clocks."""
        return self.remaining_s(now) > 0

    def remaining_s(self, now: Instant) -> float:
        """Seconds left on the clock that leaves fewer; negative when the lease is over."""
        ran_s = max(now.monotonic_s - self.sent_monotonic_s, now.wall_s - self.lease.started_s)
        return self.lease.duration_s - ran_s


@dataclass(frozen=True, slots=True)
class Fresh:
    """The randomness of one step: a new UUIDv4 revision, and a number from 0 up to 1."""

    rvn: str
    random: float


# What the core asks for. Each is at most one call of DynamoDB.


@dataclass(frozen=True, slots=True)
class Insert:
    """Write the lease if there is no item."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Replace the item if its revision is still the expected one."""

    lease: Lease
    expected: str


@dataclass(frozen=True, slots=True)
class Renew:
    """Write the new lease into the item if its revision is one of ours."""

    lease: Lease
    expected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the item if its revision is one of ours."""

    expected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """Read the item, consistently."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for so long."""

    wait_s: float


# What the world answers.


@dataclass(frozen=True, slots=True)
class Begun:
    """Somebody wants the lock."""


@dataclass(frozen=True, slots=True)
class Written:
    """The condition held; the write is done."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The condition did not hold; this is what stands there (None: nothing).

    `repeated` says that the request had been sent before without an answer, so that the refusal
    may be the echo of our own success.
    """

    found: Lease | None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Looked:
    """What a read found (None: nothing)."""

    found: Lease | None


@dataclass(frozen=True, slots=True)
class Waited:
    """The wait is over."""


@dataclass(frozen=True, slots=True)
class Failed:
    """No usable answer: the call may have been carried out, or not, or will be later."""

    error: MutexUnavailable


# How an acquisition ends.


@dataclass(frozen=True, slots=True)
class Acquired:
    """The lock is ours."""

    attempt: Attempt
    stolen: bool


@dataclass(frozen=True, slots=True)
class TimedOut:
    """Others held the lock all the time."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """DynamoDB did not answer usefully, to the end."""

    error: MutexUnavailable


Call = Insert | TakeOver | Renew | Delete | Look
WriteReply = Written | Refused | Failed
Reply = Written | Refused | Looked | Failed
Event = Begun | Waited | Reply
End = Acquired | TimedOut | Unavailable
Action = Insert | TakeOver | Look | Wait | End


class ReleaseOutcome(StrEnum):
    """What `release_lock` found."""

    RELEASED = "released"
    ALREADY_RELEASED = "already released"
    LOST = "lost"


class Metric(StrEnum):
    """What the metrics callback is told; the value is 1, or seconds for WAITED."""

    ACQUIRED = "acquired"
    WAITED = "waited"
    STOLEN = "stolen"
    LOST = "lost"
    TIMED_OUT = "timed_out"
