"""Publishing to EventBridge: all of it or an error, never some of it in silence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from erasure_shared.errors import RetryLater
from erasure_shared.events import Event

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

_ENTRIES_PER_CALL = 10  # PutEvents, Service quotas
_ATTEMPTS = 3


class EventBus:
    """The platform's event bus, for one publisher.

    `source` names the publisher: a role may publish under its own service's name only. Without
    it each event bears the source that its class names.
    """

    def __init__(
        self,
        client: EventBridgeClient,
        name: str,
        now: Callable[[], datetime],
        source: str | None = None,
    ) -> None:
        self._client = client
        self._name = name
        self._now = now
        self._source = source

    def publish(self, *events: Event) -> None:
        """Publish all events, each at least once.

        Raises:
            RetryLater: EventBridge did not take some of them; publishing all again is safe.
        """
        entries = [event.entry(self._name, self._now(), self._source) for event in events]
        for batch in _batches(entries):
            self._put(batch)

    def _put(self, entries: list[dict[str, Any]]) -> None:
        for _ in range(_ATTEMPTS):
            response = self._client.put_events(Entries=entries)  # type: ignore[arg-type]
            if not response["FailedEntryCount"]:
                return
            results = response["Entries"]
            entries = [
                entry
                for entry, result in zip(entries, results, strict=True)
                if "ErrorCode" in result
            ]
        raise RetryLater("EventBridge did not take every event", refused=len(entries))


def _batches(entries: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    remaining = iter(entries)
    while batch := list(islice(remaining, _ENTRIES_PER_CALL)):
        yield batch
