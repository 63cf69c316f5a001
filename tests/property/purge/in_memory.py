"""The environment of the services, with clients and tables that ask a world in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from aws_lambda_powertools.utilities import parameters

from erasure_purge import handler as purging
from erasure_shared import wiring
from erasure_shared.requests import writing
from tests.property.purge.overlap import World
from tests.property.purge.wire import answered_by

ENVIRONMENT = {
    "ERASURE_GDPR_TABLE": "gdpr-in-memory",
    "ERASURE_MUTEX_TABLE": "mutex",
    "ERASURE_DATA_MAP": "/in-memory/data-map",
    "ERASURE_DIGEST_SECRET": "in-memory-digest",
    "ERASURE_POSTGRESQL_SECRET": "none",
    "ERASURE_BUS": "none",
}


@contextmanager
def in_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[World]]:
    """Clients and tables that ask whichever world is last in the list."""
    worlds: list[World] = []
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    _forget()
    with answered_by(lambda *call: worlds[-1].answer(*call), monkeypatch):
        yield worlds
    _forget()


def _forget() -> None:
    """Clients that were made in another account."""
    parameters.clear_caches()  # type: ignore[no-untyped-call]
    for module in (purging, wiring, writing):
        for one in vars(module).values():
            if hasattr(one, "cache_clear"):
                one.cache_clear()
