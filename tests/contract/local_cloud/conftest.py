"""One MiniStack with our extensions for all contract tests of its behaviour."""

from collections.abc import Iterator

import pytest

from infra.local.emulator import Emulator
from tests.contract.local_cloud.cloud import Cloud, fresh_name
from tests.contract.local_cloud.warehouse import PEOPLE, Warehouse


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    emulator = Emulator.start(tmp_path_factory.mktemp("emulator"))
    yield Cloud(emulator)
    emulator.stop()


@pytest.fixture
def warehouse(cloud: Cloud) -> Warehouse:
    database = fresh_name()
    cloud.glue.create_database(DatabaseInput={"Name": database})
    return Warehouse(cloud, cloud.bucket(), database)


@pytest.fixture
def people(warehouse: Warehouse) -> Warehouse:
    warehouse.table("people", PEOPLE)
    return warehouse
