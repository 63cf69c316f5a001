"""Lambda functions behind queues, as far as the services lean on them."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from infra.local.emulator import function_logs
from infra.local.observation import function_log_lines
from tests.contract.local_cloud.cloud import ROLE, Cloud, eventually, fresh_name

REPORTING = """
import json

def handler(event, context):
    failed = [r["messageId"] for r in event["Records"] if r["body"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": failed_id} for failed_id in failed]}
"""
MEETING = """
import boto3, os, time

table = boto3.client("dynamodb")

def handler(event, context):
    for record in event["Records"]:
        table.put_item(TableName=record["body"], Item={
            "pk": {"S": record["messageId"]}, "worker": {"S": str(os.getpid())}})
        deadline = time.monotonic() + 8
        while table.scan(TableName=record["body"], Select="COUNT")["Count"] < 4:
            assert time.monotonic() < deadline, "the others do not come"
            time.sleep(0.05)
"""


def consumed_by(cloud: Cloud, function_arn: str, queue_arn: str, **settings: Any) -> None:
    cloud.lambda_.create_event_source_mapping(
        EventSourceArn=queue_arn, FunctionName=function_arn, **settings
    )


def log_of(cloud: Cloud, function_arn: str) -> str:
    name = function_arn.rpartition(":")[2]
    lines = function_log_lines(function_logs(cloud.emulator.state_dir))
    return "\n".join(line.text for line in lines if line.function == name)


def test_only_the_failed_messages_of_a_batch_come_again_and_end_as_dead_letters(
    cloud: Cloud,
) -> None:
    dead_url, dead_arn = cloud.queue()
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    queue_url, queue_arn = cloud.queue(RedrivePolicy=redrive, VisibilityTimeout="1")
    entries = [
        {"Id": str(n), "MessageBody": body} for n, body in enumerate(["good", "bad", "good"])
    ]
    cloud.sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)

    consumed_by(
        cloud,
        cloud.function(REPORTING, timeout_s=1),
        queue_arn,
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )

    (dead,) = eventually(lambda: cloud.messages(dead_url))
    left = cloud.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
    assert dead["Body"] == "bad"
    assert left["ApproximateNumberOfMessages"] == "0"


@pytest.mark.parametrize(
    "response",
    [
        {"batchItemFailures": [{"itemIdentifier": "unknown"}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"id": "wrong name"}]},
        "text",
    ],
)
def test_a_batch_response_that_names_no_message_of_the_batch_loses_none(
    cloud: Cloud, response: object
) -> None:
    dead_url, dead_arn = cloud.queue()
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
    queue_url, queue_arn = cloud.queue(RedrivePolicy=redrive, VisibilityTimeout="1")
    function = cloud.function(f"def handler(e, c):\n    return {response!r}\n", timeout_s=1)
    consumed_by(cloud, function, queue_arn, FunctionResponseTypes=["ReportBatchItemFailures"])

    cloud.sqs.send_message(QueueUrl=queue_url, MessageBody="not lost")

    (dead,) = eventually(lambda: cloud.messages(dead_url))
    assert dead["Body"] == "not lost"


def test_four_workers_of_one_function_work_at_the_same_time(cloud: Cloud) -> None:
    table = fresh_name()
    cloud.dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    queue_url, queue_arn = cloud.queue(VisibilityTimeout="30")
    consumed_by(
        cloud,
        cloud.function(MEETING, timeout_s=20),
        queue_arn,
        BatchSize=1,
        ScalingConfig={"MaximumConcurrency": 4},
    )

    for _ in range(4):
        cloud.sqs.send_message(QueueUrl=queue_url, MessageBody=table)

    def workers() -> set[str]:
        found = cloud.dynamodb.scan(TableName=table)["Items"]
        return {item["worker"]["S"] for item in found} if len(found) == 4 else set()

    assert len(eventually(workers)) == 4


def test_no_more_workers_than_the_mapping_allows(cloud: Cloud) -> None:
    source = "import time, os\ndef handler(e, c):\n    print('begin', flush=True); time.sleep(.4)\n"
    queue_url, queue_arn = cloud.queue(VisibilityTimeout="30")
    function = cloud.function(source)
    consumed_by(cloud, function, queue_arn, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})

    for number in range(6):
        cloud.sqs.send_message(QueueUrl=queue_url, MessageBody=str(number))
    eventually(lambda: "begin" in log_of(cloud, function))
    time.sleep(0.3)

    assert log_of(cloud, function).count("begin") <= 4


def test_a_function_that_takes_too_long_is_killed_and_the_message_comes_again(
    cloud: Cloud,
) -> None:
    source = "import time\ndef handler(e, c):\n    print('tried', flush=True)\n    time.sleep(60)\n"
    queue_url, queue_arn = cloud.queue(VisibilityTimeout="2")
    function = cloud.function(source, timeout_s=1)
    consumed_by(cloud, function, queue_arn, BatchSize=1)

    cloud.sqs.send_message(QueueUrl=queue_url, MessageBody="slow")

    eventually(lambda: log_of(cloud, function).count("tried") >= 2)
    assert "Task timed out after 1.00 seconds" in log_of(cloud, function)


def test_the_context_tells_the_time_that_is_left(cloud: Cloud) -> None:
    source = "def handler(e, c):\n    return c.get_remaining_time_in_millis()\n"

    answer = cloud.lambda_.invoke(FunctionName=cloud.function(source, timeout_s=10))

    assert 8000 < json.loads(answer["Payload"].read()) <= 10000


def test_every_line_and_every_unhandled_exception_is_logged(cloud: Cloud) -> None:
    source = (
        "def handler(e, c):\n"
        "    for n in range(1000):\n"
        "        print('row', n)\n"
        "    raise ValueError('unhandled')\n"
    )
    function = cloud.function(source)

    cloud.lambda_.invoke(FunctionName=function)

    eventually(lambda: "ValueError: unhandled" in log_of(cloud, function))
    assert eventually(lambda: "row 999\n" in log_of(cloud, function))
    assert log_of(cloud, function).count("row ") == 1000


def test_the_log_group_holds_the_output_too(cloud: Cloud) -> None:
    function = cloud.function("def handler(e, c):\n    print('seen')\n")

    cloud.lambda_.invoke(FunctionName=function)

    group = f"/aws/lambda/{function.rpartition(':')[2]}"
    events = cloud.logs.filter_log_events(logGroupName=group)["events"]
    assert "seen" in [event["message"] for event in events]


def test_a_function_sees_its_own_settings_and_the_emulator_and_nothing_of_our_shell(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "import os\ndef handler(e, c):\n    return dict(os.environ)\n"
    name = cloud.function(source)
    cloud.lambda_.update_function_configuration(
        FunctionName=name, Environment={"Variables": {"ERASURE_STAGE": "test"}}
    )

    answer = cloud.lambda_.invoke(FunctionName=name)

    environment = json.loads(answer["Payload"].read())
    assert environment["ERASURE_STAGE"] == "test"
    assert environment["AWS_ENDPOINT_URL"] == cloud.emulator.endpoint_url
    assert "PYTHONPATH" not in environment
    assert "VIRTUAL_ENV" not in environment


def test_workers_share_one_unpacked_copy_of_the_code(cloud: Cloud) -> None:
    source = "import os\ndef handler(e, c):\n    return os.path.realpath(__file__)\n"
    payloads = [
        json.loads(cloud.lambda_.invoke(FunctionName=name)["Payload"].read())
        for name in (cloud.function(source), cloud.function(source))
    ]

    assert len({Path(payload) for payload in payloads}) == 1


def test_a_role_is_not_checked(cloud: Cloud) -> None:
    """Roles are proved by the architecture tests of the templates, never here."""
    assert (
        cloud.lambda_.get_function(FunctionName=cloud.function("handler = print"))["Configuration"][
            "Role"
        ]
        == ROLE
    )
