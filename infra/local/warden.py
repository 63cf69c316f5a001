"""Holds one process tree on a leash: whatever happens to the supervisor, the tree goes with it.

Run as `python warden.py STOP_SIGNAL GRACE_S command...`, with a pipe from the supervisor as
standard input. The end of that pipe is the supervisor's end, `kill -9` included: the kernel closes
it. Standard library only, because it runs before anything else is known to work.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LOOK_EVERY_S = 0.2


def main() -> int:
    """Run the command until it ends, the supervisor ends, or somebody asks to stop."""
    stop_signal, grace_s, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's to answer
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    child = subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_die_with_warden
    )
    try:
        while child.poll() is None and not _supervisor_gone():
            pass
    finally:
        _end(child, stop_signal, grace_s)
    return child.returncode


def _supervisor_gone() -> bool:
    readable, _, _ = select.select([sys.stdin], [], [], _LOOK_EVERY_S)
    return bool(readable)


def _end(child: subprocess.Popen[bytes], stop_signal: int, grace_s: float) -> None:
    """Ask the main process to stop, then kill every descendant that is left."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(stop_signal)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(grace_s)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    deadline_s = time.monotonic() + grace_s
    while (orphans := _children()) and time.monotonic() < deadline_s:
        for orphan in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)


def _children() -> list[int]:
    """Whoever the kernel handed to us because its own parent died (Linux only)."""
    try:
        listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(pid) for pid in listed.split()]


def _die_with_warden() -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    """Linux only; elsewhere the pipe and the process group have to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
