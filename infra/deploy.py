"""`make deploy`: one service, or all of a stage, through change sets that are shown first."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.change_sets import ChangeSet, DeploymentFailed
from infra.deployment import PLATFORM, Deployer, NotConfirmed, deploy_all
from infra.preflight import Preflight
from infra.stage_files import BadInput, Stage, checked_name, read_stage
from infra.zips import SERVICES, BuildFailed, build_all, target

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: deployed; 1: not, and a message says why; 2: somebody said no."""
    parser = argparse.ArgumentParser(prog="make deploy")
    parser.add_argument("stage", help="which installation: a file in infra/stages")
    parser.add_argument(
        "service", nargs="?", help=f"platform, {', '.join(SERVICES)}; default: all of them"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask: for pipelines")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="STACK.PARAMETER=VALUE",
        help="for this time and until it is said otherwise; wins over the stage's file",
    )
    options = parser.parse_args(arguments)
    try:
        outputs = deploy(options.stage, options.service, options.set, yes=options.yes)
    except (BadInput, BuildFailed, DeploymentFailed) as wrong:
        return _failed(str(wrong))
    except NotConfirmed as refused:
        print(f"not deployed: {refused}")  # noqa: T201 - a command line
        return 2
    except (BotoCoreError, ClientError) as error:
        return _failed(f"AWS: {error}")
    for name, value in sorted(outputs.items()):
        print(f"{name} = {value}")  # noqa: T201 - a command line
    return 0


def deploy(
    stage_name: str, service: str | None, settings: Sequence[str] = (), *, yes: bool
) -> dict[str, str]:
    """Check, build, show, ask, deploy, wait; the outputs.

    Raises:
        BadInput: before anything was created.
        BuildFailed, DeploymentFailed: saying what and why.
        NotConfirmed: somebody said no.
    """
    if service and service not in (PLATFORM, *SERVICES):
        raise BadInput(f"SERVICE={service}: there are platform, {', '.join(SERVICES)}")
    deployer = Deployer(checked_name(stage_name))
    has_platform = deployer.described(PLATFORM) is not None
    stage = read_stage(stage_name, deployed=has_platform)
    stacks = (service,) if service else (PLATFORM, *SERVICES)
    for setting in settings:
        _put(setting, stage.parameters)
    if PLATFORM not in stacks and not has_platform:
        raise BadInput(
            f"the stage {stage_name} has no platform yet; "
            f"make deploy SERVICE=platform STAGE={stage_name} comes first"
        )
    if PLATFORM in stacks:
        Preflight(stage_name, boto3.Session()).check(stage.parameters.get(PLATFORM, {}))
    zips = build_all(_target(stage), [name for name in stacks if name in SERVICES])
    shown: list[str] = []

    def confirm(change_set: ChangeSet) -> bool:
        shown.append(change_set.stack)
        print(change_set)  # noqa: T201 - a command line
        return yes or _agreed(change_set.stack)

    outputs = deploy_all(
        stage_name, zips, _with_the_target(stage, stacks), stacks=stacks, confirm=confirm
    )
    if not shown:
        print("nothing to change")  # noqa: T201 - a command line
    return outputs


def _put(setting: str, parameters: dict[str, dict[str, str]]) -> None:
    name, is_set, value = setting.partition("=")
    stack, _, parameter = name.partition(".")
    if not is_set or not parameter or stack not in (PLATFORM, *SERVICES):
        raise BadInput(f"PARAMETERS={setting}: it is STACK.PARAMETER=VALUE")
    parameters.setdefault(stack, {})[parameter] = value


def _target(stage: Stage) -> str:
    """The local cloud runs what this machine runs."""
    endpoint = urlsplit(os.environ.get("AWS_ENDPOINT_URL", "")).hostname
    return "local" if endpoint in _LOOPBACK else stage.target


def _with_the_target(stage: Stage, stacks: Sequence[str]) -> dict[str, dict[str, str]]:
    """The stage's parameters; each function runs on what its zip was built for."""
    built_for = target(_target(stage))
    runs_on = {"Runtime": built_for.runtime, "Architecture": built_for.architecture}
    return {
        name: ({} if name == PLATFORM else runs_on) | stage.parameters.get(name, {})
        for name in stacks
    }


def _agreed(stack: str) -> bool:
    try:
        return input(f"Deploy {stack}? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _failed(message: str) -> int:
    print(f"make deploy: {message}", file=sys.stderr)  # noqa: T201 - a command line
    return 1


if __name__ == "__main__":
    sys.exit(main())
