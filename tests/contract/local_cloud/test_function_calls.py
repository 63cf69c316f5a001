"""What functions call is noted: which operation on what, and nothing that may be personal."""

from __future__ import annotations

import json
from typing import Any

from infra.local.emulator import function_calls
from tests.contract.local_cloud.cloud import Cloud

SOURCE = """
import boto3
def handler(event, context):
    s3 = boto3.client("s3")
    for _ in range(2):
        s3.put_object(Bucket=event["bucket"], Key="folder/of-ann-example", Body=b"x")
    boto3.client("dynamodb").list_tables()
"""


def calls(cloud: Cloud, arn: str) -> list[dict[str, Any]]:
    folder = function_calls(cloud.emulator.state_dir)
    text = (folder / f"{arn.rpartition(':')[2]}.jsonl").read_text(encoding="utf-8")
    assert "ann-example" not in text
    return [json.loads(line) for line in text.splitlines()]


def test_each_operation_is_noted_once_with_the_names_of_what_it_touches(cloud: Cloud) -> None:
    bucket, arn = cloud.bucket(), cloud.function(SOURCE)

    payload = json.dumps({"bucket": bucket}).encode()
    cloud.lambda_.invoke(FunctionName=arn, Payload=payload)

    noted = [(each["service"], each["operation"]) for each in calls(cloud, arn)]
    put = next(each for each in calls(cloud, arn) if each["operation"] == "PutObject")
    assert noted == [("s3", "PutObject"), ("dynamodb", "ListTables")]
    assert (put["Bucket"], put["folder"]) == (bucket, "folder")
