"""No process of the local cloud outlives it, however it ends; nothing listens beyond loopback."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.local.emulator import Emulator
from infra.local.paths import ROOT
from infra.local.postgresql import PostgreSQL
from infra.local.processes import DidNotStart, LeashedProcess
from infra.local.state import thrown_away
from tests.contract.local_cloud.cloud import Cloud

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def processes_of(state_dir: Path) -> set[int]:
    """Whoever names the state folder in command line or environment."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            state = (process / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except OSError:
            continue
        if str(state_dir).encode() in text and state != "Z":
            found.add(int(process.name))
    return found


def gone(state_dir: Path, *, within_s: float = 10.0) -> bool:
    deadline_s = time.monotonic() + within_s
    while processes_of(state_dir):
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A program that runs emulator and database and has a busy Lambda worker."""
    script = "tests.contract.local_cloud.processes_under"
    with subprocess.Popen(
        [sys.executable, "-m", script, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_the_supervisor(
    supervisor: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    before = processes_of(tmp_path)

    supervisor.send_signal(number)
    supervisor.wait()

    assert len(before) >= 6  # itself, two wardens, MiniStack, its busy worker, PostgreSQL
    assert gone(tmp_path)


def test_nothing_outlives_a_stopped_emulator_not_even_a_busy_worker(tmp_path: Path) -> None:
    emulator = Emulator.start(tmp_path)
    cloud = Cloud(emulator)
    function = cloud.function("import time\ndef handler(e, c):\n    time.sleep(60)\n")
    cloud.lambda_.invoke(FunctionName=function, InvocationType="Event")
    while len(processes_of(tmp_path)) < 3:
        time.sleep(0.05)

    emulator.stop()

    assert not processes_of(tmp_path)


def test_kept_state_is_there_again_at_the_same_address(tmp_path: Path) -> None:
    first = Emulator.start(tmp_path, keep=True)
    bucket = Cloud(first).bucket()
    Cloud(first).s3.put_object(Bucket=bucket, Key="kept", Body=b"text")
    first.stop()

    second = Emulator.start(tmp_path, keep=True)
    body = Cloud(second).body(bucket, "kept")
    second.stop()

    assert second.endpoint_url == first.endpoint_url
    assert body == b"text"


def test_postgresql_answers_with_its_password_on_loopback_and_keeps_its_data(
    tmp_path: Path,
) -> None:
    first = PostgreSQL.start(tmp_path)
    with psycopg.connect(first.dsn) as connection:
        connection.execute("CREATE TABLE kept (id text)")
        listening = connection.execute("SHOW listen_addresses").fetchone()
    password = first.dsn.split(":")[2].partition("@")[0]
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(first.dsn.replace(password, "wrong"))
    first.stop()

    second = PostgreSQL.start(tmp_path)
    with psycopg.connect(second.dsn) as connection:
        kept = connection.execute("SELECT count(*) FROM kept").fetchone()
    second.stop()

    assert listening == ("127.0.0.1",)
    assert kept == (0,)
    assert not processes_of(tmp_path)


def test_a_part_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    process = LeashedProcess.start(
        "a part",
        [sys.executable, "-c", "raise SystemExit('no such disk')"],
        environment={},
        folder=tmp_path,
        log=tmp_path / "log",
        stop_signal=signal.SIGTERM,
    )

    with pytest.raises(DidNotStart, match="no such disk"):
        process.wait_until(lambda: False, timeout_s=10)

    process.stop()


def test_state_that_a_killed_program_left_is_thrown_away_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with subprocess.Popen(["true"]) as ended:
        pass
    left, alive = tmp_path / "erasure-local-left", tmp_path / "erasure-local-alive"
    for folder, owner in ((left, ended.pid), (alive, os.getpid())):
        folder.mkdir()
        (folder / "owner").write_text(str(owner), encoding="ascii")

    with thrown_away() as ours:
        assert ours.exists()

    assert not left.exists()
    assert alive.exists()
    assert not ours.exists()
