"""Bad input gets one clear error each, at the right place, and nothing else is touched by it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.demo.road import Road, wait_until
from infra.local.cloud import LocalCloud

GOOD_METADATA = {"schema_version": "1.0"}
GOOD_DATA = {
    "request_id": "never-recorded",
    "received_at": "2026-11-01T10:00:00Z",
    "subjects": [{"profile_id": "somebody"}],
}


def _detail(**changes: object) -> dict[str, Any]:
    return {"metadata": GOOD_METADATA, "data": GOOD_DATA | changes}


BAD_DETAILS: dict[str, tuple[object, str]] = {
    "no data": ({"metadata": GOOD_METADATA}, "data: must be an object"),
    "unknown version": (
        {"metadata": {"schema_version": "2.0"}, "data": GOOD_DATA},
        "schema_version",
    ),
    "no subjects": (_detail(subjects=[]), "subjects"),
    "too many subjects inline": (
        _detail(subjects=[{"profile_id": f"p{number}"} for number in range(1_001)]),
        "subjects",
    ),
    "the same subject twice": (
        _detail(subjects=[{"profile_id": "p"}, {"profile_id": "p"}]),
        "entries 0 and 1 are the same",
    ),
    "an identifier of two kilobytes": (
        _detail(subjects=[{"profile_id": "x" * 2_048}]),
        "subjects.0.profile_id",
    ),
    "a time without offset": (_detail(received_at="2026-11-01T10:00:00"), "received_at"),
    "a field that nobody knows": (_detail(subjectz=[]), "<unknown field>"),
    "a claim check that is not there": (
        {
            "metadata": GOOD_METADATA,
            "data": {
                "request_id": "never-recorded",
                "received_at": "2026-11-01T10:00:00Z",
                "subjects_uri": "s3://no-such-bucket-anywhere/subjects.jsonl",
            },
        },
        "subjects_uri",
    ),
}


Errors = Callable[[int], list[dict[str, Any]]]
"""Waits until that many errors are recorded, and returns them."""


@pytest.fixture
def new_errors(road: Road) -> Iterator[Errors]:
    """The errors that the test brings about; dismissed afterwards, so that none is left."""
    known = {error["error_id"] for error in road.open_errors()}

    def new() -> list[dict[str, Any]]:
        return [error for error in road.open_errors() if error["error_id"] not in known]

    def wait_for(count: int) -> list[dict[str, Any]]:
        wait_until(lambda: len(new()) >= count, what=f"{count} errors", at_most_s=90)
        return new()

    yield wait_for
    for error in new():
        road.erasure("errors", "dismiss", error["error_id"], "--reason", "tested")


def test_every_bad_event_becomes_one_error_that_names_field_and_rule(
    road: Road, new_errors: Errors
) -> None:
    for detail, _ in BAD_DETAILS.values():
        road.publish_detail(detail)
    road.request("beside-bad-ones", ["known-to-no-store-4"])

    errors = new_errors(len(BAD_DETAILS))

    reasons = [error["reason"] for error in errors]
    unexplained = [
        name
        for name, (_, words) in BAD_DETAILS.items()
        if not any(words in reason for reason in reasons)
    ]
    assert unexplained == []
    assert len(errors) == len(BAD_DETAILS)
    wait_until(lambda: road.is_closed("beside-bad-ones"), what="the good one closes", at_most_s=60)


def test_a_message_that_is_not_json_becomes_an_error(
    cloud: LocalCloud, road: Road, new_errors: Errors
) -> None:
    sqs = cloud.client("sqs")
    for service in ("location", "purge"):
        url = sqs.get_queue_url(QueueName=f"erasure-{cloud.stage}-{service}")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="{not json")

    errors = new_errors(2)

    assert {(error["service"], error["reason"]) for error in errors} == {
        ("location", "the message is not JSON"),
        ("purge", "the message is not JSON"),
    }


def test_the_same_id_for_other_people_is_refused(road: Road, new_errors: Errors) -> None:
    road.request("taken", ["known-to-no-store-5"])
    wait_until(lambda: road.is_closed("taken"), what="the request closes", at_most_s=60)

    road.request("taken", ["somebody-else"])
    errors = new_errors(1)

    assert [error["reason_code"] for error in errors] == ["REQUEST_ID_REUSED"]
    assert road.found("taken").subjects == 1


def test_objects_that_are_no_parquet_become_errors_and_hold_nothing_else_up(
    cloud: LocalCloud, road: Road, new_errors: Errors
) -> None:
    s3, bucket = cloud.client("s3"), cloud.environment["ERASURE_LAKE_BUCKET"]
    folder = "profiles/dt=2026-11-01/broken/"
    record = {"profile_id": "p-bad", "record_type": "profile", "updated_at": "2026-11-01T00:00:00Z"}
    had = road.stores.lake_row_count()
    road.stores.stream([record], lambda _: None)
    wait_until(lambda: road.stores.lake_row_count() > had, what="the record lands", at_most_s=60)
    bodies = {"text": b"this is no Parquet file", "empty": b"", "cut": b"PAR1" + bytes(500)}
    for name, body in bodies.items():
        s3.put_object(Bucket=bucket, Key=folder + name, Body=body)

    road.request("bad-objects", ["p-bad"])
    wait_until(
        lambda: road.waits_only_for_people("bad-objects"), what="all else is done", at_most_s=120
    )

    errors = new_errors(2)
    for version in s3.list_object_versions(Bucket=bucket, Prefix=folder)["Versions"]:
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    assert all(error["location_id"] for error in errors)
    assert all("Parquet" in error["reason"] for error in errors)
    for error in errors:
        road.erasure("errors", "dismiss", error["error_id"], "--reason", "it was never readable")
    wait_until(lambda: road.is_closed("bad-objects"), what="the request closes", at_most_s=60)
    assert road.found("bad-objects").status == "COMPLETED_WITH_RETENTION"
    assert road.found("bad-objects").rows_erased == 1


def test_a_hundred_thousand_people_come_by_claim_check(cloud: LocalCloud, road: Road) -> None:
    s3, bucket = cloud.client("s3"), cloud.environment["ERASURE_LAKE_BUCKET"]
    lines = "\n".join(json.dumps({"profile_id": f"crowd-{n}"}) for n in range(100_000))
    s3.put_object(Bucket=bucket, Key="claims/crowd.jsonl", Body=lines.encode())

    road.publish_detail(
        {
            "metadata": GOOD_METADATA,
            "data": {
                "request_id": "crowd",
                "received_at": "2026-11-01T10:00:00Z",
                "subjects_uri": f"s3://{bucket}/claims/crowd.jsonl",
            },
        }
    )

    wait_until(lambda: road.is_closed("crowd"), what="the request closes", at_most_s=240)
    s3.delete_object(Bucket=bucket, Key="claims/crowd.jsonl")
    assert road.found("crowd").subjects_not_found == 100_000
