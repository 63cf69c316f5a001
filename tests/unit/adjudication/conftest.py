"""A world for each test, and an installation around it for the command line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.adjudication import installed as installations
from tests.unit.adjudication import world as worlds


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[worlds.World]:
    with worlds.world(monkeypatch) as built:
        yield built


@pytest.fixture
def installed(world: worlds.World, monkeypatch: pytest.MonkeyPatch) -> Iterator[worlds.World]:
    """The world, as the command line finds it."""
    with installations.installed(monkeypatch):
        yield world
