"""What a purge relies on in a lake: of the fake, of S3 as moto has it, and as MiniStack has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from erasure_purge.content import Replacement
from erasure_purge.core import ObjectUri, StoredObject, stands
from erasure_purge.parquet import InMemory, Put
from erasure_purge.stores.lake import S3Lake
from erasure_purge.use_case.ports import Lake
from erasure_shared.errors import Rejected, RetryLater
from tests.contract.purge.splice import Watched
from tests.unit.purge.world import FakeLake

pytestmark = pytest.mark.local_cloud
_numbers = count(1)


@dataclass
class Shore:
    """A lake, and what its other users do to it."""

    lake: Lake
    bucket: str
    s3: Any = None

    def uri(self, key: str = "profiles/dt=1/part-1") -> ObjectUri:
        return ObjectUri(self.bucket, key)

    def put(self, uri: ObjectUri, content: bytes, **options: Any) -> None:
        if isinstance(self.lake, FakeLake):
            self.lake.put(uri, content)
        else:
            self.s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=content, **options)

    def remove(self, uri: ObjectUri) -> None:
        if isinstance(self.lake, FakeLake):
            self.lake.remove(uri)
        else:
            self.s3.delete_object(Bucket=uri.bucket, Key=uri.key)

    def found(self, uri: ObjectUri) -> StoredObject:
        stored = self.lake.find(uri)
        assert stored is not None
        return stored

    def content(self, uri: ObjectUri) -> bytes:
        return self.read(self.found(uri))

    def read(self, stored: StoredObject) -> bytes:
        with self.lake.open(stored) as content:
            return content.read(0, stored.size_bytes)


def new(content: bytes) -> Replacement:
    """Something else altogether."""
    return Replacement([Put(content)], InMemory(b""))


def _s3_shore(s3: Any, **bucket_options: Any) -> Shore:
    bucket = f"shore-{next(_numbers)}"
    s3.create_bucket(
        Bucket=bucket,
        CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
        **bucket_options,
    )
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return Shore(S3Lake(s3), bucket, s3)


@pytest.fixture(params=["fake", "moto", "ministack"])
def shore(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shore]:
    if request.param == "fake":
        yield Shore(FakeLake(), "lake")
    elif request.param == "ministack":
        yield _s3_shore(request.getfixturevalue("purge_cloud").s3)
    else:
        with mock_aws():
            yield _s3_shore(_moto_client())


@pytest.fixture(params=["moto", "ministack"])
def s3_shore(request: pytest.FixtureRequest) -> Iterator[Shore]:
    if request.param == "ministack":
        yield _s3_shore(request.getfixturevalue("purge_cloud").s3)
    else:
        with mock_aws():
            yield _s3_shore(_moto_client())


def _moto_client() -> Any:
    return boto3.client(
        "s3", "eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )


def test_what_is_not_there_is_not_found(shore: Shore) -> None:
    assert shore.lake.find(shore.uri()) is None
    assert shore.lake.versions(shore.uri()) == ()


def test_a_replacement_takes_the_place_of_what_was_read(shore: Shore) -> None:
    shore.put(shore.uri(), b"one")

    committed = shore.lake.replace(shore.found(shore.uri()), new(b"two!"), "n1")

    now = shore.found(shore.uri())
    assert committed is not None
    assert (committed.stored.version_id, committed.stored.etag) == (now.version_id, now.etag)
    assert (committed.stored.size_bytes, committed.bytes_uploaded, now.nonce) == (4, 4, "n1")
    assert shore.content(shore.uri()) == b"two!"


def test_nothing_replaces_what_was_not_read(shore: Shore) -> None:
    shore.put(shore.uri(), b"one")
    read = shore.found(shore.uri())
    shore.put(shore.uri(), b"other")

    assert shore.lake.replace(read, new(b"two"), "n1") is None
    assert shore.lake.delete(read) is None
    assert shore.content(shore.uri()) == b"other"


def test_nothing_replaces_what_is_gone(shore: Shore) -> None:
    shore.put(shore.uri(), b"one")
    read = shore.found(shore.uri())
    shore.remove(shore.uri())

    assert shore.lake.replace(read, new(b"two"), "n1") is None
    assert shore.lake.delete(read) is None


def test_the_version_that_was_found_is_the_one_that_is_read(shore: Shore) -> None:
    shore.put(shore.uri(), b"one")
    first = shore.found(shore.uri())
    shore.put(shore.uri(), b"two")

    assert shore.read(first) == b"one"


def test_a_version_that_is_gone_cannot_be_read(shore: Shore) -> None:
    shore.put(shore.uri(), b"one")
    first = shore.found(shore.uri())
    shore.put(shore.uri(), b"two")
    shore.lake.remove_versions(shore.uri(), [first.version_id])

    with pytest.raises(RetryLater) as refusal:
        shore.read(first)

    assert refusal.value.reason_code == "OBJECT_CHANGED"


def test_the_history_is_that_of_the_very_key_and_shrinks_by_version_id(shore: Shore) -> None:
    for key in ("part-1", "part-10", "part-1/x", "part-"):
        shore.put(shore.uri(key), key.encode())
    uri = shore.uri("part-1")
    shore.remove(uri)
    shore.put(uri, b"new")

    history = shore.lake.versions(uri)
    older = [version.version_id for version in history if not version.is_latest]
    shore.lake.remove_versions(uri, older)
    shore.lake.remove_versions(uri, older)

    assert sorted(v.is_marker for v in history) == [False, False, True]
    assert [v.version_id for v in shore.lake.versions(uri)] == [shore.found(uri).version_id]
    assert shore.content(shore.uri("part-10")) == b"part-10"


@pytest.mark.parametrize("versioning", [[], ["Enabled"], ["Enabled", "Suspended"]])
def test_the_history_shows_what_lies_over_a_commit(s3_shore: Shore, versioning: list[str]) -> None:
    uri = ObjectUri(f"shore-{next(_numbers)}", "part-1")
    where: Any = {"LocationConstraint": "eu-west-1"}
    s3_shore.s3.create_bucket(Bucket=uri.bucket, CreateBucketConfiguration=where)
    for status in versioning:
        s3_shore.s3.put_bucket_versioning(
            Bucket=uri.bucket, VersioningConfiguration={"Status": status}
        )
    lake = s3_shore.lake
    s3_shore.put(uri, b"one")
    first = s3_shore.found(uri)

    committed = lake.replace(first, new(b"two"), "n1")

    assert committed is not None
    history = lake.versions(uri)
    assert (stands(committed.stored, history), stands(first, history)) == (True, False)
    s3_shore.put(uri, b"one")
    assert stands(committed.stored, lake.versions(uri)) is False
    marker = lake.delete(s3_shore.found(uri))
    assert marker is not None
    emptied = StoredObject(uri, "", marker, 0)
    assert stands(emptied, lake.versions(uri))
    s3_shore.put(uri, b"one")
    assert stands(emptied, lake.versions(uri)) is False


def test_a_deletion_leaves_a_marker_that_can_be_removed(shore: Shore) -> None:
    shore.put(shore.uri(), b"one")
    read = shore.found(shore.uri())

    marker = shore.lake.delete(read)

    assert marker is not None
    assert shore.lake.find(shore.uri()) is None
    latest = [v.version_id for v in shore.lake.versions(shore.uri()) if v.is_latest]
    assert latest == [marker]
    shore.lake.remove_versions(shore.uri(), [read.version_id])
    shore.lake.remove_versions(shore.uri(), [marker])
    assert shore.lake.versions(shore.uri()) == ()


def test_what_is_not_content_stays(s3_shore: Shore) -> None:
    s3_shore.put(
        s3_shore.uri(),
        b"one",
        ContentType="application/x-parquet",
        CacheControl="no-cache",
        Metadata={"owner": "crm", "erasure-nonce": "old"},
        StorageClass="STANDARD_IA",
    )

    s3_shore.lake.replace(s3_shore.found(s3_shore.uri()), new(b"two"), "n1")

    place = {"Bucket": s3_shore.bucket, "Key": s3_shore.uri().key}
    head = s3_shore.s3.head_object(**place)
    assert head["ContentType"] == "application/x-parquet"
    assert head["CacheControl"] == "no-cache"
    assert head["Metadata"] == {"owner": "crm", "erasure-nonce": "n1"}
    assert head["StorageClass"] == "STANDARD_IA"


in_parts_or_at_once = pytest.mark.parametrize(
    "splice_from_bytes", [1, 1_000], ids=["in parts", "at once"]
)


@in_parts_or_at_once
def test_tags_stay(splice_from_bytes: int) -> None:
    """moto alone: MiniStack's HEAD does not count tags, and its uploads in parts lose them."""
    with mock_aws():
        shore = _s3_shore(_moto_client())
        shore.lake = S3Lake(shore.s3, splice_from_bytes=splice_from_bytes)
        shore.put(shore.uri(), b"one", Tagging="team=a%20%3D%20b&tier=1")

        shore.lake.replace(shore.found(shore.uri()), new(b"two"), "n1")

        tags = shore.s3.get_object_tagging(Bucket=shore.bucket, Key=shore.uri().key)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "a = b", "tier": "1"}


@pytest.mark.parametrize(
    "beside",
    [{"Metadata": {"first": "person-0001"}}, {"Tagging": "whose=person-0001"}, {}],
    ids=["user metadata", "tag", "nothing"],
)
def test_what_stands_beside_the_content_may_name_somebody(beside: dict[str, Any]) -> None:
    with mock_aws():
        shore = _s3_shore(_moto_client())
        shore.put(shore.uri(), b"one", **beside)
        stored = shore.found(shore.uri())

        assert shore.lake.names(stored, {"person-0001", "7"}) is bool(beside)
        assert not shore.lake.names(stored, {"person-0002", "1"})


def test_ones_own_success_is_recognised_when_s3_refuses_its_repetition(s3_shore: Shore) -> None:
    s3_shore.put(s3_shore.uri(), b"one")
    read = s3_shore.found(s3_shore.uri())
    first = s3_shore.lake.replace(read, new(b"two"), "n1")

    again = s3_shore.lake.replace(read, new(b"two"), "n1")

    assert first is not None
    assert again is not None
    assert again.stored.version_id == first.stored.version_id


@pytest.mark.parametrize(
    ("lock", "code"),
    [
        ({"ObjectLockLegalHoldStatus": "ON"}, "LEGAL_HOLD"),
        (
            {
                "ObjectLockMode": "COMPLIANCE",
                "ObjectLockRetainUntilDate": datetime.now(UTC) + timedelta(days=1),
            },
            "OBJECT_LOCKED",
        ),
    ],
)
def test_locked_objects_are_recognised_and_their_versions_stay(
    lock: dict[str, Any], code: str
) -> None:
    with mock_aws():
        shore = _s3_shore(_moto_client(), ObjectLockEnabledForBucket=True)
        shore.put(shore.uri(), b"one", **lock)
        stored = shore.found(shore.uri())
        shore.put(shore.uri(), b"two")

        with pytest.raises(Rejected) as refusal:
            shore.lake.remove_versions(shore.uri(), [stored.version_id])

    assert stored.hindrance == code
    assert refusal.value.reason_code == "VERSION_LOCKED"


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_archived_objects_are_recognised(s3_shore: Shore, storage_class: str) -> None:
    s3_shore.put(s3_shore.uri(), b"one", StorageClass=storage_class)

    assert s3_shore.found(s3_shore.uri()).hindrance == "OBJECT_ARCHIVED"


def test_a_restored_object_is_written_unarchived() -> None:
    """moto alone: it restores at once."""
    with mock_aws():
        shore = _s3_shore(_moto_client())
        shore.put(shore.uri(), b"one", StorageClass="GLACIER")
        place = {"Bucket": shore.bucket, "Key": shore.uri().key}
        shore.s3.restore_object(**place, RestoreRequest={"Days": 1})
        stored = shore.found(shore.uri())

        committed = shore.lake.replace(stored, new(b"two"), "n1")

        assert committed is not None
        assert shore.read(committed.stored) == b"two"
        now = shore.found(shore.uri())
        assert "StorageClass" not in shore.s3.head_object(**place)
    assert (stored.hindrance, stored.restored_from) == (None, "GLACIER")
    assert (now.hindrance, now.restored_from) == (None, None)


EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
CANONICAL = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"


@in_parts_or_at_once
def test_grants_stay(splice_from_bytes: int) -> None:
    with mock_aws():
        shore = _s3_shore(_moto_client(), ObjectOwnership="ObjectWriter")
        shore.lake = S3Lake(shore.s3, splice_from_bytes=splice_from_bytes)
        place = {"Bucket": shore.bucket, "Key": shore.uri().key}
        granted = {"GrantRead": f'uri="{EVERYBODY}"', "GrantFullControl": f'id="{CANONICAL}"'}
        shore.put(shore.uri(), b"one", **granted)
        before = shore.s3.get_object_acl(**place)["Grants"]

        shore.lake.replace(shore.found(shore.uri()), new(b"two"), "n1")

        after = shore.s3.get_object_acl(**place)["Grants"]
    assert len(before) == 2
    assert sorted(map(str, after)) == sorted(map(str, before))


def test_a_grant_that_cannot_be_granted_again_is_for_a_person_to_see(s3_shore: Shore) -> None:
    s3_shore.put(s3_shore.uri(), b"one")
    unknown = {"Grantee": {"Type": "Something", "ID": "x"}, "Permission": "READ"}
    answer = {"Owner": {"ID": "o"}, "Grants": [unknown]}
    lake: Any = S3Lake(Watched(s3_shore.s3, get_object_acl=lambda **_: answer))  # type: ignore[arg-type]

    with pytest.raises(Rejected) as refusal:
        lake.replace(s3_shore.found(s3_shore.uri()), new(b"two"), "n1")

    assert refusal.value.reason_code == "UNKNOWN_GRANT"
    assert s3_shore.content(s3_shore.uri()) == b"one"


def test_an_object_of_its_owner_alone_is_written_without_grants(s3_shore: Shore) -> None:
    """A bucket that enforces its owner refuses every other grant."""
    s3_shore.put(s3_shore.uri(), b"one")

    committed = s3_shore.lake.replace(s3_shore.found(s3_shore.uri()), new(b"two"), "n1")

    assert committed is not None


def test_a_bucket_without_versions_is_served_too(s3_shore: Shore) -> None:
    s3_shore.s3.put_bucket_versioning(
        Bucket=s3_shore.bucket, VersioningConfiguration={"Status": "Suspended"}
    )
    s3_shore.put(s3_shore.uri(), b"one")

    committed = s3_shore.lake.replace(s3_shore.found(s3_shore.uri()), new(b"two"), "n1")

    assert committed is not None
    assert s3_shore.read(committed.stored) == b"two"


def test_a_bucket_that_does_not_exist_is_an_error_and_no_absence(s3_shore: Shore) -> None:
    with pytest.raises(ClientError):
        s3_shore.lake.versions(ObjectUri("no-such-bucket-of-ours", "key"))
