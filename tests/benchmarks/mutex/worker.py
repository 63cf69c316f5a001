"""One process of the benchmark: does one task with one contender, and prints what it measured.

    python -m tests.benchmarks.mutex.worker <task> <contender> <table> <lease_s> <pause_s> <number>

Where the server is, the environment says (AWS_ENDPOINT_URL).
"""

from __future__ import annotations

import json
import logging
import os
import random
import statistics
import sys
import time
from typing import Any

import boto3

from tests.benchmarks.mutex.contenders import (
    CONTENDERS,
    CannotRenew,
    Contender,
    Settings,
    new_table,
)

HOLD_S = 0.02
LAPS = 100
PAIRS_PER_LAP = 5


class Calls:
    """Counts requests at botocore's HTTP client, repetitions included."""

    def __init__(self) -> None:
        self.count = 0
        boto3.setup_default_session()
        session: Any = boto3.DEFAULT_SESSION
        session.events.register("before-send.dynamodb", self._sent)

    def _sent(self, **_: object) -> None:
        self.count += 1

    def of(self, action: Any) -> int | None:
        """The requests that an action causes; None when the contender cannot do it."""
        before = self.count
        try:
            action()
        except CannotRenew:
            return None
        return self.count - before


def count(contender: Contender, calls: Calls) -> dict[str, object]:
    """Calls per operation, after one that opens the connection."""
    contender.acquire()
    contender.release()
    return {
        "acquire": calls.of(contender.acquire),
        "renew": calls.of(contender.renew),
        "release": calls.of(contender.release),
    }


def die(contender: Contender) -> dict[str, object]:
    """Acquire, and end without a word."""
    contender.acquire()
    return {"acquired_at": time.time()}


def take_over(contender: Contender, calls: Calls) -> dict[str, object]:
    """Wait for the lock of a dead holder."""
    began_s = time.monotonic()
    used = calls.of(contender.acquire)
    return {"calls": used, "took_s": time.monotonic() - began_s, "acquired_at": time.time()}


def race(tables: list[str]) -> dict[str, object]:
    """Acquire and release, as fast as one client can: a few with each contender in turn."""
    contenders = {
        name: CONTENDERS[name](Settings(table, lease_s=30.0, mean_pause_s=0.1))
        for name, table in zip(CONTENDERS, tables, strict=True)
    }
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(LAPS):
        for name, contender in contenders.items():
            began_s = time.perf_counter()
            for _ in range(PAIRS_PER_LAP):
                contender.acquire()
                contender.release()
            speeds[name].append(PAIRS_PER_LAP / (time.perf_counter() - began_s))
    return {name: statistics.median(laps) for name, laps in speeds.items()}


def contend(contender: Contender, calls: Calls, seconds: int) -> dict[str, object]:
    """Take the lock again and again beside others, for so long; start when told to."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    waits_s: list[float] = []
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        began_s = time.monotonic()
        contender.acquire()
        waits_s.append(time.monotonic() - began_s)
        time.sleep(HOLD_S)
        contender.release()
        time.sleep(HOLD_S * random.random())
    return {"waits_s": waits_s, "calls": calls.count}


def main(
    task: str, name: str, table: str, lease_s: str, pause_s: str, number: str
) -> dict[str, object]:
    """Do the task."""
    logging.disable(logging.CRITICAL)
    calls = Calls()
    if task == "table":
        new_table(name, table)
        return {}
    if task == "race":
        return race(table.split(","))
    settings = Settings(table, lease_s=float(lease_s), mean_pause_s=float(pause_s))
    contender = CONTENDERS[name](settings)
    match task:
        case "count":
            return count(contender, calls)
        case "die":
            return die(contender)
        case "take_over":
            return take_over(contender, calls)
        case "contend":
            return contend(contender, calls, int(number))
    raise ValueError(task)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])) + "\n")
    sys.stdout.flush()
    os._exit(0)  # a rival's threads would keep the process
