"""S3 on this machine, for what knows nothing else: MiniStack on a free loopback port."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.contract.mutex.servers import NotInstalled, ministack

from .records import say


@contextmanager
def s3_server() -> Iterator[str]:
    """Its endpoint; empty where it is not installed, so that only what needs it fails."""
    try:
        with ministack() as server:
            yield server.endpoint_url or ""
    except NotInstalled as missing:
        say(str(missing))
        yield ""
