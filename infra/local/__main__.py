"""`python -m infra.local up [--keep DIR]`: the local cloud for people, until Ctrl-C."""

import argparse
import contextlib
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType

from rich.console import Console

from infra.deployment import DeploymentFailed
from infra.local.cloud import LocalCloud, Report
from infra.local.paths import ENV_FILE, PROGRAMS, NotSetUp
from infra.local.processes import DidNotStart
from infra.local.welcome import commands
from infra.zips import BuildFailed

_WATCH_EVERY_S = 1.0


def main(arguments: list[str] | None = None) -> int:
    """Start the local cloud, say how to use it, keep it running until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m infra.local")
    up = parser.add_subparsers(required=True).add_parser("up", help="start and keep running")
    up.add_argument("--keep", type=Path, metavar="DIR", help="keep the state in this folder")
    keep: Path | None = parser.parse_args(arguments).keep
    console = Console(highlight=False, soft_wrap=True)
    ENV_FILE.unlink(missing_ok=True)  # one that was killed may have left it
    _stop_on_signals()
    try:
        with LocalCloud.start(keep_in=keep, report=_reporter(console)) as cloud:
            with _environment_file(cloud.environment):
                console.print("\nReady. In another terminal:\n", style="bold")
                console.print(commands(cloud.environment, ENV_FILE), markup=False)
                console.print("\nCtrl-C stops everything.", style="bold")
                while cloud.running:
                    time.sleep(_WATCH_EVERY_S)
            console.print("a part has ended by itself", style="red")
            return 1
    except _Stopped:
        console.print("stopped")
        return 0
    except (BuildFailed, DeploymentFailed, DidNotStart, NotSetUp) as error:
        console.print(str(error) or type(error).__doc__, style="red")
        return 1


class _Stopped(BaseException):
    """Asked to stop, at whatever point we are; everything started so far is stopped on the way."""


def _stop_on_signals() -> None:
    """Ctrl-C, SIGTERM and a closed terminal all mean the same; once is enough."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise _Stopped

    for number in numbers:
        signal.signal(number, stop)


def _reporter(console: Console) -> Report:
    def report(part: str, where: str) -> None:
        console.print(f"[green]✓[/green] {part:<16} {where}")

    return report


@contextlib.contextmanager
def _environment_file(environment: Mapping[str, str]) -> Iterator[None]:
    """Shell exports for others, there only while the cloud answers.

    `erasure`, and `aws` where the machine has none, are found behind the shell's own programs.
    """
    ENV_FILE.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()]
    programs = ":".join(str(folder) for folder in PROGRAMS)
    lines.append(f'export PATH="$PATH":{shlex.quote(programs)}\n')
    ENV_FILE.touch(mode=0o600)
    ENV_FILE.write_text("".join(lines), encoding="utf-8")
    try:
        yield
    finally:
        ENV_FILE.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
