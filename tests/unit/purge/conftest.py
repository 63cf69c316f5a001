"""The world of purge's unit tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aws import moto_account
from tests.unit.purge.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with moto_account(monkeypatch):
        yield World()
