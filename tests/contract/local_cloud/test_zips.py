"""The zips of the services as they are: the same from two clones, small enough, and enough."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.zips import ROOT, SERVICES, UNZIPPED_LIMIT_BYTES, Builder, check_import, main, target
from tests.architecture.templates import resources

each_service = pytest.mark.parametrize("service", SERVICES)
each_target = pytest.mark.parametrize("where", ["local", "aws-arm64", "aws-x86_64"])
Clone = Callable[[str], Path]


@pytest.fixture(scope="module")
def other_clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Another checkout, elsewhere; what pip installed for a target is taken over, if wanted."""
    clone = tmp_path_factory.mktemp("somebody") / "else" / "erasure"
    for tree in ("services", "shared", "schemas"):
        shutil.copytree(ROOT / tree, clone / tree, ignore=shutil.ignore_patterns("__pycache__"))

    def with_dependencies(where: str) -> Path:
        output = clone / ".local" / "build" / where
        output.mkdir(parents=True, exist_ok=True)
        for dependencies in (ROOT / ".local" / "build" / where).glob("dependencies-*.zip"):
            shutil.copy(dependencies, output)
        return clone

    return with_dependencies


@each_target
@each_service
def test_two_clones_give_the_same_zip(service: str, where: str, other_clone: Clone) -> None:
    here = Builder(target(where)).build(service)

    there = Builder(target(where), root=other_clone(where)).build(service)

    assert there.path != here.path
    assert there.path.read_bytes() == here.path.read_bytes()


def test_what_pip_installs_twice_gives_the_same_zip(tmp_path: Path) -> None:
    first, second = (
        Builder(target("local"), output=tmp_path / clone).build("adjudication").path
        for clone in ("one", "other")
    )

    assert first.read_bytes() == second.read_bytes()


@each_target
@each_service
def test_a_zip_is_within_the_limits_of_lambda(service: str, where: str) -> None:
    built = Builder(target(where)).build(service)

    assert built.unzipped_bytes <= UNZIPPED_LIMIT_BYTES


@each_target
@each_service
def test_every_handler_of_a_template_can_be_imported_from_its_zip_alone(
    service: str, where: str
) -> None:
    python = target(where).interpreter()
    if python is None:
        pytest.skip(f"no Python of this machine runs what is built for {where}")
    built = Builder(target(where)).build(service)

    for function in resources(service, "AWS::Serverless::Function").values():
        check_import(service, built.path, handler=function["Handler"], python=python)


def test_the_sizes_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    built = Builder(target("local")).build("adjudication")

    assert main(["--target", "local", "adjudication"]) == 0

    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("adjudication ")
    assert f"{built.zipped_bytes:,} bytes zipped" in line
    assert f"{built.unzipped_bytes:,} unzipped" in line
