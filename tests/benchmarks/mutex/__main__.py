"""Compares the mutex with its rivals, and writes its section of tests/benchmarks/README.md.

python -m tests.benchmarks.mutex
"""

from __future__ import annotations

import os
import platform
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.mutex.contenders import CONTENDERS
from tests.benchmarks.mutex.measuring import (
    CONTEND_S,
    DEAD_LEASE_S,
    PAUSE_S,
    PROCESSES,
    ROUNDS,
    Bench,
    Figures,
    python_with_rivals,
    race,
)
from tests.contract.mutex.servers import NotInstalled, Store, dynalite, ministack

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- mutex: begin -->", "<!-- mutex: end -->"
OURS = next(iter(CONTENDERS))

HEADER = (
    "| | acquire | renew | release | takeover | after the lease | late takeover | takes | "
    "acquire + release | ratio | 8 contenders: locks taken | calls per lock | "
    "mean wait | 95 % | longest | fairness |"
)


def measure(store: Store, python: Path) -> dict[str, Figures]:
    """Every contender on one store; they take turns, so that a busy minute hits them all."""
    benches = [Bench(python, store, name) for name in CONTENDERS]
    speeds = race(benches)
    contended: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTENDERS}
    for number in range(ROUNDS):
        for bench in benches[number % len(benches) :] + benches[: number % len(benches)]:
            contended[bench.contender] += bench.contend()
    return {
        bench.contender: bench.summarise(speeds[bench.contender], contended[bench.contender])
        for bench in benches
    }


def table(store: Store, figures: dict[str, Figures]) -> str:
    """One store's rows."""
    columns = HEADER.count("|") - 1
    lines = [f"**{store.name}**", "", HEADER, "|---" * columns + "|"]
    ours = figures[OURS].pairs_per_s
    for name, one in figures.items():
        cells = [
            name,
            str(one.acquire_calls),
            "none" if one.renew_calls is None else str(one.renew_calls),
            str(one.release_calls),
            str(one.takeover_calls),
            f"{one.takeover_late_s:+.2f} s",
            str(one.late_takeover_calls),
            f"{one.late_takeover_s:.2f} s",
            f"{one.pairs_per_s:.0f}/s",
            f"{one.pairs_per_s / ours:.2f}",
            str(one.acquired),
            f"{one.calls_per_acquired:.1f}",
            f"{one.mean_wait_s:.2f} s",
            f"{one.p95_wait_s:.2f} s",
            f"{one.longest_wait_s:.2f} s",
            f"{one.fairness:.3f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def section(tables: list[str]) -> str:
    """The whole section, with what the figures mean."""
    today = datetime.now(UTC).date().isoformat()
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    head = f"""\
## The mutex

`make bench-mutex`, {today}, {machine}; all figures of one table are from one run, in which the
mutexes took turns. Calls are HTTP requests, counted at botocore. Takeover: the lock of a process
that died with a lease of {DEAD_LEASE_S:g} s, waited for from the start, and found long after its
end; polled every {PAUSE_S:g} s. Acquire + release: one client, the median of many short laps in one
process. Contenders: {PROCESSES} processes in {ROUNDS} rounds of {CONTEND_S} s, each with the lock
for 20 ms at a time, a mean pause of {PAUSE_S:g} s between two polls. Fairness is Jain's index
of the processes' shares (1: all equal)."""
    foot = """\
dynamo-dlm knows no pause between attempts, and each attempt is a write: where the server keeps up,
it is handed a free lock sooner, for many times the calls, which DynamoDB bills as writes. It counts
the lease in whole seconds of the wall clock, which is why it takes a lock over **before** its lease
is over; two processes then hold it. It cannot renew.

None of the three keeps a queue: who has just released may be the first to ask again, and among the
others chance decides. Where that makes a rival's fairness or longest wait better than ours, it is
by chance (python-dynamodb-lock), or by polling without pause (dynamo-dlm)."""
    return "\n\n".join([head, *tables, foot])


def write(text: str) -> None:
    """Replace our section, and leave the others alone."""
    old = README.read_text() if README.exists() else "# Benchmarks\n"
    if BEGIN not in old:
        old = f"{old.rstrip()}\n\n{BEGIN}\n{END}\n"
    before, _, rest = old.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def main() -> None:
    """Measure on every store that is here."""
    python = python_with_rivals()
    tables = []
    for start in (ministack, dynalite):
        with ExitStack() as stack:
            try:
                store = stack.enter_context(start())
            except NotInstalled as missing:
                sys.stderr.write(f"{missing}\n")
                continue
            tables.append(table(store, measure(store, python)))
            sys.stdout.write(tables[-1] + "\n\n")
            sys.stdout.flush()
    write(section(tables))


if __name__ == "__main__":
    main()
