"""Fixtures of the location service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aws import moto_account
from tests.unit.location.worlds import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with moto_account(monkeypatch):
        yield World()
