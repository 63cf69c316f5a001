"""Asks the location function itself, which may search the stores; people need no right to do so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config

from erasure_adjudication.cli.installation import Installation
from erasure_shared.errors import ErasureError
from erasure_shared.events import Subject

LARGEST_QUESTION_BYTES = 5_000_000
"""Lambda takes 6 MB of a caller who waits for the answer."""
SUBJECT_LISTS = "requests/"
"""In the bucket of Athena's results: the function may read it, everything expires after a day."""
_PATIENT = Config(connect_timeout=2, read_timeout=910, retries={"total_max_attempts": 1})
"""A function runs for 900 seconds at most; asking twice would search twice."""


class NotPlanned(ErasureError):
    """The location function has no plan."""


def ask(people: Sequence[Subject], installation: Installation) -> dict[str, Any]:
    """The location function's counts, store by store.

    Raises:
        NotPlanned: it says why there are none, or it failed.
    """
    function = installation.location_function
    with _question(people, installation) as question:
        client = boto3.client("lambda", config=_PATIENT)
        answer = client.invoke(FunctionName=function, Payload=question)
        body = answer["Payload"].read()
    if "FunctionError" in answer:  # what the runtime says may quote the question
        raise NotPlanned("the location function failed; its log tells more", function=function)
    document: dict[str, Any] = json.loads(body)
    if "error" in document:
        failure = document["error"]
        raise NotPlanned(failure["reason"], reason_code=failure["reason_code"])
    return document


@contextmanager
def _question(people: Sequence[Subject], installation: Installation) -> Iterator[bytes]:
    """The people themselves, or a list of them on S3 that is deleted afterwards."""
    documents = [{"profile_id": subject.profile_id.get_secret_value()} for subject in people]
    question = json.dumps({"plan": {"subjects": documents}}).encode()
    if len(question) <= LARGEST_QUESTION_BYTES:
        yield question
        return
    bucket, key = installation.setting("athena_bucket"), f"{SUBJECT_LISTS}{uuid4().hex}.jsonl"
    s3 = installation.s3()
    lines = "".join(json.dumps(document) + "\n" for document in documents)
    s3.put_object(Bucket=bucket, Key=key, Body=lines.encode(), ContentType="application/jsonl")
    try:
        yield json.dumps({"plan": {"subjects_uri": f"s3://{bucket}/{key}"}}).encode()
    finally:
        s3.delete_object(Bucket=bucket, Key=key)
