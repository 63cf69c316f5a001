"""Processes of the local cloud: started on a leash, awaited until they answer, stopped whole."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_WARDEN = Path(__file__).with_name("warden.py")
_POLL_S = 0.05


class DidNotStart(Exception):
    """A part of the local cloud did not answer in time."""


@dataclass(frozen=True)
class LeashedProcess:
    """A process tree that ends when we stop it, or when we are gone."""

    name: str
    log: Path
    warden: subprocess.Popen[bytes]
    grace_s: float

    @classmethod
    def start(
        cls,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        log: Path,
        stop_signal: signal.Signals,
        grace_s: float = 10.0,
    ) -> "LeashedProcess":
        """Start the command under a warden of its own; its output goes to the log."""
        log.parent.mkdir(parents=True, exist_ok=True)
        leash = [sys.executable, str(_WARDEN), str(int(stop_signal)), str(grace_s)]
        with log.open("ab") as output:
            warden = subprocess.Popen(  # noqa: S603
                [*leash, *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=dict(environment),
                cwd=folder,
                start_new_session=True,
            )
        return cls(name=name, log=log, warden=warden, grace_s=grace_s)

    def wait_until(self, answers: Callable[[], bool], *, timeout_s: float) -> None:
        """Wait until the part answers.

        Raises:
            DidNotStart: it ended, or the time was up; the end of its log is in the message.
        """
        deadline_s = time.monotonic() + timeout_s
        while not answers():
            if self.warden.poll() is not None:
                raise DidNotStart(f"{self.name} ended: {self._last_words()}")
            if time.monotonic() > deadline_s:
                raise DidNotStart(f"{self.name} did not answer in {timeout_s:.0f} s: {self.log}")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """Let go of the leash and wait until the whole tree is gone."""
        if self.warden.stdin is not None:
            self.warden.stdin.close()
        try:
            self.warden.wait(2 * self.grace_s + 5)
        except subprocess.TimeoutExpired:
            self.warden.kill()
            self.warden.wait()

    @property
    def running(self) -> bool:
        """Whether the tree still runs."""
        return self.warden.poll() is None

    def _last_words(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-800:]


def remembered_port(file: Path) -> int:
    """The port that a former run on this state used, because addresses in the state name it."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(free_port()), encoding="ascii")
    return int(file.read_text(encoding="ascii"))


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
