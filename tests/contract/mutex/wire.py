"""A proxy between botocore and DynamoDB: it writes down every request, and loses what it is told.

Counting here, no call can hide; and a response that is lost here is lost as the network loses it:
after the write was done.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.contract.mutex.servers import Store


class Fate(Enum):
    """What happens to a request."""

    DELIVERED = auto()
    ANSWER_LOST = auto()
    REQUEST_LOST = auto()
    THROTTLED = auto()
    FAILED = auto()


_ERRORS = {
    Fate.THROTTLED: (400, "ProvisionedThroughputExceededException"),
    Fate.FAILED: (500, "InternalServerError"),
}


def _always_delivered(_: str) -> Fate:
    return Fate.DELIVERED


@dataclass
class Wire:
    """What went over the wire, and what is to become of the next request."""

    store: Store
    calls: list[str] = field(default_factory=list)
    fate: Callable[[str], Fate] = _always_delivered

    def counted(self, do: Callable[[], object]) -> list[str]:
        """The requests that an action causes."""
        before = len(self.calls)
        do()
        return self.calls[before:]

    def next_ones(self, *fates: Fate) -> None:
        """The fates of the next requests; then all are delivered again."""
        left = list(fates)
        self.fate = lambda _: left.pop(0) if left else Fate.DELIVERED


@contextmanager
def wire_to(store: Store) -> Iterator[Wire]:
    """A wire whose `store` is the same store, seen through the proxy."""
    server = _Proxy(Wire(store))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        server.wire.store = Store(store.name, f"http://127.0.0.1:{server.server_address[1]}")
        yield server.wire
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, wire: Wire) -> None:
        assert wire.store.endpoint_url is not None
        self.wire = wire
        self.upstream = urlsplit(wire.store.endpoint_url).netloc
        super().__init__(("127.0.0.1", 0), _Request)

    def handle_error(self, *_: object) -> None:
        """A connection that a test cut is no news."""


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """The wire keeps its own record."""

    def do_POST(self) -> None:
        proxy = self.server
        assert isinstance(proxy, _Proxy)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        proxy.wire.calls.append(operation)
        fate = proxy.wire.fate(operation)
        if fate is Fate.REQUEST_LOST:
            self._hang_up()
        elif fate in _ERRORS:
            status, code = _ERRORS[fate]
            text = f'{{"__type": "com.amazonaws.dynamodb.v20120810#{code}"}}'
            self._answer(status, text.encode())
        else:
            self._forward(proxy.upstream, body, is_answered=fate is Fate.DELIVERED)

    def _forward(self, upstream: str, body: bytes, *, is_answered: bool) -> None:
        connection = http.client.HTTPConnection(upstream, timeout=10)
        try:
            connection.request("POST", "/", body, dict(self.headers.items()))
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if is_answered:
            self._answer(response.status, text)
        else:
            self._hang_up()

    def _answer(self, status: int, text: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()
