"""Whatever arrives: every record is answered once, in order, and nothing is raised."""

import base64
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from erasure_ingestion.core.reasons import Reason
from erasure_ingestion.core.response import answer, fit
from erasure_ingestion.core.transform import Outcome, Result, failed
from erasure_ingestion.handler import handler
from tests.property.ingestion.profiles import json_values, mangled, profiles

RESULTS = {"Ok", "Dropped", "ProcessingFailed"}
ARRIVALS = st.one_of(st.none(), st.integers(), st.integers(1_600_000_000_000, 1_900_000_000_000))
CONTENTS = st.one_of(
    st.binary(),
    st.text().map(lambda text: text.encode("utf-8", "surrogatepass")),
    json_values().map(lambda value: json.dumps(value).encode()),
    profiles().map(lambda profile: json.dumps(profile).encode()),
    mangled(),
)
DATA = st.one_of(
    CONTENTS.map(lambda content: base64.b64encode(content).decode()), st.text(), st.none()
)


@settings(deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries({"data": DATA, "approximateArrivalTimestamp": ARRIVALS}), max_size=8
    )
)
def test_every_record_is_answered_once_and_in_order(records: list[dict[str, Any]]) -> None:
    sent = [{"recordId": f"r{number}"} | record for number, record in enumerate(records)]

    answers = handler({"records": sent}, None)["records"]

    assert [one["recordId"] for one in answers] == [record["recordId"] for record in sent]
    for one in answers:
        assert one["result"] in RESULTS
        assert ("metadata" in one) == (one["result"] == "Ok")


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=300).map(
                lambda body: Outcome(Result.OK, content=body, dt="2026-01-01")
            ),
            st.sampled_from([failed(Reason.MALFORMED_JSON), Outcome(Result.DROPPED, Reason.BLANK)]),
        ),
        max_size=12,
    ),
    st.integers(0, 3_000),
)
def test_the_response_stays_within_its_limit_and_loses_no_record(
    outcomes: list[Outcome], room_bytes: int
) -> None:
    answers = [answer(f"r{number}", one, "echo" * 9) for number, one in enumerate(outcomes)]
    least_bytes = sum(one.without_data().size_bytes() for one in answers)

    fitting = fit(answers, limit_bytes=least_bytes + room_bytes)

    written = json.dumps([one.as_firehose() for one in fitting], ensure_ascii=False)
    assert len(written.encode()) <= least_bytes + room_bytes + len("[]")
    assert [one.record_id for one in fitting] == [one.record_id for one in answers]
    for before, after in zip(answers, fitting, strict=True):
        assert after in (before, before.without_data())
        assert after.data or not after.is_ok or not before.data
