"""The emulator with our Athena, and a real PostgreSQL, for the adapters of the location service."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from infra.local.emulator import Emulator
from infra.local.postgresql import PostgreSQL
from tests.contract.local_cloud.cloud import Cloud
from tests.contract.location.lake import Lake


@pytest.fixture(scope="session")
def location_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    emulator = Emulator.start(tmp_path_factory.mktemp("location-emulator"))
    yield Cloud(emulator)
    emulator.stop()


@pytest.fixture
def lake(location_cloud: Cloud) -> Lake:
    return Lake(location_cloud)


@pytest.fixture(scope="session")
def dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = PostgreSQL.start(tmp_path_factory.mktemp("location-postgresql"))
    yield server.dsn
    server.stop()


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as connection:
        yield connection
