"""Which tests share a worker when they run in parallel, and how hard Hypothesis tries."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent
SHARED = {
    Path("end_to_end"): "local cloud with the services",
    Path("contract/local_cloud"): "local cloud without the services",
}
"""Folders whose tests share an expensive fixture of the session."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of one file, or of one folder that shares a fixture, on one worker."""
    for item in items:
        place = item.path.relative_to(ROOT)
        group = next((name for folder, name in SHARED.items() if folder in place.parents), None)
        item.add_marker(pytest.mark.xdist_group(group or str(place)))
