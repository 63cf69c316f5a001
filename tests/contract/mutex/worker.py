"""A process that works under a lock; the tests start many of these, and kill some.

    python -m tests.contract.mutex.worker count <endpoint> <table> <file> <times>
    python -m tests.contract.mutex.worker hold <endpoint> <table> <file> <times>

`count` adds 1 to the number in an unguarded file, so many times. `hold` keeps the lock for a
moment, with a short lease that is renewed, and appends what it does to the file.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from erasure_shared.mutex import LockContext, MutexClient, MutexKey
from tests.contract.mutex.servers import Store

KEY = MutexKey("s3://lake/part-1")
LEASE_S = 1.0
TOLERANCE_S = 0.5
WAIT_S = 0.1
JITTER_S = 0.1
HOLD_S = 0.15


def count(mutex: MutexClient, counter: Path, times: int) -> None:
    """Read, add, write: without the lock, updates are lost."""
    for _ in range(times):
        with LockContext(mutex, KEY):
            number = int(counter.read_text())
            counter.write_text(str(number + 1))


def hold(mutex: MutexClient, journal: Path, times: int) -> None:
    """Say when the lock was taken and when it is about to be released."""
    for _ in range(times):
        with LockContext(mutex, KEY) as lock:
            _append(journal, "took")
            time.sleep(HOLD_S)
            lock.ensure_held()
            _append(journal, "left")


def _append(journal: Path, word: str) -> None:
    with journal.open("a") as lines:
        lines.write(f"{time.monotonic():.6f} {os.getpid()} {word}\n")


def main(work: str, endpoint_url: str, table: str, file: str, times: str) -> None:
    """Start when told to: processes do not start at the same time."""
    is_counting = work == "count"
    mutex = MutexClient(
        dynamo_db_client=Store("server", endpoint_url).client(),
        table_name=table,
        default_lease_duration=30.0 if is_counting else LEASE_S,
        auto_renew=not is_counting,
        clock_skew_tolerance=TOLERANCE_S,
        refresh_wait_time=0.03 if is_counting else WAIT_S,
        refresh_wait_jitter=0.12 if is_counting else JITTER_S,
        max_timeout=120.0,
    )
    mutex.lock_info(KEY)  # the connection is there before the work begins
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    (count if is_counting else hold)(mutex, Path(file), int(times))


if __name__ == "__main__":
    main(*sys.argv[1:])
