"""A lake, requests over the same objects, and workers that erase them while everything goes wrong.

What is real: both services' use cases, their adapters, the mutex client, PynamoDB's tables. What
is in memory: S3 and DynamoDB behind botocore, and the queues.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count, cycle
from random import Random
from typing import Any, cast

import boto3
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError
from pydantic import SecretStr
from pynamodb.exceptions import PynamoDBException

from erasure_location.core.deadline import Deadline
from erasure_location.use_case import Located, Unsearchable, locate, relocate
from erasure_location.use_case import Ports as LocationPorts
from erasure_purge import handler as purging
from erasure_purge.stores.locks import MutexLocks
from erasure_purge.use_case import purge_location
from erasure_shared import wiring
from erasure_shared.errors import Rejected, RetryLater
from erasure_shared.events import (
    ErasureCompleted,
    ErasureRequested,
    Event,
    LocationPurged,
    PurgeRequested,
    RelocationRequested,
    Subject,
)
from erasure_shared.mutex import MutexClient, MutexError
from erasure_shared.mutex.values import Fresh, Instant
from erasure_shared.observability import reason_code_of
from tests.property.purge.dynamodb_model import DynamoDBModel
from tests.property.purge.lake_rows import Row, rows_in, written
from tests.property.purge.late_writes import LateWriter, Looks
from tests.property.purge.plot import Overwrite, Plot, person
from tests.property.purge.s3_model import S3Model
from tests.property.purge.searching import BUCKET, Search
from tests.property.purge.stage import Died, Stage, Trouble

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DATA_MAP = {
    "version": "1",
    "stores": [
        {
            "name": "profiles_lake",
            "kind": "s3",
            "database": "d",
            "table": "profiles",
            "id_column": "profile_id",
        }
    ],
}
EPOCH_S = 1e9
INVOCATION_S = 60.0
VISIBLE_AGAIN_AFTER_S = 45.0
PATIENCE_S = 20.0
_MOST_ATTEMPTS = 60


@dataclass(eq=False)
class Message:
    """In a queue, seen from `visible_at_s` on."""

    event: Event
    visible_at_s: float = 0.0
    after_commits: int = 0
    attempts: int = 0
    reasons: list[str] = field(default_factory=list)


@dataclass
class Surroundings:
    """The clocks of the play; for one client of the mutex."""

    stage: Stage
    random: Random
    numbers: Iterator[int] = field(default_factory=count)

    def now(self) -> Instant:
        return Instant(wall_s=EPOCH_S + self.stage.clock_s, monotonic_s=self.stage.clock_s)

    def fresh(self) -> Fresh:
        return Fresh(f"{self.random.getrandbits(64):x}-{next(self.numbers)}", self.random.random())

    def sleep(self, wait_s: float) -> None:
        self.stage.sleep(wait_s)


class World:
    """One play of a plot, and what must hold at any moment of it."""

    def __init__(self, plot: Plot) -> None:
        self.plot = plot
        self.stage = Stage(plot.script)
        self.s3 = S3Model()
        self.dynamodb = DynamoDBModel(lambda: self.stage.steps, plot.index_lag)
        self.keys = [f"profiles/part-{number}" for number in range(1, len(plot.objects) + 1)]
        self.sought = {person(one) for who, *_ in plot.requests for one in who}
        self.rows: dict[str, list[Row]] = {}  # that the lake's own writer means to be there
        self.at_first: dict[str, list[Row]] = {}
        self.queue: list[Message] = []
        self.in_hand = 0
        self.commits = 0
        self.dead_letters: list[tuple[Event, str]] = []
        self.completed: set[str] = set()
        self.rows_told: dict[str, set[int]] = {}
        self.dead_workers: set[str] = set()
        self._serials = count()
        self._picks = cycle(plot.picks)
        self._published = count()
        self._random = Random(7)  # of waits between attempts
        self._names = count()
        self._writing = len(plot.overwrites)
        self._late = LateWriter(
            plot.late_writes, self.keys, self.s3, plot.row_group_rows, self.rows.__setitem__
        )
        self.looks = Looks(self._late.landed)

    @property
    def wall_s(self) -> float:
        """What the workers' clocks show."""
        return EPOCH_S + self.stage.clock_s

    # --- the lake

    def fill(self) -> None:
        for key, versions in zip(self.keys, self.plot.objects, strict=True):
            for whose in versions:
                rows = [(person(one), next(self._serials)) for one in whose]
                self.s3.add(key, written(rows, self.plot.row_group_rows))
                self.rows[key] = self.at_first[key] = rows

    def overwrite(self, one: Overwrite) -> None:
        """What the lake's own writer does in one step: rows are added, others perhaps dropped."""
        key = self.keys[one.key % len(self.keys)]
        content = self.s3.present(key)
        now = rows_in(content) if content else []
        if one.drops_others:
            now = [row for row in now if row[0] in self.sought]
            self.rows[key] = [row for row in self.rows[key] if row[0] in self.sought]
        new = (f"newcomer-{one.after_steps}", next(self._serials))
        self.rows[key] = [*self.rows[key], new]
        self.s3.add(key, written([*now, new], self.plot.row_group_rows))

    def others(self, key: str) -> list[Row]:
        """The rows that nobody wants erased, as they should be."""
        return [row for row in self.rows[key] if row[0] not in self.sought]

    def check_lake(self) -> None:
        """At no moment a reader misses a row of somebody else."""
        for key in self.keys:
            content = self.s3.present(key)
            now = rows_in(content) if content else []
            assert [row for row in now if row[0] not in self.sought] == self.others(key)

    def check_gone(self, request_id: str) -> None:
        """None of its people is in any version of any object, neither as a row nor as bytes."""
        who, *_ = self.plot.requests[int(request_id.removeprefix("r"))]
        people = set(map(person, who))
        for key in self.keys:
            for entry in self.s3.history(key):
                if entry.content is None or self.looks.is_excused(entry, key, request_id):
                    continue
                assert not people & {row[0] for row in rows_in(entry.content)}
                assert not [one for one in people if one.encode() in entry.content]

    def check_all_gone(self) -> None:
        """Nobody of any request is there."""
        for number in range(len(self.plot.requests)):
            self.check_gone(f"r{number}")

    # --- AWS

    def answer(self, service: str, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        match service:
            case "ssm":
                return {"Parameter": {"Value": json.dumps(DATA_MAP)}}
            case "secrets-manager":
                return {"SecretString": "key"}
        if hasattr(body := asked.get("Body"), "read"):
            asked = {**asked, "Body": cast("Any", body).read()}
        trouble = self.stage.step()
        self._late.act(self.stage.steps)
        answer = self._carried_out(service, operation, asked)
        if trouble is Trouble.REPEATED:
            answer = self._carried_out(service, operation, asked)
        if trouble is Trouble.ANSWER_LOST:
            raise ReadTimeoutError(endpoint_url="in memory")
        return answer

    def _carried_out(
        self, service: str, operation: str, asked: Mapping[str, Any]
    ) -> dict[str, Any]:
        if service == "dynamodb":
            return self.dynamodb.call(operation, asked)
        assert service == "s3"
        assert asked["Bucket"] == BUCKET
        answer = self.s3.call(operation, asked)
        if operation in {"PutObject", "DeleteObject"}:
            self.commits += 1
            self._late.committed(asked["Key"], self.stage.steps)
        if operation == "ListObjectVersions":
            self.looks.listed(self._actor(), asked["Prefix"], self.s3.newest)
        if operation in {"PutObject", "DeleteObject", "DeleteObjects"}:
            self.check_lake()
        return answer

    def _actor(self) -> str:
        actor = self.stage.actor()
        assert actor is not None
        return actor.name

    # --- the bus and the queues

    def publish(self, *events: Event) -> None:
        """What follows from an event; each may be delivered twice."""
        self.stage.step()
        for event in events:
            if isinstance(event, ErasureCompleted):
                self._completed(event)
            elif isinstance(event, LocationPurged):
                self.looks.purged(self._actor(), event.request_id)
                self.rows_told.setdefault(event.location_id, set()).add(event.rows_erased)
            else:
                twice = next(self._published) in self.plot.delivered_twice
                self.queue += [Message(event) for _ in range(1 + twice)]

    def _completed(self, event: ErasureCompleted) -> None:
        """Who is told that somebody is erased may count on it."""
        assert event.status == "COMPLETED"
        self.check_gone(event.request_id)
        self.completed.add(event.request_id)

    def park(self, event: Event, failure: Unsearchable) -> None:
        self.dead_letters.append((event, failure.reason_code))

    # --- the actors

    def play(self) -> None:
        self.fill()
        for number, (who, at_s, commits) in enumerate(self.plot.requests):
            subjects = tuple(Subject(profile_id=SecretStr(person(one))) for one in sorted(who))
            event = ErasureRequested(request_id=f"r{number}", received_at=NOW, subjects=subjects)
            self.queue.append(Message(event, at_s, commits))
        for number in range(self.plot.workers):
            self.stage.cast(f"worker-{number}", self.work, self._troubles_of(number))
        if self.plot.overwrites:
            self.stage.cast("writer", self.write)
        self.stage.play()

    def _troubles_of(self, worker: int) -> dict[int, Trouble]:
        mine = [one for one in self.plot.incidents if one.worker == worker]
        return {one.call: one.trouble for one in mine}

    def write(self) -> None:
        """The lake's own writer."""
        for one in sorted(self.plot.overwrites, key=lambda one: one.after_steps):
            while self.stage.steps < one.after_steps and (self.queue or self.in_hand):
                self.stage.sleep(0.5)
            self.overwrite(one)
            self._writing -= 1

    def work(self) -> None:
        """A worker: one message after the other; a new one takes the place of one that dies."""
        ports = Worker(self, f"worker-{next(self._names)}")
        message: Message | None = None
        try:
            while not self._all_is_done():
                message = self._receive()
                if message is None:
                    self.stage.sleep(0.5)
                    continue
                self._handle(message, ports)
                self.in_hand -= 1
        except Died:
            self.dead_workers.add(ports.name)
            if message is not None and self.stage.failure is None:
                message.visible_at_s = self.stage.clock_s + VISIBLE_AGAIN_AFTER_S
                self.queue.append(message)
                self.in_hand -= 1
                self.stage.cast(ports.name, self.work)
            raise

    def _all_is_done(self) -> bool:
        return not self.queue and not self.in_hand and not self._writing

    def _receive(self) -> Message | None:
        visible = [one for one in self.queue if self._is_visible(one)]
        if not visible:
            return None
        message = visible[next(self._picks) % len(visible)]
        self.queue.remove(message)
        self.in_hand += 1
        return message

    def _is_visible(self, message: Message) -> bool:
        """Commits that do not come are not waited for."""
        now_s = self.stage.clock_s
        is_time = self.commits >= message.after_commits or now_s > PATIENCE_S
        return is_time and message.visible_at_s <= now_s

    def _handle(self, message: Message, worker: Worker) -> None:
        message.attempts += 1
        assert message.attempts < _MOST_ATTEMPTS, f"never handled: {message.reasons}"
        try:
            worker.handle(message.event)
        except Rejected as refusal:
            self.dead_letters.append((message.event, refusal.reason_code))
        except (RetryLater, BotoCoreError, ClientError, MutexError, PynamoDBException) as error:
            message.reasons.append(reason_code_of(error))
            message.visible_at_s = self.stage.clock_s + 5.0
            self.queue.append(message)


class Worker:
    """A function's environment: clients of its own, time that runs out."""

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self._world = world
        self._ends_s = 0.0
        self._event: Event | None = None
        mutex = MutexClient(
            client_name=name,
            table_name="mutex",
            dynamo_db_client=boto3.client("dynamodb"),
            refresh_wait_time=0.5,
            max_timeout=5.0,
            surroundings=Surroundings(world.stage, Random(world._random.getrandbits(32))),
        )
        context: Any = self
        self._purge_ports = replace(
            purging.ports(context),
            locks=MutexLocks(mutex),
            events=world,
            time_left_s=self.time_left_s,
        )
        self._location_ports = LocationPorts(
            requests=wiring.requests(),
            subject_lists=cast("Any", None),
            stores=Search(world.s3, world.keys, world.stage, self._found_nobody),
            dead_letters=world,
        )

    def time_left_s(self) -> float:
        """What is left of the invocation."""
        return self._ends_s - self._world.stage.clock_s

    def handle(self, event: Event) -> None:
        """As the two handlers do; published before the message is acknowledged."""
        self._event = event
        self._ends_s = self._world.stage.clock_s + INVOCATION_S
        deadline = Deadline.of(self.time_left_s)
        match event:
            case PurgeRequested():
                purge_location(event, self._purge_ports)
            case ErasureRequested():
                self._announce(locate(event, self._location_ports, now=NOW, deadline=deadline))
            case RelocationRequested():
                self._announce(relocate(event, self._location_ports, deadline=deadline))

    def _found_nobody(self, key: str) -> None:
        """Of a whole request; what is located again is but a part of one."""
        if isinstance(self._event, ErasureRequested):
            self._world.looks.clean(self._event.request_id, key, self._world.s3.newest)

    def _announce(self, located: Located) -> None:
        completed = [located.completed] if located.completed else []
        self._world.publish(*located.purges, *completed)
        if completed:
            wiring.requests().note_announced(located.request_id)
