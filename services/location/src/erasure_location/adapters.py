"""Claim checks on S3, the stores of the data map, and the queue of dead letters."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from pydantic import SecretStr

from erasure_location.core.deadline import Deadline
from erasure_location.core.subject_list import MAX_LIST_BYTES, read_subject_list
from erasure_location.stores.athena import AthenaSearch
from erasure_location.stores.dynamodb import DynamoDBSearch
from erasure_location.stores.postgresql import PostgreSQLSearch
from erasure_location.use_case import Extent, Store, Unreadable, Unsearchable
from erasure_shared.data_map import DataMap, DynamoDBStore, PostgreSQLStore, S3Store
from erasure_shared.errors import Rejected
from erasure_shared.events import RelocationRequested
from erasure_shared.locations import Found
from erasure_shared.messages import Queue

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SOURCE = "erasure.location"
_UNREADABLE = {
    "AccessDenied": Unreadable("SUBJECT_LIST_DENIED", "access to the object is denied"),
    "InvalidObjectState": Unreadable("SUBJECT_LIST_ARCHIVED", "the object is archived"),
    "InvalidBucketName": Unreadable("SUBJECT_LIST_ABSENT", "there is no such bucket"),
    "NoSuchBucket": Unreadable("SUBJECT_LIST_ABSENT", "there is no such bucket"),
    "NoSuchKey": Unreadable("SUBJECT_LIST_ABSENT", "there is no such object"),
}
"""What S3 says of an object that is gone; without the right to list, it says AccessDenied."""


class S3SubjectLists:
    """Reads claim checks."""

    def __init__(self, s3: S3Client) -> None:
        self._s3 = s3

    def read(self, uri: str) -> tuple[SecretStr, ...] | Unreadable:
        """The subjects that the object lists, or why it cannot be read.

        Raises:
            Rejected: it is too large, or not a valid list.
        """
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            response = self._s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            unreadable = _UNREADABLE.get(error.response.get("Error", {}).get("Code", ""))
            if unreadable is None:
                raise
            return unreadable
        if response["ContentLength"] > MAX_LIST_BYTES:
            raise Rejected(
                f"subjects_uri: the object must have at most {MAX_LIST_BYTES} bytes",
                size_bytes=response["ContentLength"],
                reason_code="SUBJECT_LIST_TOO_LARGE",
            )
        return read_subject_list(response["Body"].read())


class DataMapStores:
    """Sends each search to the technology of its store."""

    def __init__(
        self,
        declared: Callable[[], DataMap],
        athena: AthenaSearch,
        dynamodb: DynamoDBSearch,
        postgresql: PostgreSQLSearch,
    ) -> None:
        self._declared = declared
        self._athena = athena
        self._dynamodb = dynamodb
        self._postgresql = postgresql

    def declared(self) -> DataMap:
        """The data map as it is now."""
        return self._declared()

    def search(
        self, store: Store, subjects: Sequence[SecretStr], deadline: Deadline
    ) -> tuple[Found, ...] | Unsearchable:
        """Where in the store the subjects are; a failure for good is an answer, too."""
        try:
            match store:
                case S3Store():
                    return self._athena.find(store, subjects, deadline)
                case DynamoDBStore():
                    return self._dynamodb.find(store, subjects, deadline)
                case PostgreSQLStore():
                    return self._postgresql.find(store, subjects, deadline)
        except Rejected as error:
            return Unsearchable(error.reason_code, error.describe())

    def survey(
        self, store: Store, subjects: Sequence[SecretStr], deadline: Deadline
    ) -> Extent | Unsearchable:
        """How much of the store is the subjects'; a failure for good is an answer, too."""
        try:
            match store:
                case S3Store():
                    return self._athena.survey(store, subjects, deadline)
                case DynamoDBStore():
                    return self._dynamodb.survey(store, subjects, deadline)
                case PostgreSQLStore():
                    return self._postgresql.survey(store, subjects, deadline)
        except Rejected as error:
            return Unsearchable(error.reason_code, error.describe())


class ParkedSearches:
    """Parks searches that failed for good as RelocationRequested, which repeats them."""

    def __init__(self, queue: Queue, now: Callable[[], datetime]) -> None:
        self._queue = queue
        self._now = now

    def park(self, event: RelocationRequested, failure: Unsearchable) -> None:
        """Send the message that EventBridge would deliver to the dead-letter queue."""
        entry = event.entry("", self._now(), SOURCE)
        body = {
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "detail": json.loads(entry["Detail"]),
        }
        self._queue.park(json.dumps(body), failure.reason_code, failure.reason)
