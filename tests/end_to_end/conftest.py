"""One local cloud for all end-to-end tests: the templates and zips that go to AWS, deployed."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from infra.demo.road import Road
from infra.local.cloud import LocalCloud
from tests.architecture.function_calls import keep_function_calls


@pytest.fixture(scope="session")
def cloud() -> Iterator[LocalCloud]:
    """A running local cloud; the environment is as before when it has stopped."""
    before = dict(os.environ)
    with LocalCloud.start() as started:
        yield started
        keep_function_calls(started.state_dir)
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def road(cloud: LocalCloud) -> Road:
    """What the demonstration does, for tests to do."""
    return Road(cloud)
