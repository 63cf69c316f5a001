"""A transform of the real contract, and the stream's records."""

import base64
import json
from collections.abc import Callable

import pytest

from erasure_ingestion.core.transform import Outcome, ProfileTransform
from erasure_shared.schemas import read_schema

ARRIVED_AT_MS = 1_795_478_399_999  # 2026-11-23T23:59:59.999Z

Apply = Callable[..., Outcome]


@pytest.fixture(scope="session")
def transform() -> ProfileTransform:
    return ProfileTransform(
        read_schema("records/profile.v1.json"), read_schema("tables/profiles.json")
    )


@pytest.fixture
def apply(transform: ProfileTransform) -> Apply:
    """The outcome for a document (made JSON), a text or bytes."""

    def outcome(record: object, *, arrived_at_ms: object = ARRIVED_AT_MS) -> Outcome:
        text = record if isinstance(record, str | bytes) else json.dumps(record)
        content = text.encode() if isinstance(text, str) else text
        return transform.apply(base64.b64encode(content).decode(), arrived_at_ms)

    return outcome
