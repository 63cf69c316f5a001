"""Whatever a dead letter holds: it becomes one error without its contents, and is kept whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erasure_adjudication.core import ErrorStatus, message_error_id
from erasure_adjudication.use_case import record_dead_letter, retry
from tests.unit.adjudication.world import World, a_letter
from tests.unit.adjudication.world import world as a_world

CANARY = "Kanarie Vogelsang"

_values = st.recursive(
    st.sampled_from([CANARY, f"{CANARY}@example.org", None, 1, "r1", "0" * 32]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["data", "metadata", "request_id", "location_id", "subjects", CANARY]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
_events = st.fixed_dictionaries(
    {},
    optional={
        "detail-type": st.sampled_from(["PurgeRequested", "ErasureRequested"]) | _values,
        "detail": _values,
        CANARY: _values,
    },
).map(json.dumps)
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(CANARY.__add__)
_attributes = st.dictionaries(
    st.sampled_from(["reason_code", "ERROR_CODE", "attempts", "RETRY_ATTEMPTS", "other"]),
    st.text(max_size=9),
)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with pytest.MonkeyPatch.context() as monkeypatch, a_world(monkeypatch) as built:
        yield built


@given(body=_events | _texts, attributes=_attributes, number=st.integers(min_value=0))
@settings(deadline=None, max_examples=60)
def test_any_letter_becomes_one_error_and_can_be_tried_again(
    world: World, body: str, attributes: dict[str, str], number: int
) -> None:
    message_id = f"{number}-{len(world.queues.sent)}"
    letter: Any = a_letter(body, message_id, attributes=attributes)

    failed = record_dead_letter(letter, world.desk())
    again = record_dead_letter(letter, world.desk())

    assert failed is not None
    assert failed == again
    assert failed.error_id == message_error_id(message_id)
    error = world.errors.find(failed.error_id)
    assert error is not None
    assert error.status is ErrorStatus.OPEN
    assert CANARY not in repr(error) + repr(failed)

    retry(failed.error_id, world.desk())

    assert world.queues.sent[-1] == ("erasure-local-purge", body)
    assert world.requests.parked_message(failed.error_id) == ""
