"""The stores that the mutex is tried on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from moto import mock_aws

from tests.contract.mutex.servers import NotInstalled, Store, dynalite, ministack
from tests.contract.mutex.wire import Wire, wire_to


def _started(start: Callable[[], AbstractContextManager[Store]]) -> Iterator[Store]:
    try:
        server = start()
        store = server.__enter__()
    except NotInstalled as missing:
        pytest.skip(str(missing))
    try:
        yield store
    finally:
        server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def ministack_server() -> Iterator[Store]:
    yield from _started(ministack)


@pytest.fixture(scope="session")
def dynalite_server() -> Iterator[Store]:
    yield from _started(dynalite)


@pytest.fixture(params=["ministack", "dynalite"])
def server(request: pytest.FixtureRequest) -> Store:
    """A store that is atomic under concurrency."""
    store = request.getfixturevalue(f"{request.param}_server")
    assert isinstance(store, Store)
    return store


@pytest.fixture(params=["moto", "ministack", "dynalite"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Any store."""
    if request.param == "moto":
        with mock_aws():
            yield Store("moto", None)
    else:
        yield request.getfixturevalue(f"{request.param}_server")


@pytest.fixture
def wire(server: Store) -> Iterator[Wire]:
    """A server behind a proxy that counts and loses."""
    with wire_to(server) as wire:
        yield wire
