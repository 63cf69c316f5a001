"""Finds people's rows in the objects of an S3 table, with one query of Athena."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from pydantic import SecretStr

from erasure_location.core.athena_failure import Failure, Verdict
from erasure_location.core.athena_query import (
    WANTED_TABLE,
    Statement,
    Wanted,
    counting,
    findings,
    statement,
    unreadable,
    wanted_lines,
)
from erasure_location.core.deadline import Deadline
from erasure_location.core.lake_table import LakeTable
from erasure_location.stores.athena_queries import Answer, Queries, QueryFailed, forget
from erasure_location.stores.glue import GlueCatalogue
from erasure_location.use_case.planning import Extent
from erasure_shared.data_map import S3Store
from erasure_shared.errors import Rejected, RetryLater
from erasure_shared.locations import Found

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

THREADS = 16
"""That ask for objects at the same time; the client's `max_pool_connections` should be as many."""
_AT_A_TIME = 1_000
_Query = Callable[[LakeTable, Wanted, Sequence[str]], Statement]
MAX_UNREADABLE = 20
"""Objects that one search goes around; where more are broken, the table is."""


@dataclass(frozen=True)
class AthenaNames:
    """Where the lists of wanted ids lie, and the database of the table over them."""

    bucket: str
    database: str


class AthenaSearch:
    """Searches the tables of the Glue catalogue."""

    def __init__(
        self,
        catalogue: GlueCatalogue,
        queries: Queries,
        s3: S3Client,
        names: AthenaNames,
        new_batch: Callable[[], str],
    ) -> None:
        self._catalogue = catalogue
        self._queries = queries
        self._s3 = s3
        self._names = names
        self._new_batch = new_batch

    def find(
        self, store: S3Store, subjects: Sequence[SecretStr], deadline: Deadline
    ) -> tuple[Found, ...]:
        """Every object that holds subjects, each with those it holds.

        An object that Athena cannot read is found with all subjects: whoever purges it tells a
        person that it is broken, and it does not hide the rest of the table.

        Raises:
            Rejected: the table is not as the data map says, or more than 20 objects are broken.
            RetryLater: Athena cannot answer now, or the time is up.
        """
        answer, broken = self._ask(statement, store, subjects, deadline)
        unread = [unreadable(store, path, subjects) for path in broken]
        return (*findings(store, answer.rows, subjects), *unread)

    def survey(self, store: S3Store, subjects: Sequence[SecretStr], deadline: Deadline) -> Extent:
        """How many objects hold subjects, with how many rows, and how large these objects are.

        Raises:
            Rejected, RetryLater: as `find` does.
        """
        answer, broken = self._ask(counting, store, subjects, deadline)
        sizes = self._sizes([*(path for path, _ in answer.rows), *broken], deadline)
        return Extent(
            locations=len(sizes),
            rows=sum(int(count) for _, count in answer.rows),
            size_bytes=sum(sizes),
            largest_bytes=max(sizes, default=0),
            scanned_bytes=answer.scanned_bytes,
            unreadable=len(broken),
        )

    def _ask(
        self, query: _Query, store: S3Store, subjects: Sequence[SecretStr], deadline: Deadline
    ) -> tuple[Answer, list[str]]:
        """The answer without the objects that Athena cannot read, and these."""
        table = self._catalogue.table(store)
        table.check(store, (subject.get_secret_value() for subject in subjects))
        with self._wanted(subjects) as wanted:
            broken: list[str] = []
            while True:
                try:
                    return self._queries.run(query(table, wanted, broken), deadline), broken
                except QueryFailed as failed:
                    broken.append(self._object_to_avoid(failed.failure, store, broken))

    @contextmanager
    def _wanted(self, subjects: Sequence[SecretStr]) -> Iterator[Wanted]:
        """The uploaded list of wanted ids, deleted again whatever happens."""
        batch = self._new_batch()
        key = f"{WANTED_TABLE}/{batch}/ids.json"
        try:
            self._s3.put_object(Bucket=self._names.bucket, Key=key, Body=wanted_lines(subjects))
            yield Wanted(self._names.database, batch)
        finally:
            forget(self._s3, self._names.bucket, key)

    def _object_to_avoid(self, failure: Failure, store: S3Store, broken: Sequence[str]) -> str:
        """The unreadable object that the failure names, unless going around it is no use."""
        code = f"ATHENA_{failure.code}"
        match failure.verdict:
            case Verdict.TRANSIENT:
                raise RetryLater(
                    "Athena could not finish the query", store=store.name, reason_code=code
                )
            case Verdict.PERMANENT:
                raise Rejected("Athena cannot run the query", store=store.name, reason_code=code)
            case Verdict.UNREADABLE:
                path = next(filter(self._exists, failure.candidates), None)
                if path is None:
                    raise RetryLater(
                        "Athena stumbled over an object that is gone now",
                        store=store.name,
                        reason_code=code,
                    )
                if path in broken or len(broken) >= MAX_UNREADABLE:
                    raise Rejected(
                        "Athena cannot read the objects of the table",
                        store=store.name,
                        unreadable=len(broken),
                        reason_code=code,
                    )
                return path

    def _sizes(self, uris: Sequence[str], deadline: Deadline) -> list[int]:
        """The sizes of those objects that are still there, asked for a few at a time."""
        sizes: list[int | None] = []
        with ThreadPoolExecutor(THREADS, thread_name_prefix="object-sizes") as pool:
            for start in range(0, len(uris), _AT_A_TIME):
                deadline.check()
                sizes += pool.map(self._size, uris[start : start + _AT_A_TIME])
        return [size for size in sizes if size is not None]

    def _exists(self, uri: str) -> bool:
        return self._size(uri) is not None

    def _size(self, uri: str) -> int | None:
        """The object's size in bytes, or None where it is gone."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            return int(self._s3.head_object(Bucket=bucket, Key=key)["ContentLength"])
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status == HTTPStatus.FORBIDDEN:
                raise Rejected(
                    "access to the table's objects is denied", reason_code="S3_DENIED"
                ) from error
            if status != HTTPStatus.NOT_FOUND:
                raise
            return None
