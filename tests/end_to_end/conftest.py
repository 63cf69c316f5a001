"""One local cloud for all end-to-end tests: the templates and zips that go to AWS, deployed."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from erasure_shared.tables import bind_tables
from infra.demo.road import Road
from infra.local.cloud import LocalCloud
from tests.architecture.function_calls import keep_function_calls


@pytest.fixture(scope="session")
def cloud() -> Iterator[LocalCloud]:
    """A running local cloud."""
    with LocalCloud.start() as started:
        yield started
        keep_function_calls(started.state_dir)


@pytest.fixture(scope="module")
def road(cloud: LocalCloud) -> Iterator[Road]:
    """What the demonstration does, for tests to do, with this cloud in the environment.

    Between two files of tests the worker may run others, which leave the environment and the
    models of the tables as they need them.
    """
    before = dict(os.environ)
    yield Road(cloud)
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def empty_cloud() -> Iterator[LocalCloud]:
    """A cloud into which nothing of ours was deployed, and what names it in the environment."""
    before = dict(os.environ)
    bind_tables(gdpr_table="of another cloud")  # tables of the same names may lie elsewhere now
    with LocalCloud.start(stage="dev", deployed=False) as started:
        os.environ.update(started.environment)
        os.environ["POSTGRESQL_DSN"] = started.environment["ERASURE_PG_DSN"]
        yield started
    os.environ.clear()
    os.environ.update(before)
