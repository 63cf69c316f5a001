"""The delivery stream behaves as Firehose does, as far as ingestion leans on it."""

import base64
import io
import json
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.contract.local_cloud.cloud import Cloud, columns_of_profiles, eventually, fresh_name

ROLE = "arn:aws:iam::123456789012:role/anybody"
TRANSFORM = """
import base64, json

def handler(event, context):
    assert set(event) == {"invocationId", "deliveryStreamArn", "region", "records"}
    print("transform", len(event["records"]))
    return {"records": [answer(record) for record in event["records"]]}

def answer(record):
    document = json.loads(base64.b64decode(record["data"]))
    result = document.pop("result", "Ok")
    dt = document.pop("dt", "2026-01-31")
    if document.pop("show_metadata", False):
        document["unknown_fields"] = json.dumps(record["kinesisRecordMetadata"])
    data = base64.b64encode(json.dumps(document).encode()).decode()
    return {
        "recordId": record["recordId"],
        "result": result,
        "data": data,
        "metadata": {"partitionKeys": {"dt": dt}},
    }
"""
PROFILE = {
    "profile_id": "ann",
    "address": {"street": "Hafenweg 1", "city": "Kiel"},
    "preferences": ["aisle", "vegan"],
    "lifetime_spend": "1234.50",
    "visits": 7,
    "consents": [{"purpose": "ads", "granted": True, "at": "2026-01-31T10:00:00.123456Z"}],
    "updated_at": "2026-01-31T10:00:00Z",
}


class Lake:
    """A delivery stream into a bucket, fed by a Kinesis stream."""

    def __init__(self, cloud: Cloud, *, seconds: int = 1, megabytes: int = 64) -> None:
        self.cloud = cloud
        self.bucket = cloud.bucket()
        self.stream = fresh_name()
        database = fresh_name()
        cloud.kinesis.create_stream(StreamName=self.stream, ShardCount=2)
        cloud.glue.create_database(DatabaseInput={"Name": database})
        cloud.glue.create_table(
            DatabaseName=database,
            TableInput={
                "Name": "profiles",
                "StorageDescriptor": {
                    "Columns": columns_of_profiles(),
                    "Location": f"s3://{self.bucket}/profiles/",
                },
            },
        )
        function = cloud.function(TRANSFORM)
        arn = cloud.kinesis.describe_stream_summary(StreamName=self.stream)
        cloud.firehose.create_delivery_stream(
            DeliveryStreamName=self.stream,
            DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={
                "KinesisStreamARN": arn["StreamDescriptionSummary"]["StreamARN"],
                "RoleARN": ROLE,
            },
            ExtendedS3DestinationConfiguration=_destination(
                self.bucket, database, function, seconds, megabytes
            ),
        )

    def put(self, *documents: dict[str, Any]) -> None:
        records = [
            {"Data": json.dumps(document).encode(), "PartitionKey": str(number)}
            for number, document in enumerate(documents)
        ]
        self.cloud.kinesis.put_records(StreamName=self.stream, Records=records)

    def objects(self, prefix: str) -> list[str]:
        return self.cloud.objects(self.bucket, prefix)

    def parquet(self, key: str) -> pq.ParquetFile:
        return pq.ParquetFile(io.BytesIO(self.cloud.body(self.bucket, key)))

    def errors(self) -> list[dict[str, Any]]:
        (key,) = eventually(lambda: self.objects("errors/"))
        return [json.loads(line) for line in self.cloud.body(self.bucket, key).splitlines()]


def _destination(
    bucket: str, database: str, function: str, seconds: int, megabytes: int
) -> dict[str, Any]:
    return {
        "BucketARN": f"arn:aws:s3:::{bucket}",
        "RoleARN": ROLE,
        "Prefix": "profiles/dt=!{partitionKeyFromLambda:dt}/",
        "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/!{timestamp:yyyy-MM-dd}/",
        "BufferingHints": {"IntervalInSeconds": seconds, "SizeInMBs": megabytes},
        "DynamicPartitioningConfiguration": {"Enabled": True},
        "ProcessingConfiguration": {
            "Enabled": True,
            "Processors": [
                {
                    "Type": "Lambda",
                    "Parameters": [{"ParameterName": "LambdaArn", "ParameterValue": function}],
                }
            ],
        },
        "DataFormatConversionConfiguration": {
            "Enabled": True,
            "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
            "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {"Compression": "GZIP"}}},
            "SchemaConfiguration": {
                "DatabaseName": database,
                "TableName": "profiles",
                "RoleARN": ROLE,
            },
        },
    }


@pytest.fixture(scope="module")
def lake(cloud: Cloud) -> Lake:
    return Lake(cloud)


def test_many_records_become_one_object_with_one_row_group(cloud: Cloud) -> None:
    lake = Lake(cloud)

    lake.put(*({**PROFILE, "visits": number} for number in range(300)))
    lake.put(*({**PROFILE, "visits": number} for number in range(300, 600)))

    (key,) = eventually(lambda: lake.objects("profiles/"))
    file = lake.parquet(key)
    assert key.startswith("profiles/dt=2026-01-31/")
    assert file.num_row_groups == 1
    assert sorted(file.read()["visits"].to_pylist()) == list(range(600))
    assert file.metadata.row_group(0).column(0).compression == "GZIP"


def test_a_full_buffer_does_not_wait_for_its_time(cloud: Cloud) -> None:
    lake = Lake(cloud, seconds=900, megabytes=1)

    lake.put(*({"profile_id": "x" * 300_000} for _ in range(4)))

    assert eventually(lambda: lake.objects("profiles/"))


def test_values_have_the_types_of_the_glue_table(lake: Lake) -> None:
    lake.put({**PROFILE, "dt": "2026-02-01"})

    (key,) = eventually(lambda: lake.objects("profiles/dt=2026-02-01/"))
    (row,) = lake.parquet(key).read().to_pylist()
    assert row["lifetime_spend"] == Decimal("1234.50")
    assert row["address"]["city"] == "Kiel"
    assert row["address"]["country"] is None
    assert row["preferences"] == ["aisle", "vegan"]
    assert str(row["consents"][0]["at"]) == "2026-01-31 10:00:00.123456"
    assert row["email"] is None
    schema = lake.parquet(key).schema
    assert [schema.column(at).physical_type for at in range(len(schema))][-2] == "INT96"


def test_each_partition_key_of_the_transform_has_objects_of_its_own(lake: Lake) -> None:
    lake.put({**PROFILE, "dt": "2026-03-01"}, {**PROFILE, "dt": "2026-03-02"})

    eventually(lambda: lake.objects("profiles/dt=2026-03-01/"))
    assert eventually(lambda: lake.objects("profiles/dt=2026-03-02/"))


def test_the_transform_sees_where_a_record_came_from(lake: Lake) -> None:
    lake.put({**PROFILE, "show_metadata": True, "dt": "2026-04-01"})

    (key,) = eventually(lambda: lake.objects("profiles/dt=2026-04-01/"))
    (row,) = lake.parquet(key).read().to_pylist()
    metadata = json.loads(row["unknown_fields"])
    assert metadata["partitionKey"] == "0"
    assert metadata["shardId"].startswith("shardId-")
    assert metadata["sequenceNumber"].isdigit()


def test_a_dropped_record_leaves_nothing(cloud: Cloud) -> None:
    lake = Lake(cloud)

    lake.put({**PROFILE, "result": "Dropped"}, {**PROFILE, "profile_id": "kept"})

    (key,) = eventually(lambda: lake.objects(""))
    assert lake.parquet(key).read()["profile_id"].to_pylist() == ["kept"]


def test_a_record_that_failed_in_the_transform_is_kept_as_it_came(cloud: Cloud) -> None:
    lake = Lake(cloud)

    lake.put({**PROFILE, "result": "ProcessingFailed"})

    (error,) = lake.errors()
    assert json.loads(base64.b64decode(error["rawData"]))["result"] == "ProcessingFailed"
    assert error["errorCode"] == "Lambda.ProcessingFailedStatus"
    assert lake.objects("errors/processing-failed/")
    assert not lake.objects("profiles/")


@pytest.mark.parametrize(
    "unfitting",
    [
        {"visits": "many"},
        {"visits": 2**31},
        {"visits": "1e999999"},
        {"visits": "NaN"},
        {"updated_at": "9999-12-31T00:00:00Z"},
        {"updated_at": "yesterday"},
        {"address": "Hafenweg 1"},
        {"preferences": "aisle"},
    ],
)
def test_a_record_that_does_not_fit_the_table_fails_alone(
    cloud: Cloud, unfitting: dict[str, Any]
) -> None:
    lake = Lake(cloud, seconds=0)

    lake.put({**PROFILE, **unfitting}, PROFILE)

    (error,) = lake.errors()
    assert error["lastErrorCode"] == "DataFormatConversion.MalformedData"
    assert error["dataCatalogTable"]["tableName"] == "profiles"
    (key,) = eventually(lambda: lake.objects("profiles/"))
    assert lake.parquet(key).metadata.num_rows == 1


def test_half_a_surrogate_pair_becomes_a_question_mark(lake: Lake) -> None:
    lake.put({**PROFILE, "first_name": "A\ud83d", "dt": "2026-05-01"})

    (key,) = eventually(lambda: lake.objects("profiles/dt=2026-05-01/"))
    assert lake.parquet(key).read()["first_name"].to_pylist() == ["A?"]


def test_a_transform_that_fails_loses_no_record(cloud: Cloud) -> None:
    lake = Lake(cloud)

    lake.cloud.kinesis.put_record(StreamName=lake.stream, Data=b"not JSON", PartitionKey="a")

    (error,) = lake.errors()
    assert base64.b64decode(error["rawData"]) == b"not JSON"
    assert error["errorCode"] == "Lambda.FunctionError"
    assert error["attemptsMade"] == 4
