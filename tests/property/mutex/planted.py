"""Faults planted into the mutex, each of which the properties must find.

A fault is a replacement in the source of one module. The whole package and the simulation are
loaded once more, under another name, with the replacement made: nothing is patched.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import erasure_shared.mutex

MUTEX = Path(erasure_shared.mutex.__file__).parent
SIMULATION = Path(__file__).parent
SIMULATION_MODULES = ("checks", "dynamo_model", "properties", "recovery", "script", "simulation")


@dataclass(frozen=True)
class Fault:
    """One way to get the mutex wrong."""

    name: str
    found_by: str
    module: str
    right: str
    wrong: str


INSIDE = "inside_the_assumptions"
NO_TRUST = "without_trust_in_clocks"
OUTSIDE = "outside_the_assumptions"
SILENT = "a_silent_holder_is_replaced_in_time"

FAULTS = (
    Fault(
        "takeover without a condition",
        INSIDE,
        "store",
        "            **condition,\n",
        "            **(condition if replacing is None else {}),\n",
    ),
    Fault(
        "takeover without the second sighting",
        OUTSIDE,
        "core",
        "            return (first, TimedOut()) if self._is_over(now) else "
        "(first, first._wait(now, fresh))\n",
        "            earlier = Sighting(found, now.monotonic_s)\n",
    ),
    Fault(
        "release without a condition",
        NO_TRUST,
        "store",
        "            ConditionExpression=condition,\n"
        '            ExpressionAttributeNames={"#rvn": RVN},\n',
        "",
    ),
    Fault(
        "renewal without a condition",
        OUTSIDE,
        "store",
        "            UpdateExpression=_RENEWAL,\n            ConditionExpression=condition,\n",
        "            UpdateExpression=_RENEWAL,\n",
    ),
    Fault(
        "insert over an existing item",
        INSIDE,
        "store",
        '"ExpressionAttributeNames": {"#pk": self.names.pk}',
        '"ExpressionAttributeNames": {"#pk": "other"}',
    ),
    Fault(
        "lease counted from after the response",
        INSIDE,
        "core",
        "return self._claim(self.ours[-1], now, fresh)",
        "fresh = Fresh(self.ours[-1].lease.rvn, fresh.random)\n"
        "                return self._claim(self._new_attempt(now, fresh), now, fresh)",
    ),
    Fault(
        "renewed lease counted from after the response",
        SILENT,
        "core",
        "later = replace(self, confirmed=attempt,",
        "late = new_attempt(now, Fresh(rvn, 0), attempt.lease.duration_s)\n"
        "                later = replace(self, confirmed=late,",
    ),
    Fault(
        "own revision not recognised when acquiring",
        INSIDE,
        "core",
        "if attempt.lease.rvn == found.rvn:\n                return self._claim",
        "if attempt.lease.rvn is found:\n                return self._claim",
    ),
    Fault(
        "own revision not recognised when renewing",
        NO_TRUST,
        "core",
        "if found is not None and found.rvn in self._own_revisions():",
        "if found is not None and found.rvn == self.confirmed.lease.rvn:",
    ),
    Fault(
        "only the confirmed revision renewed",
        SILENT,
        "core",
        "Renew(attempt.lease, expected=self._own_revisions())",
        "Renew(attempt.lease, expected=(self.confirmed.lease.rvn,))",
    ),
    Fault(
        "only the confirmed revision released",
        INSIDE,
        "core",
        "Delete(self._own_revisions())",
        "Delete((self.confirmed.lease.rvn,))",
    ),
    Fault(
        "renewal after the loss",
        INSIDE,
        "core",
        "if not self.is_held(now):\n            return self._expired(now), None",
        "if self.state is HoldState.RELEASED:\n            return self, None",
    ),
    Fault(
        "belief revived by a late answer",
        NO_TRUST,
        "core",
        "return later if self.confirmed.is_valid(now) else later._lost()",
        "return later",
    ),
    Fault(
        "renewal under the old revision",
        SILENT,
        "core",
        "        attempt = new_attempt(now, fresh, lease_s)\n        renew =",
        "        same = Fresh(self.confirmed.lease.rvn, 0)\n"
        "        attempt = new_attempt(now, same, lease_s)\n        renew =",
    ),
    Fault(
        "renewal without a new start",
        SILENT,
        "store",
        "SET #rvn = :rvn, #started = :started, ",
        "SET #rvn = :rvn, ",
    ),
    Fault(
        "skew not tolerated",
        SILENT,
        "core",
        "lease.duration_s + tolerance_s - now.wall_s",
        "lease.duration_s - now.wall_s",
    ),
    Fault(
        "the waiter's wall clock only",
        SILENT,
        "core",
        "    watched_s = now.monotonic_s - sighting.first_seen_monotonic_s\n",
        "    watched_s = now.wall_s - sighting.lease.started_s\n",
    ),
    Fault(
        "watched for the waiter's own lease",
        SILENT,
        "core",
        "replace(self, sighting=Sighting(found, now.monotonic_s))",
        "replace(self, sighting=Sighting(\n"
        "                replace(found, duration_s=self.lease_s), now.monotonic_s))",
    ),
    Fault(
        "watch counted from before the answer",
        SILENT,
        "core",
        "replace(self, sighting=Sighting(found, now.monotonic_s))",
        "replace(self, sighting=Sighting(found, self.ours[-1].sent_monotonic_s))",
    ),
    Fault(
        "a new revision does not restart the watch",
        INSIDE,
        "core",
        "if earlier is None or earlier.lease.rvn != found.rvn:",
        "if earlier is None:",
    ),
    Fault(
        "clock rates taken for equal",
        SILENT,
        "core",
        "lease.duration_s * CLOCK_RATE_MARGIN + WATCH_GRACE_S - watched_s",
        "lease.duration_s - watched_s",
    ),
    Fault(
        "suspension slept through",
        INSIDE,
        "values",
        "max(now.monotonic_s - self.sent_monotonic_s, now.wall_s - self.lease.started_s)",
        "now.monotonic_s - self.sent_monotonic_s",
    ),
    Fault(
        "an expired lease claimed",
        INSIDE,
        "core",
        "        if attempt.is_valid(now):\n            return self, Acquired",
        "        if attempt:\n            return self, Acquired",
    ),
    Fault(
        "TTL before the end of the lease",
        INSIDE,
        "core",
        "return math.ceil(lease.started_s + lease.duration_s) + TTL_BEHIND_LEASE_S",
        "return math.ceil(lease.started_s)",
    ),
    Fault(
        "waits beyond the deadline",
        INSIDE,
        "core",
        "return Wait(max(0.0, min(wait_s, self.deadline_monotonic_s - now.monotonic_s)))",
        "return Wait(wait_s)",
    ),
    Fault(
        "no end at the deadline",
        INSIDE,
        "core",
        "return not self.waits or now.monotonic_s >= self.deadline_monotonic_s",
        "return not self.waits",
    ),
    Fault(
        "polling by writing",
        NO_TRUST,
        "core",
        "        return self, Look()",
        "        return self._insert(now, fresh)",
    ),
    Fault(
        "a dead lock never taken over",
        SILENT,
        "core",
        "return until_stale_s(sighting, now, tolerance_s=tolerance_s) < 0",
        "return False",
    ),
)


@contextmanager
def planted(fault: Fault, folder: Path) -> Iterator[Callable[[bytes], None]]:
    """The property that is to find it, about a mutex with this fault."""
    name = "planted_" + "".join(letter if letter.isalnum() else "_" for letter in fault.name)
    _write_package(fault, folder / name)
    sys.path.insert(0, str(folder))
    try:
        importlib.invalidate_caches()
        module = importlib.import_module(f"{name}.properties")
        yield cast("Callable[[bytes], None]", getattr(module, fault.found_by))
    finally:
        sys.path.remove(str(folder))
        for loaded in [loaded for loaded in sys.modules if loaded.partition(".")[0] == name]:
            del sys.modules[loaded]


def _write_package(fault: Fault, package: Path) -> None:
    package.mkdir()
    sources = [*MUTEX.glob("*.py"), *(SIMULATION / f"{name}.py" for name in SIMULATION_MODULES)]
    for path in sources:
        text = path.read_text()
        if path.parent == MUTEX and path.stem == fault.module:
            assert text.count(fault.right) == 1, f"nothing to replace for: {fault.name}"
            text = text.replace(fault.right, fault.wrong)
        text = text.replace("erasure_shared.mutex", package.name)
        text = text.replace("tests.property.mutex", package.name)
        (package / path.name).write_text(text)
