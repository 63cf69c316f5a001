"""Emulators and a real PostgreSQL for the adapters of the purge service."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from infra.local.emulator import Emulator
from infra.local.postgresql import PostgreSQL
from tests.contract.local_cloud.cloud import Cloud


@pytest.fixture(scope="session")
def purge_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    emulator = Emulator.start(tmp_path_factory.mktemp("purge-emulator"))
    yield Cloud(emulator)
    emulator.stop()


@pytest.fixture(scope="session")
def purge_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = PostgreSQL.start(tmp_path_factory.mktemp("purge-postgresql"))
    yield server.dsn
    server.stop()


@pytest.fixture
def connection(purge_dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(purge_dsn, autocommit=True, prepare_threshold=None) as connection:
        yield connection
