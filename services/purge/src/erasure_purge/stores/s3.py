"""What S3's answers mean, and how its objects are named in calls."""

from __future__ import annotations

from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from erasure_purge.core import UNVERSIONED, StoredObject

PATIENT = Config(connect_timeout=2, read_timeout=30, retries={"mode": "standard"})
"""For a part of an object; S3 answers a write when it has stored all of it."""

GONE = {"NoSuchKey", "NoSuchVersion", "PreconditionFailed", "404", "412"}
LOST_RACE = {*GONE, "ConditionalRequestConflict", "409"}


def code_of(error: ClientError) -> str:
    """S3's word for what went wrong; of HEAD, which has no body, the status."""
    return str(error.response["Error"]["Code"])


def place(stored: StoredObject) -> dict[str, Any]:
    """The object, whichever version."""
    return {"Bucket": stored.uri.bucket, "Key": stored.uri.key}


def version(stored: StoredObject) -> dict[str, Any]:
    """This very version, in a bucket that has versions."""
    return {} if stored.version_id == UNVERSIONED else {"VersionId": stored.version_id}
