"""Real threads and real processes on real servers: nothing is lost, the dead do not block."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from erasure_shared.mutex import LockContext, MutexClient, MutexKey
from tests.contract.mutex import worker
from tests.contract.mutex.servers import ROOT, Store, new_table

KEY = MutexKey("s3://lake/part-1")
PROCESSES, INCREMENTS = 8, 200
THREADS, INCREMENTS_PER_THREAD = 12, 10
KILLS = 3
CALLS_S = 1.5
"""What calls may take on a machine that is busy with other tests."""


@pytest.fixture
def table(server: Store) -> str:
    return new_table(server.client())


@contextmanager
def workers(count: int, *arguments: str) -> Iterator[list[subprocess.Popen[str]]]:
    """So many processes, all ready, all started at once; none is left behind."""
    command = [sys.executable, "-m", worker.__name__, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        for _ in range(count)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_eight_processes_count_in_a_file_and_no_increment_is_lost(
    server: Store, table: str, tmp_path: Path
) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    assert server.endpoint_url is not None
    arguments = ("count", server.endpoint_url, table, str(counter), str(INCREMENTS))

    with workers(PROCESSES, *arguments) as processes:
        exit_codes = [process.wait(120) for process in processes]

    assert exit_codes == [0] * PROCESSES
    assert int(counter.read_text()) == PROCESSES * INCREMENTS


def test_threads_that_share_a_client_count_and_no_increment_is_lost(
    server: Store, table: str
) -> None:
    mutex = MutexClient(
        dynamo_db_client=server.client(),
        table_name=table,
        refresh_wait_time=0.01,
        refresh_wait_jitter=0.02,
    )
    numbers = [0]

    def count() -> None:
        for _ in range(INCREMENTS_PER_THREAD):
            with LockContext(mutex, KEY):
                number = numbers[0]
                time.sleep(0.001)
                numbers[0] = number + 1

    threads = [threading.Thread(target=count) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert numbers == [THREADS * INCREMENTS_PER_THREAD]


def test_after_a_kill_in_the_middle_the_next_one_has_the_lock_within_the_bound(
    server: Store, table: str, tmp_path: Path
) -> None:
    """Lease + tolerance + two waits, for every kill -9 of a holder; and never two holders."""
    journal = tmp_path / "journal"
    journal.touch()
    bound_s = worker.LEASE_S + worker.TOLERANCE_S + 2 * (worker.WAIT_S + worker.JITTER_S)
    assert server.endpoint_url is not None
    arguments = ("hold", server.endpoint_url, table, str(journal), "1000")

    took_s = []
    with workers(KILLS + 2, *arguments):
        for _ in range(KILLS):
            killed, killed_s = _kill_the_holder(journal)
            took_s.append(_next_take_s(journal, killed) - killed_s)

    assert max(took_s) < bound_s + CALLS_S
    assert _is_exclusive(journal)


def _kill_the_holder(journal: Path) -> tuple[int, float]:
    """Stop the holder first, so that it cannot leave before the kill is sure to hit a holder."""
    while True:
        _, pid, word = _entries(journal)[-1] if journal.stat().st_size else (0.0, 0, "")
        if word == "took":
            os.kill(pid, signal.SIGSTOP)
            if _entries(journal)[-1][1:] == (pid, "took"):
                os.kill(pid, signal.SIGKILL)
                return pid, time.monotonic()
            os.kill(pid, signal.SIGCONT)
        time.sleep(0.005)


def _next_take_s(journal: Path, killed: int) -> float:
    while True:
        at_s, pid, word = _entries(journal)[-1]
        if word == "took" and pid != killed:
            return at_s
        time.sleep(0.005)


def _is_exclusive(journal: Path) -> bool:
    """Between somebody's "took" and "left" nobody else took it, unless that one was killed."""
    entries = _entries(journal)
    last_words = {pid: index for index, (_, pid, _) in enumerate(entries)}
    for index, (_, pid, word) in enumerate(entries[:-1]):
        _, next_pid, next_word = entries[index + 1]
        was_killed = last_words[pid] == index
        if word == "took" and not was_killed and (next_pid, next_word) != (pid, "left"):
            return False
    return True


def _entries(journal: Path) -> list[tuple[float, int, str]]:
    lines = [
        line.split() for line in journal.read_text().splitlines(keepends=True) if line[-1:] == "\n"
    ]
    return [(float(at_s), int(pid), word) for at_s, pid, word in lines]
