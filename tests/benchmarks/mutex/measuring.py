"""Runs the workers and turns what they print into figures."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.mutex.servers import ROOT, Store

BENCH = ROOT / ".local/bench"
REQUIREMENTS = ROOT / "tests/benchmarks/requirements.txt"
PROCESSES = 8
CONTEND_S = 4
ROUNDS = 4
LEASE_S = 30.0
DEAD_LEASE_S = 3.0
PAUSE_S = 0.1


@dataclass(frozen=True)
class Figures:
    """What one contender achieved on one store."""

    acquire_calls: int
    renew_calls: int | None
    release_calls: int
    takeover_calls: int
    takeover_late_s: float
    late_takeover_calls: int
    late_takeover_s: float
    pairs_per_s: float
    acquired: int
    calls_per_acquired: float
    mean_wait_s: float
    p95_wait_s: float
    longest_wait_s: float
    fairness: float


@dataclass(frozen=True)
class Bench:
    """One contender on one store."""

    python: Path
    store: Store
    contender: str

    def summarise(self, pairs_per_s: float, contended: list[dict[str, Any]]) -> Figures:
        """The figures of all rounds, and the calls of each operation."""
        counted = self.run("count", self.new_table())
        takeover_calls, takeover_late_s = self._take_over()
        late_takeover_calls, late_takeover_s = self._take_over_late()
        waits_s = sorted(wait_s for one in contended for wait_s in one["waits_s"])
        shares = [len(one["waits_s"]) for one in contended]
        return Figures(
            acquire_calls=counted["acquire"],
            renew_calls=counted["renew"],
            release_calls=counted["release"],
            takeover_calls=takeover_calls,
            takeover_late_s=takeover_late_s,
            late_takeover_calls=late_takeover_calls,
            late_takeover_s=late_takeover_s,
            pairs_per_s=pairs_per_s,
            acquired=len(waits_s),
            calls_per_acquired=sum(one["calls"] for one in contended) / len(waits_s),
            mean_wait_s=statistics.mean(waits_s),
            p95_wait_s=waits_s[int(len(waits_s) * 0.95)],
            longest_wait_s=waits_s[-1],
            fairness=sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares)),
        )

    def _take_over(self) -> tuple[int, float]:
        """Calls, and seconds after the end of the dead holder's lease."""
        table = self.new_table()
        dead = self.run("die", table, lease_s=DEAD_LEASE_S)
        taken = self.run("take_over", table, lease_s=DEAD_LEASE_S)
        late_s = taken["acquired_at"] - dead["acquired_at"] - DEAD_LEASE_S
        return taken["calls"], late_s

    def _take_over_late(self) -> tuple[int, float]:
        """The same when the lease was over long before: calls, and seconds from the first one."""
        table = self.new_table()
        self.run("die", table, lease_s=DEAD_LEASE_S)
        time.sleep(DEAD_LEASE_S + 2.0)
        taken = self.run("take_over", table, lease_s=DEAD_LEASE_S)
        return taken["calls"], taken["took_s"]

    def contend(self) -> list[dict[str, Any]]:
        """What each of the contending processes had."""
        table = self.new_table()
        processes = [self._start("contend", table, number=CONTEND_S) for _ in range(PROCESSES)]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        return [json.loads(process.communicate(timeout=120)[0]) for process in processes]

    def new_table(self) -> str:
        """An empty table with the keys that the contender wants."""
        table = f"locks-{uuid.uuid4().hex[:12]}"
        self.run("table", table)
        return table

    def run(
        self, task: str, table: str, *, lease_s: float = LEASE_S, number: int = 0
    ) -> dict[str, Any]:
        """What a worker measured."""
        process = self._start(task, table, lease_s=lease_s, number=number)
        output, _ = process.communicate(timeout=120)
        if process.returncode:
            raise RuntimeError(f"{self.contender} failed at {task} on {self.store.name}")
        result: dict[str, Any] = json.loads(output)
        return result

    def _start(
        self, task: str, table: str, *, lease_s: float = LEASE_S, number: int = 0
    ) -> subprocess.Popen[str]:
        assert self.store.endpoint_url is not None
        arguments = [task, self.contender, table, str(lease_s), str(PAUSE_S), str(number)]
        return subprocess.Popen(
            [str(self.python), "-m", "tests.benchmarks.mutex.worker", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={
                "PATH": os.environ.get("PATH", ""),
                "PYTHONPATH": f"{ROOT}:{ROOT / 'shared/src'}",
                "AWS_ENDPOINT_URL": self.store.endpoint_url,
                "AWS_ACCESS_KEY_ID": "local",
                "AWS_SECRET_ACCESS_KEY": "local",
                "AWS_DEFAULT_REGION": "eu-west-1",
            },
        )


def race(benches: list[Bench]) -> dict[str, float]:
    """Acquire and release per second, of one client; all in one process, by turns."""
    tables = ",".join(bench.new_table() for bench in benches)
    return benches[0].run("race", tables)


def python_with_rivals() -> Path:
    """The interpreter of .local/bench, which is made on first use."""
    python = BENCH / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(BENCH)], check=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, "--require-hashes", "-r", str(REQUIREMENTS)], check=True)
    return python
