"""The event bus and its queues, as far as the services lean on them."""

import json
from typing import Any

from infra.local.emulator import ACCOUNT_ID, REGION
from tests.contract.local_cloud.cloud import Cloud, eventually, fresh_name


def a_rule(cloud: Cloud, target_arn: str, pattern: dict[str, Any], **target: Any) -> str:
    bus = fresh_name()
    cloud.events.create_event_bus(Name=bus)
    cloud.events.put_rule(Name="a-rule", EventBusName=bus, EventPattern=json.dumps(pattern))
    cloud.events.put_targets(
        Rule="a-rule", EventBusName=bus, Targets=[{"Id": "1", "Arn": target_arn, **target}]
    )
    return bus


def publish(cloud: Cloud, bus: str, detail_type: str, detail: dict[str, Any]) -> None:
    cloud.events.put_events(
        Entries=[
            {
                "EventBusName": bus,
                "Source": "erasure.test",
                "DetailType": detail_type,
                "Detail": json.dumps(detail),
            }
        ]
    )


def test_an_event_reaches_the_queue_of_a_matching_rule_only(cloud: Cloud) -> None:
    queue_url, queue_arn = cloud.queue()
    pattern = {"source": ["erasure.test"], "detail-type": ["PurgeRequested"]}
    bus = a_rule(cloud, queue_arn, pattern)

    publish(cloud, bus, "LocationPurged", {"location_id": "other"})
    publish(cloud, bus, "PurgeRequested", {"location_id": "ours"})

    (message,) = eventually(lambda: cloud.messages(queue_url))
    event = json.loads(message["Body"])
    assert event["detail"] == {"location_id": "ours"}
    assert event["source"] == "erasure.test"
    assert event["detail-type"] == "PurgeRequested"


def test_an_event_for_a_queue_that_is_gone_goes_to_the_dead_letters_of_the_target(
    cloud: Cloud,
) -> None:
    dead_url, dead_arn = cloud.queue()
    gone = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:gone"
    bus = a_rule(cloud, gone, {"source": ["erasure.test"]}, DeadLetterConfig={"Arn": dead_arn})

    publish(cloud, bus, "PurgeRequested", {"location_id": "ours"})

    (message,) = eventually(lambda: cloud.messages(dead_url))
    attributes = message["MessageAttributes"]
    assert json.loads(message["Body"])["detail"] == {"location_id": "ours"}
    assert attributes["ERROR_CODE"]["StringValue"] == "NO_RESOURCE"
    assert attributes["TARGET_ARN"]["StringValue"] == gone


def test_a_target_that_is_there_gets_the_event_and_its_dead_letters_do_not(cloud: Cloud) -> None:
    queue_url, queue_arn = cloud.queue()
    dead_url, dead_arn = cloud.queue()
    pattern = {"source": ["erasure.test"]}
    bus = a_rule(cloud, queue_arn, pattern, DeadLetterConfig={"Arn": dead_arn})

    publish(cloud, bus, "PurgeRequested", {"location_id": "ours"})

    assert eventually(lambda: cloud.messages(queue_url))
    assert not cloud.messages(dead_url)


def test_a_message_received_too_often_moves_to_the_dead_letter_queue(cloud: Cloud) -> None:
    dead_url, dead_arn = cloud.queue()
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    queue_url, _ = cloud.queue(RedrivePolicy=redrive, VisibilityTimeout="0")
    cloud.sqs.send_message(QueueUrl=queue_url, MessageBody="poison")

    for _ in range(3):
        cloud.messages(queue_url)

    (message,) = eventually(lambda: cloud.messages(dead_url))
    assert message["Body"] == "poison"


def test_an_entry_that_is_no_json_is_refused_and_the_others_are_taken(cloud: Cloud) -> None:
    queue_url, queue_arn = cloud.queue()
    bus = a_rule(cloud, queue_arn, {"source": ["erasure.test"]})
    entry = {"EventBusName": bus, "Source": "erasure.test", "DetailType": "T"}

    answer = cloud.events.put_events(
        Entries=[{**entry, "Detail": detail} for detail in ('{"n": 1}', "{nonsense", '{"n": 2}')]
    )

    assert answer["FailedEntryCount"] == 1
    assert [item.get("ErrorCode") for item in answer["Entries"]] == [None, "MalformedDetail", None]
    details = [json.loads(message["Body"])["detail"] for message in cloud.messages(queue_url)]
    assert details == [{"n": 1}, {"n": 2}]
