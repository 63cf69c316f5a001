"""S3 and DynamoDB keep the promises that make concurrent purges harmless."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.local_cloud.cloud import Cloud, fresh_name

LOST = {"PreconditionFailed", "ConditionalRequestConflict"}
REFUSED = {"ConditionalCheckFailedException", "TransactionCanceledException"}
CONTENDERS = 8


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def winners(attempts: list[Any]) -> int:
    """How many of the attempts, made at the same time, succeeded."""

    def won(attempt: Any) -> bool:
        try:
            attempt()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            assert code in LOST | {
                "ConditionalCheckFailedException",
                "TransactionCanceledException",
            }
            return False
        return True

    with ThreadPoolExecutor(len(attempts)) as pool:
        return sum(pool.map(won, attempts))


def test_of_many_conditional_replacements_of_an_object_one_wins(cloud: Cloud) -> None:
    bucket = cloud.bucket(versioned=True)
    for round_number in range(10):
        key = f"object-{round_number}"
        etag = cloud.s3.put_object(Bucket=bucket, Key=key, Body=b"before")["ETag"]

        def replace(number: int, key: str = key, etag: str = etag) -> None:
            cloud.s3.put_object(Bucket=bucket, Key=key, Body=b"%d" % number, IfMatch=etag)

        attempts = [lambda number=number: replace(number) for number in range(CONTENDERS)]
        assert winners(attempts) == 1


@pytest.mark.parametrize("is_named", [False, True])
def test_a_range_is_read_of_a_version(cloud: Cloud, is_named: bool) -> None:
    bucket = cloud.bucket(versioned=True)
    put = cloud.s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    named = {"VersionId": put["VersionId"]} if is_named else {}

    answer = cloud.s3.get_object(
        Bucket=bucket, Key="k", Range="bytes=2-4", IfMatch=put["ETag"], **named
    )

    assert answer["Body"].read() == b"234"
    assert answer["ContentRange"] == "bytes 2-4/10"


def test_a_replacement_of_an_object_that_is_gone_is_refused(cloud: Cloud) -> None:
    bucket = cloud.bucket(versioned=True)
    etag = cloud.s3.put_object(Bucket=bucket, Key="k", Body=b"before")["ETag"]
    cloud.s3.delete_object(Bucket=bucket, Key="k")

    with pytest.raises(ClientError) as refused:
        cloud.s3.put_object(Bucket=bucket, Key="k", Body=b"after", IfMatch=etag)

    assert code_of(refused) in LOST | {"NoSuchKey"}


def test_a_multipart_upload_is_completed_only_on_the_version_that_was_read(cloud: Cloud) -> None:
    bucket = cloud.bucket(versioned=True)
    etag = cloud.s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 6_000_000)["ETag"]
    upload = cloud.s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = cloud.s3.upload_part_copy(
        Bucket=bucket,
        Key="k",
        UploadId=upload,
        PartNumber=1,
        CopySource={"Bucket": bucket, "Key": "k"},
        CopySourceRange="bytes=0-5999999",
        CopySourceIfMatch=etag,
    )["CopyPartResult"]
    cloud.s3.put_object(Bucket=bucket, Key="k", Body=b"meanwhile")

    with pytest.raises(ClientError) as refused:
        cloud.s3.complete_multipart_upload(
            Bucket=bucket,
            Key="k",
            UploadId=upload,
            IfMatch=etag,
            MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]},
        )

    assert code_of(refused) in LOST


def test_a_part_is_not_copied_from_another_version_than_the_one_read(cloud: Cloud) -> None:
    bucket = cloud.bucket(versioned=True)
    stale = cloud.s3.put_object(Bucket=bucket, Key="k", Body=b"before")["ETag"]
    cloud.s3.put_object(Bucket=bucket, Key="k", Body=b"meanwhile")
    upload = cloud.s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]

    with pytest.raises(ClientError) as refused:
        cloud.s3.upload_part_copy(
            Bucket=bucket,
            Key="k",
            UploadId=upload,
            PartNumber=1,
            CopySource={"Bucket": bucket, "Key": "k"},
            CopySourceIfMatch=stale,
        )

    assert code_of(refused) in LOST


@pytest.mark.parametrize(
    ("first_bytes", "refusal"), [(5 * 2**20 - 1, "EntityTooSmall"), (5 * 2**20, None)]
)
def test_only_the_last_part_may_have_less_than_5_mebibytes(
    cloud: Cloud, first_bytes: int, refusal: str | None
) -> None:
    bucket = cloud.bucket()
    upload = cloud.s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    names = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    parts = [
        {"PartNumber": at, **cloud.s3.upload_part(**names, PartNumber=at, Body=b"x" * size)}
        for at, size in ((1, first_bytes), (2, 1))
    ]
    listed = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in parts]

    try:
        cloud.s3.complete_multipart_upload(**names, MultipartUpload={"Parts": listed})
        code = None
    except ClientError as error:
        code = error.response["Error"]["Code"]

    assert code == refusal


def test_older_versions_go_by_their_id_and_the_rest_stays(cloud: Cloud) -> None:
    bucket = cloud.bucket(versioned=True)
    old = cloud.s3.put_object(Bucket=bucket, Key="part-1", Body=b"old")["VersionId"]
    cloud.s3.put_object(Bucket=bucket, Key="part-1", Body=b"new")
    cloud.s3.put_object(Bucket=bucket, Key="part-10", Body=b"neighbour")

    cloud.s3.delete_object(Bucket=bucket, Key="part-1", VersionId=old)

    versions = cloud.s3.list_object_versions(Bucket=bucket, Prefix="part-1")["Versions"]
    assert [(item["Key"], item["IsLatest"]) for item in versions] == [
        ("part-1", True),
        ("part-10", True),
    ]
    assert cloud.body(bucket, "part-1") == b"new"
    with pytest.raises(ClientError):
        cloud.s3.get_object(Bucket=bucket, Key="part-1", VersionId=old)


def test_nothing_is_left_when_all_versions_and_markers_are_deleted(cloud: Cloud) -> None:
    bucket = cloud.bucket(versioned=True)
    cloud.s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    cloud.s3.delete_object(Bucket=bucket, Key="k")

    listed = cloud.s3.list_object_versions(Bucket=bucket)
    for item in [*listed["Versions"], *listed["DeleteMarkers"]]:
        cloud.s3.delete_object(Bucket=bucket, Key="k", VersionId=item["VersionId"])

    listed = cloud.s3.list_object_versions(Bucket=bucket)
    assert not listed.get("Versions")
    assert not listed.get("DeleteMarkers")


def test_metadata_of_an_object_travels_with_it(cloud: Cloud) -> None:
    bucket = cloud.bucket()
    cloud.s3.put_object(Bucket=bucket, Key="k", Body=b"1", Metadata={"nonce": "n-1"})

    head = cloud.s3.head_object(Bucket=bucket, Key="k")

    assert head["Metadata"] == {"nonce": "n-1"}
    assert cloud.s3.get_object(Bucket=bucket, Key="k", Range="bytes=0-0")["ContentLength"] == 1


@pytest.fixture
def table(cloud: Cloud) -> str:
    name = fresh_name()
    cloud.dynamodb.create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "address")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_address",
                "KeySchema": [{"AttributeName": "address", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def an_item(key: str, **attributes: str) -> dict[str, Any]:
    named = {"pk": key, "sk": "-", **attributes}
    return {name: {"S": text} for name, text in named.items()}


def test_of_many_conditional_puts_of_an_item_one_wins(cloud: Cloud, table: str) -> None:
    for round_number in range(10):

        def put(number: int, key: str = f"lock-{round_number}") -> None:
            cloud.dynamodb.put_item(
                TableName=table,
                Item=an_item(key, holder=str(number)),
                ConditionExpression="attribute_not_exists(pk)",
            )

        attempts = [lambda number=number: put(number) for number in range(CONTENDERS)]
        assert winners(attempts) == 1


def test_of_many_transactions_over_one_item_one_wins(cloud: Cloud, table: str) -> None:
    def write(number: int) -> None:
        cloud.dynamodb.transact_write_items(
            TransactItems=[
                {
                    "Put": {
                        "TableName": table,
                        "Item": an_item("request", by=str(number)),
                        "ConditionExpression": "attribute_not_exists(pk)",
                    }
                },
                {"Put": {"TableName": table, "Item": an_item(f"location-{number}")}},
            ]
        )

    attempts = [lambda number=number: write(number) for number in range(CONTENDERS)]

    assert winners(attempts) == 1
    assert cloud.dynamodb.scan(TableName=table)["Count"] == 2


def test_a_refused_condition_shows_the_item_that_stood_in_the_way(cloud: Cloud, table: str) -> None:
    cloud.dynamodb.put_item(TableName=table, Item=an_item("lock", rvn="r-1"))

    with pytest.raises(ClientError) as refused:
        cloud.dynamodb.put_item(
            TableName=table,
            Item=an_item("lock", rvn="r-2"),
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    assert code_of(refused) == "ConditionalCheckFailedException"
    assert refused.value.response["Item"]["rvn"] == {"S": "r-1"}  # type: ignore[typeddict-item]


def test_counters_lose_no_increment(cloud: Cloud, table: str) -> None:
    def add() -> None:
        cloud.dynamodb.update_item(
            TableName=table,
            Key=an_item("counter"),
            UpdateExpression="ADD purged :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    winners([add] * 32)

    item = cloud.dynamodb.get_item(TableName=table, Key=an_item("counter"))["Item"]
    assert item["purged"] == {"N": "32"}


def test_an_index_finds_items_by_their_address(cloud: Cloud, table: str) -> None:
    for number in range(3):
        cloud.dynamodb.put_item(TableName=table, Item=an_item(f"l-{number}", address="s3://b/k"))
    cloud.dynamodb.put_item(TableName=table, Item=an_item("other"))

    found = cloud.dynamodb.query(
        TableName=table,
        IndexName="by_address",
        KeyConditionExpression="address = :address",
        ExpressionAttributeValues={":address": {"S": "s3://b/k"}},
    )

    assert found["Count"] == 3


def test_an_item_larger_than_400_kilobytes_is_refused(cloud: Cloud, table: str) -> None:
    with pytest.raises(ClientError) as refused:
        cloud.dynamodb.put_item(TableName=table, Item=an_item("big", text="x" * 410_000))

    assert code_of(refused) == "ValidationException"
