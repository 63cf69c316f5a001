"""Answers every call of botocore's clients from the models, without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.handlers import BUILTIN_HANDLERS

from tests.property.purge.dynamodb_model import Refused

Answer = Callable[[str, str, Mapping[str, Any]], dict[str, Any]]
"""(service, operation, parameters) → the parsed response; Refused is an error of AWS."""


@dataclass(frozen=True)
class _Http:
    status_code: int


@contextmanager
def answered_by(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clients that are made in here, by whomever, ask `answer`."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)

    def remember(params: Any, context: dict[str, Any], **_: Any) -> None:
        context["asked"] = params

    def reply(model: Any, context: dict[str, Any], **_: Any) -> tuple[_Http, dict[str, Any]]:
        service = model.service_model.service_id.hyphenize()
        try:
            response = answer(service, model.name, context["asked"])
        except Refused as refusal:
            error = {"Code": refusal.code, "Message": "refused"}
            metadata = {"HTTPStatusCode": refusal.status, "RetryAttempts": 0}
            told = {"Error": error, "ResponseMetadata": metadata}
            return _Http(refusal.status), told | refusal.added
        return _Http(200), response | {"ResponseMetadata": {"HTTPStatusCode": 200}}

    ours: Any = [("provide-client-params", remember), ("before-call", reply)]
    BUILTIN_HANDLERS.extend(ours)
    boto3.setup_default_session()
    try:
        yield
    finally:
        del BUILTIN_HANDLERS[-len(ours) :]
        boto3.setup_default_session()
