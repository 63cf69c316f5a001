"""What `make deploy` and `make destroy` have in common as command lines."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable

from botocore.exceptions import BotoCoreError, ClientError

from infra.change_sets import DeploymentFailed, NotConfirmed
from infra.stage_files import BadInput
from infra.zips import BuildFailed


def parser(program: str, services: Iterable[str]) -> argparse.ArgumentParser:
    """The stage, one of these services or all, and whether to ask."""
    made = argparse.ArgumentParser(prog=program)
    made.add_argument("stage", help="which installation: a file in infra/stages")
    made.add_argument("service", nargs="?", help=f"{', '.join(services)}; default: all of them")
    made.add_argument("--yes", action="store_true", help="do not ask: for pipelines")
    return made


def agreed(question: str) -> bool:
    """Whether somebody is there and says yes."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def exit_code(program: str, act: Callable[[], Iterable[str]]) -> int:
    """Do it and print what it says; 0: done, 1: not, and one message says why, 2: refused."""
    try:
        for line in act():
            print(line)  # noqa: T201 - a command line
    except NotConfirmed as refused:
        print(f"{program}: {refused}", file=sys.stderr)  # noqa: T201 - a command line
        return 2
    except (BadInput, BuildFailed, DeploymentFailed) as wrong:
        message = str(wrong)
    except (BotoCoreError, ClientError) as error:
        message = f"AWS: {error}"
    else:
        return 0
    print(f"{program}: {message}", file=sys.stderr)  # noqa: T201 - a command line
    return 1
