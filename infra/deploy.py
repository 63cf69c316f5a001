"""`make deploy`: one service, or all of a stage, through change sets that are shown first."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import boto3

from infra.artifacts import LARGEST_PARAMETER_BYTES, needs_an_object
from infra.change_sets import ChangeSet
from infra.command_line import agreed, exit_code, parser
from infra.deployment import PLATFORM, Deployer, deploy_all
from infra.preflight import Preflight
from infra.stage_files import BadInput, Stage, checked_name, data_map_text, read_stage
from infra.zips import SERVICES, build_all, target

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: deployed; 1: not, and a message says why; 2: somebody said no."""
    options = parser("make deploy", (PLATFORM, *SERVICES))
    options.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="STACK.PARAMETER=VALUE",
        help="for this time and until it is said otherwise; wins over the stage's file",
    )
    options.add_argument(
        "--data-map", type=Path, metavar="FILE", help="instead of the one that the stage names"
    )
    given = options.parse_args(arguments)
    return exit_code(
        "make deploy",
        lambda: deploy(
            given.stage, given.service, given.set, data_map=given.data_map, yes=given.yes
        ),
    )


def deploy(
    stage_name: str,
    service: str | None,
    settings: Sequence[str] = (),
    *,
    data_map: Path | None = None,
    yes: bool,
) -> Iterator[str]:
    """Check, build, show, ask, deploy, wait; what happened and the outputs, line by line.

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
    if data_map:
        _take(data_map, stage, stacks)
    for setting in settings:
        _put(setting, stage.parameters)
    if PLATFORM not in stacks and not has_platform:
        raise BadInput(
            f"the stage {stage_name} has no platform yet; "
            f"make deploy SERVICE=platform STAGE={stage_name} comes first"
        )
    if PLATFORM in stacks:
        platform = stage.parameters.get(PLATFORM, {})
        yield from Preflight(deployer.artifacts, boto3.Session()).check(platform)
        yield from _where_the_data_map_goes(platform, deployer)
    zips = build_all(_target(stage), [name for name in stacks if name in SERVICES])
    shown: list[str] = []

    def confirm(change_set: ChangeSet) -> bool:
        shown.append(change_set.stack)
        print(change_set)  # noqa: T201 - a command line
        return yes or agreed(f"Deploy {change_set.stack}?")

    outputs = deploy_all(
        stage_name, zips, _with_the_target(stage, stacks), stacks=stacks, confirm=confirm
    )
    if not shown:
        yield "nothing to change"
    yield from (f"{name} = {value}" for name, value in sorted(outputs.items()))


def _take(data_map: Path, stage: Stage, stacks: Sequence[str]) -> None:
    if PLATFORM not in stacks:
        raise BadInput(f"MAP={data_map}: the data map belongs to SERVICE=platform")
    stage.parameters.setdefault(PLATFORM, {})["DataMap"] = data_map_text(data_map)


def _put(setting: str, parameters: dict[str, dict[str, str]]) -> None:
    name, is_set, value = setting.partition("=")
    stack, _, parameter = name.partition(".")
    if not is_set or not parameter or stack not in (PLATFORM, *SERVICES):
        raise BadInput(f"PARAMETERS={setting}: it is STACK.PARAMETER=VALUE")
    parameters.setdefault(stack, {})[parameter] = value


def _where_the_data_map_goes(platform: dict[str, str], deployer: Deployer) -> Iterator[str]:
    text = platform.get("DataMap", "")
    if needs_an_object(text):
        yield (
            f"the data map has {len(text.encode()):,} bytes, a parameter holds "
            f"{LARGEST_PARAMETER_BYTES:,}: it goes into s3://{deployer.artifacts.bucket}/data-map/"
        )


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


if __name__ == "__main__":
    sys.exit(main())
