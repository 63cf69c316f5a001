"""One run of the demonstration: from an empty local cloud to requests that are COMPLETED."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from erasure_shared.bus import EventBus
from erasure_shared.events import ErasureRequested, Event, Subject
from erasure_shared.locations import CLOSED, Digest, Location, LocationStatus, RequestStatus
from erasure_shared.requests import ErasureRequest, Requests
from erasure_shared.tables import bind_tables
from infra.demo.stores import Stores
from infra.local.cloud import LocalCloud

LONG_ENOUGH = 8
"""Characters of an identifier that no digest or number holds by chance."""

Progress = dict[str, Counter[str]]
"""Per store: how many locations have each status."""


class Stuck(Exception):
    """The demonstration did not get on."""


class Road:
    """What the demonstration does to a running local cloud, and what it sees of it."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.stores = Stores(cloud)
        self._cloud = cloud
        self._environment = dict(cloud.environment)
        os.environ.update(cloud.environment)
        bind_tables(gdpr_table=cloud.environment["ERASURE_GDPR_TABLE"])
        self._requests = Requests(Digest(b"only read here"), _now)

    def request(self, request_id: str, profile_ids: Sequence[str]) -> ErasureRequested:
        """Publish ErasureRequested, as the customer's own systems do, and return it."""
        event = ErasureRequested(
            request_id=request_id,
            received_at=_now(),
            subjects=tuple(Subject(profile_id=SecretStr(each)) for each in profile_ids),
        )
        self.publish(event)
        return event

    def publish(self, event: Event) -> None:
        """Publish an event on the bus."""
        bus = self._cloud.environment["ERASURE_BUS"]
        EventBus(self._cloud.client("events"), bus, _now).publish(event)

    def publish_detail(self, detail: object) -> None:
        """Publish anything at all as the detail of an ErasureRequested."""
        entry = {
            "EventBusName": self._cloud.environment["ERASURE_BUS"],
            "Source": "customer.privacy-desk",
            "DetailType": ErasureRequested.detail_type,
            "Detail": json.dumps(detail),
        }
        self._cloud.client("events").put_events(Entries=[entry])

    def found(self, request_id: str) -> ErasureRequest:
        """The request as it is recorded.

        Raises:
            Stuck: there is none.
        """
        request = self._requests.find(request_id)
        if request is None:
            raise Stuck(f"no request {request_id} is recorded")
        return request

    def wait_for_idle_queues(self) -> None:
        """Wait until no queue of the services has a message, in work or waiting."""
        wait_until(lambda: not self._messages(), what="the queues are idle", at_most_s=60)

    def _messages(self) -> int:
        sqs = self._cloud.client("sqs")
        counted = 0
        for name in ("location", "purge"):
            url = sqs.get_queue_url(QueueName=f"erasure-{self._cloud.stage}-{name}")["QueueUrl"]
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
            counted += sum(
                int(value)
                for attribute, value in attributes["Attributes"].items()
                if attribute.startswith("ApproximateNumberOfMessages")
            )
        return counted

    def progress(self, request_id: str) -> Progress:
        """How far each store is."""
        stores: Progress = {}
        for location in self._requests.locations_of(request_id):
            stores.setdefault(location.store, Counter())[location.status] += 1
        return stores

    def locations(self, request_ids: Iterable[str]) -> list[Location]:
        """Every location of the requests."""
        return [each for one in request_ids for each in self._requests.locations_of(one)]

    def status(self, request_id: str) -> str:
        """The status of the request, or that it is still in its queue."""
        found = self._requests.find(request_id)
        return "QUEUED" if found is None else found.status

    def waits_only_for_people(self, request_id: str) -> bool:
        """Whether nothing is left to do but what failed."""
        if self.status(request_id) != RequestStatus.PURGING:
            return False
        statuses = Counter[str]()
        for counted in self.progress(request_id).values():
            statuses += counted
        return statuses[LocationStatus.FAILED] > 0 and not statuses[LocationStatus.PENDING]

    def is_closed(self, request_id: str) -> bool:
        """Whether the request is completed."""
        return self.status(request_id) in CLOSED

    def erasure(self, *arguments: str) -> str:
        """Run the `erasure` command as an operator would, and return what it prints.

        Raises:
            Stuck: the command failed.
        """
        command = [str(Path(sys.executable).with_name("erasure")), *arguments]
        done = subprocess.run(  # noqa: S603 (our own command)
            command, env=self._environment | os.environ, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Stuck(f"erasure {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def purge_workers(self) -> int:
        """How many workers purged at the same time, at the most."""
        return self._cloud.workers_started("purge")

    def open_errors(self) -> list[dict[str, Any]]:
        """The errors that wait for a decision."""
        listed: list[dict[str, Any]] = json.loads(
            self.erasure("errors", "list", "--output", "json")
        )
        return listed

    def identifiers_left_behind(self, profile_ids: Sequence[str]) -> dict[str, int]:
        """Where our own system still holds identifiers: records, logs, query results."""
        wanted = [_as_it_would_show(each) for each in profile_ids]
        return {
            "GDPR, error and mutex table": self._count(self._table_texts(), wanted),
            "log lines of the functions": self._count(
                (line.text for line in self._cloud.function_log_lines()), wanted
            ),
            "Athena results and uploads": len(list(self._athena_objects())),
        }

    def _table_texts(self) -> Iterator[str]:
        dynamodb = self._cloud.client("dynamodb")
        for variable in ("ERASURE_GDPR_TABLE", "ERASURE_ERROR_TABLE", "ERASURE_MUTEX_TABLE"):
            pages = dynamodb.get_paginator("scan").paginate(
                TableName=self._cloud.environment[variable]
            )
            for page in pages:
                for item in page["Items"]:
                    yield json.dumps(item, ensure_ascii=False, default=str)

    def _athena_objects(self) -> Iterator[str]:
        s3 = self._cloud.client("s3")
        for bucket in s3.list_buckets()["Buckets"]:
            if "-athena-" in bucket["Name"]:
                pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"])
                for page in pages:
                    yield from (entry["Key"] for entry in page.get("Contents", []))

    @staticmethod
    def _count(texts: Iterator[str], wanted: Sequence[str]) -> int:
        return sum(any(each in text.replace("\\", "") for each in wanted) for text in texts)


def _as_it_would_show(profile_id: str) -> str:
    """An identifier in JSON text, escapes aside; a short one only in quotes, or digests hold it."""
    text = json.dumps(profile_id, ensure_ascii=False).replace("\\", "")
    return text if len(profile_id) < LONG_ENOUGH else text[1:-1]


def _now() -> datetime:
    return datetime.now(UTC)


def wait_until(
    done: Callable[[], bool], *, what: str, at_most_s: float, look: Callable[[], None] | None = None
) -> None:
    """Wait for something, looking at it meanwhile.

    Raises:
        Stuck: it did not happen in time.
    """
    deadline = time.monotonic() + at_most_s
    while not done():
        if time.monotonic() > deadline:
            raise Stuck(f"waited {at_most_s:.0f} s in vain: {what}")
        if look:
            look()
        time.sleep(0.3)
