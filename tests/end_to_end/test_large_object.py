"""A large object that somebody else holds: its purge is put off, and then erases and commits."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from erasure_shared.locations import Digest
from erasure_shared.mutex import MutexClient, MutexKey
from erasure_shared.requests import Requests
from infra.demo.road import Road, wait_until
from infra.local.cloud import LocalCloud

KEY = "profiles/dt=2021-01-01/large.parquet"
ROWS, ROW_BYTES = 400, 64 * 1024
ERASED = [f"of-a-large-object-{number}" for number in (7, 8, 250)]


@pytest.fixture(scope="module")
def bucket(cloud: LocalCloud) -> str:
    return cloud.environment["ERASURE_LAKE_BUCKET"]


@pytest.fixture(scope="module")
def before(road: Road, cloud: LocalCloud, bucket: str) -> pa.Table:
    """The object, and a lock on it that is let go after somebody has waited for it in vain."""
    random = Random(5)
    table = pa.table(
        {
            "profile_id": [f"of-a-large-object-{number}" for number in range(ROWS)],
            "unknown_fields": [random.randbytes(ROW_BYTES // 2).hex() for _ in range(ROWS)],
        }
    )
    file = BytesIO()
    pq.write_table(table, file, compression="none", use_dictionary=False, row_group_size=100)
    cloud.client("s3").put_object(Bucket=bucket, Key=KEY, Body=file.getvalue())
    mutex = MutexClient(
        client_name="end-to-end",
        dynamo_db_client=cloud.client("dynamodb"),
        table_name=cloud.environment["ERASURE_MUTEX_TABLE"],
    )
    lock = mutex.acquire_lock(MutexKey(f"s3://{bucket}/{KEY}"), lease_duration=300)
    assert lock is not None
    road.request("large", ERASED)
    wait_until(was_put_off, what="a worker gives up waiting", at_most_s=90)
    mutex.release_lock(lock)
    return table


def was_put_off() -> bool:
    requests = Requests(Digest(b"only read here"), lambda: datetime.now(UTC))
    return any(location.attempts for location in requests.locations_of("large"))


def test_it_is_purged_once_the_lock_is_gone(
    road: Road, cloud: LocalCloud, bucket: str, before: pa.Table
) -> None:
    wait_until(lambda: road.is_closed("large"), what="the request closes", at_most_s=90)

    stored = cloud.client("s3").get_object(Bucket=bucket, Key=KEY)["Body"].read()
    left = pq.read_table(BytesIO(stored), partitioning=None)

    kept = [each not in ERASED for each in before["profile_id"].to_pylist()]
    assert left.equals(before.filter(pa.array(kept)))
    assert road.status("large") == "COMPLETED"


def test_no_older_version_of_it_is_left(cloud: LocalCloud, bucket: str, before: pa.Table) -> None:
    versions = cloud.client("s3").list_object_versions(Bucket=bucket, Prefix=KEY)

    assert before.num_rows == ROWS
    assert len(versions["Versions"]) == 1
    assert not versions.get("DeleteMarkers")
