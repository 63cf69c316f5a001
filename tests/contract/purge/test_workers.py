"""Many workers at once, with the real handler, mutex, tables, bus and objects of MiniStack."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from multiprocessing.pool import Pool
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.aws import create_tables
from tests.contract.local_cloud.cloud import Cloud
from tests.contract.purge import workers
from tests.unit.purge.parquet_files import ids_in, profiles

pytestmark = pytest.mark.local_cloud
_numbers = count(1)
CANARY = "zanzibar-canary"


@dataclass
class Site:
    """A platform with workers."""

    cloud: Cloud
    bucket: str
    dead_letters: str
    pool: Pool

    def put(self, key: str, content: bytes) -> str:
        """Put an object; answers its address."""
        self.cloud.s3.put_object(Bucket=self.bucket, Key=key, Body=content)
        return f"s3://{self.bucket}/{key}"

    def versions(self, address: str) -> list[bytes]:
        """Every version's content."""
        key = address.split("/", 3)[3]
        listed = self.cloud.s3.list_object_versions(Bucket=self.bucket, Prefix=key)
        assert not listed.get("DeleteMarkers")
        return [
            self.cloud.s3.get_object(Bucket=self.bucket, Key=key, VersionId=version["VersionId"])[
                "Body"
            ].read()
            for version in listed.get("Versions", ())
            if version["Key"] == key
        ]

    def request(self, *found: tuple[str, tuple[str, ...]]) -> list[tuple[str, str]]:
        """Register a request over objects; answers its messages."""
        locations = [("profiles_lake", address, subjects) for address, subjects in found]
        return self.pool.apply(workers.register, (f"r{next(_numbers)}", locations))


@pytest.fixture(scope="module")
def site(purge_cloud: Cloud) -> Iterator[Site]:
    create_tables(purge_cloud.dynamodb)
    purge_cloud.dynamodb.create_table(
        TableName="mutex",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    bus = "purge-test"
    purge_cloud.events.create_event_bus(Name=bus)
    lake = {"name": "profiles_lake", "kind": "s3", "database": "d", "table": "profiles"}
    data_map = {"version": "1", "stores": [lake | {"id_column": "profile_id"}]}
    purge_cloud.ssm.put_parameter(Name="/data-map", Type="String", Value=json.dumps(data_map))
    secret = purge_cloud.secretsmanager.create_secret(Name="digest", SecretString="key")
    _, queue_arn = purge_cloud.queue()
    dead_letters, _ = purge_cloud.queue()
    environment = purge_cloud.emulator.credentials | {
        "ERASURE_GDPR_TABLE": "gdpr",
        "ERASURE_MUTEX_TABLE": "mutex",
        "ERASURE_BUS": bus,
        "ERASURE_DATA_MAP": "/data-map",
        "ERASURE_DIGEST_SECRET": secret["ARN"],
        "ERASURE_DEAD_LETTER_QUEUE": dead_letters,
        "TEST_QUEUE_ARN": queue_arn,
        "POWERTOOLS_SERVICE_NAME": "purge",
    }
    with workers.worker_processes(4, environment) as pool:
        yield Site(purge_cloud, purge_cloud.bucket(versioned=True), dead_letters, pool)


PEOPLE = [f"person-{number}" for number in range(12)]
_owners = st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=60)
_wanted = st.sets(st.sampled_from(PEOPLE), min_size=1, max_size=6).map(sorted).map(tuple)


@given(
    objects=st.lists(_owners, min_size=2, max_size=3),
    subjects=st.lists(_wanted, min_size=2, max_size=4),
    random=st.randoms(use_true_random=False),
)
@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # processes do not repeat what they did: no shrinking
    suppress_health_check=[HealthCheck.too_slow],
)
def test_overlapping_requests_at_once_erase_their_people_and_nobody_else(
    site: Site, objects: list[list[str]], subjects: list[tuple[str, ...]], random: Random
) -> None:
    """Four processes, messages in any order, some of them twice; `tests/property/purge` does more.

    The numbers of the objects are such that one's name is the beginning of another's.
    """
    folder = f"objects-{next(_numbers)}"
    rows = {f"{folder}/part-{n}": owners for n, owners in zip((1, 10, 11), objects, strict=False)}
    addresses = {key: site.put(key, profiles(*owners)) for key, owners in rows.items()}
    messages = [
        message
        for wanted in subjects
        for message in site.request(*((address, wanted) for address in addresses.values()))
    ]
    messages += random.sample(messages, 2)
    random.shuffle(messages)

    site.pool.map(workers.purge, messages, chunksize=1)

    gone = {subject for wanted in subjects for subject in wanted}
    for key, address in addresses.items():
        kept = [owner for owner in rows[key] if owner not in gone]
        assert [ids_in(content) for content in site.versions(address)] == [kept] * bool(kept)
    statuses = site.pool.map(workers.status_of, messages)
    assert {(location, request) for location, _, request, _ in statuses} == {
        ("PURGED", "COMPLETED")
    }


def test_a_bad_object_is_parked_with_its_reason_and_nothing_names_anybody(site: Site) -> None:
    address = site.put("bad/object", b"PAR1" + CANARY.encode() * 9 + b"PAR1")
    (message,) = site.request((address, (CANARY,)))

    answer, written = site.pool.apply(workers.output_of, (workers.body_for(*message),))

    parked = _parked(site)
    assert answer == {"batchItemFailures": []}
    assert parked["MessageAttributes"]["reason_code"]["StringValue"] == "TRUNCATED_PARQUET"
    assert CANARY not in json.dumps(parked) + written
    assert "TRUNCATED_PARQUET" in written
    assert f'"location_id":"{message[1]}"' in written
    status, _, request, reason = site.pool.apply(workers.status_of, (message,))
    assert (status, request) == ("PENDING", "PURGING")
    assert CANARY not in str(reason)


def test_a_purge_names_nobody_in_its_logs_and_counts_in_metrics(site: Site) -> None:
    address = site.put("good/object", profiles(CANARY, "bob"))
    (message,) = site.request((address, (CANARY,)))

    _, written = site.pool.apply(workers.output_of, (workers.body_for(*message),))

    assert CANARY not in written
    assert '"RowsErased":[1.0]' in written.replace(" ", "")
    assert "location purged" in written


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("not JSON", "INVALID_MESSAGE"),
        ('{"detail-type": "PurgeRequested"}', "INVALID_EVENT"),
        ('{"detail-type": "ErasureRequested", "detail": {}}', "UNKNOWN_EVENT"),
        (workers.body_for("r-unknown", "0" * 32), "UNKNOWN_LOCATION"),
        (workers.body_for("r-unknown", CANARY), "INVALID_EVENT"),
    ],
)
def test_a_bad_message_is_parked(site: Site, body: str, code: str) -> None:
    answer, written = site.pool.apply(workers.output_of, (body,))

    assert answer == {"batchItemFailures": []}
    assert _parked(site)["MessageAttributes"]["reason_code"]["StringValue"] == code
    assert CANARY not in written


def test_a_lock_that_another_request_has_is_named_to_the_one_who_waits(site: Site) -> None:
    address = site.put("locked/object", profiles("ann", "bob"))
    (message,) = site.request((address, ("ann",)))
    site.cloud.dynamodb.put_item(TableName="mutex", Item=_foreign_lock(address))

    answer = site.pool.apply(workers.handle, (workers.body_for(*message), 1, 8.0))

    assert len(answer["batchItemFailures"]) == 1
    *_, reason = site.pool.apply(workers.status_of, (message,))
    assert reason == "another worker is rewriting this object (held_by_request=r-other)"


def _foreign_lock(address: str) -> dict[str, Any]:
    return {
        "pk": {"S": address},
        "sk": {"S": "-"},
        "revision_version_number": {"S": "9b2d1f0e-0000-4000-8000-000000000000"},
        "lease_started": {"N": str(time.time())},
        "lease_duration": {"N": "300"},
        "client_name": {"S": "purge"},
        "attributes": {"M": {"request_id": {"S": "r-other"}}},
        "ttl": {"N": "4000000000"},
    }


def _parked(site: Site) -> dict[str, Any]:
    (parked,) = site.cloud.messages(site.dead_letters)
    site.cloud.sqs.delete_message(QueueUrl=site.dead_letters, ReceiptHandle=parked["ReceiptHandle"])
    return parked
