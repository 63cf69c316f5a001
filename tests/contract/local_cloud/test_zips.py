"""The zips of the services as they are: the same from two clones, small enough, and enough."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from infra.zips import ROOT, SERVICES, UNZIPPED_LIMIT_BYTES, Builder, check_import, target
from tests.architecture.templates import resources

each_service = pytest.mark.parametrize("service", SERVICES)


@pytest.fixture(scope="module")
def other_clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another checkout, elsewhere; what pip installed is taken over, to save its minutes."""
    clone = tmp_path_factory.mktemp("somebody") / "else" / "erasure"
    for tree in ("services", "shared", "schemas"):
        shutil.copytree(ROOT / tree, clone / tree, ignore=shutil.ignore_patterns("__pycache__"))
    output = clone / ".local" / "build" / "local"
    output.mkdir(parents=True)
    for dependencies in (ROOT / ".local" / "build" / "local").glob("dependencies-*.zip"):
        shutil.copy(dependencies, output)
    return clone


@each_service
def test_two_clones_give_the_same_zip(service: str, other_clone: Path) -> None:
    here = Builder(target("local")).build(service)

    there = Builder(target("local"), root=other_clone).build(service)

    assert there.path != here.path
    assert there.path.read_bytes() == here.path.read_bytes()


@each_service
def test_a_zip_is_within_the_limits_of_lambda(service: str) -> None:
    built = Builder(target("local")).build(service)

    assert built.unzipped_bytes <= UNZIPPED_LIMIT_BYTES


@each_service
def test_every_handler_of_a_template_can_be_imported_from_its_zip_alone(service: str) -> None:
    built = Builder(target("local")).build(service)

    for function in resources(service, "AWS::Serverless::Function").values():
        check_import(service, built.path, handler=function["Handler"])
