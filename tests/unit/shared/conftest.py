"""The log, to be read."""

from __future__ import annotations

import io
from typing import Any

import pytest

from erasure_shared.observability import logger


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the logger writes; it keeps the stream that it met at import."""
    lines = io.StringIO()
    handler: Any = logger.registered_handler
    monkeypatch.setattr(handler, "stream", lines)
    return lines
