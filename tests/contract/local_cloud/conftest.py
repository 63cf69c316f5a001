"""One MiniStack with our extensions for all contract tests of its behaviour."""

from collections.abc import Iterator

import pytest

from infra.local.emulator import Emulator
from tests.contract.local_cloud.cloud import Cloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    emulator = Emulator.start(tmp_path_factory.mktemp("emulator"))
    yield Cloud(emulator)
    emulator.stop()
