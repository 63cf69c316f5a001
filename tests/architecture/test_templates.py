"""What a template names exists, and what the code needs the template gives."""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pynamodb.attributes import Attribute

from erasure_shared.tables import (
    ByAddress,
    ByStatus,
    ErrorItem,
    LocationItem,
    OpenRequests,
    RequestItem,
)
from infra.deployment import WAVES
from infra.trimming import AWS_SERVICES
from tests.architecture.templates import (
    ROOT,
    SERVICES,
    STACKS,
    actions,
    default,
    physical,
    resources,
    statements,
    template,
)

LOOKED_UP = "AWS::SSM::Parameter::Value<String>"
each_service = pytest.mark.parametrize("service", SERVICES)
each_stack = pytest.mark.parametrize("stack", STACKS)


def function(service: str) -> dict[str, Any]:
    return resources(service, "AWS::Serverless::Function")["Function"]


def variables(service: str) -> set[str]:
    return set(function(service)["Environment"]["Variables"])


def sources(*directories: str) -> Iterator[ast.Module]:
    """What functions run; the command line beside them runs on people's machines."""
    for directory in directories:
        for file in sorted((ROOT / directory).rglob("*.py")):
            if "cli" not in file.parts:
                yield ast.parse(file.read_text(encoding="utf-8"), str(file))


def text_arguments(tree: ast.AST, called: str) -> set[str]:
    """The first arguments of the calls of `called(...)` or `x.called(...)` that are plain text."""
    return {
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and called in (getattr(call.func, "id", ""), getattr(call.func, "attr", ""))
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }


def wired(tree: ast.AST) -> set[str]:
    """What a module takes from erasure_shared.wiring: `wiring.x`, or x imported from there."""
    attributes = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "wiring"
    }
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return attributes | {
        alias.name
        for node in imports
        if node.module == "erasure_shared.wiring"
        for alias in node.names
    }


def called_here(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def settings_read_by(service: str) -> set[str]:
    """Those the service reads itself, and those of the shared wiring that it uses."""
    wiring = ast.parse((ROOT / "shared/src/erasure_shared/wiring.py").read_text("utf-8"))
    functions = {node.name: node for node in wiring.body if isinstance(node, ast.FunctionDef)}
    code = list(sources(f"services/{service}/src"))
    used = {name for tree in code for name in wired(tree)} & set(functions)
    while further := {n for u in used for n in called_here(functions[u])} & set(functions) - used:
        used |= further
    read = [text_arguments(tree, "setting") for tree in [*code, *(functions[n] for n in used)]]
    return {f"ERASURE_{name.upper()}" for found in read for name in found}


@each_service
def test_the_handler_that_a_template_names_can_be_called(service: str) -> None:
    module, _, name = function(service)["Handler"].rpartition(".")

    assert module == f"erasure_{service}.handler"
    assert callable(getattr(importlib.import_module(module), name))


@each_service
def test_a_function_gets_the_settings_that_its_code_reads_and_no_others(service: str) -> None:
    given = {name for name in variables(service) if name.startswith("ERASURE_")}

    assert given - {"ERASURE_STAGE"} == settings_read_by(service)


@each_service
def test_logs_and_metrics_carry_the_name_of_the_service(service: str) -> None:
    given = function(service)["Environment"]["Variables"]

    assert given["POWERTOOLS_SERVICE_NAME"] == service
    assert given["POWERTOOLS_METRICS_NAMESPACE"] == "Erasure"


@each_service
def test_what_a_service_looks_up_was_written_by_a_stack_deployed_before_it(service: str) -> None:
    wave = next(number for number, wave in enumerate(WAVES) if service in wave)
    earlier = [stack for wave in WAVES[:wave] for stack in wave]
    written = {
        physical(parameter["Name"], stage="prod")
        for stack in earlier
        for parameter in resources(stack, "AWS::SSM::Parameter").values()
    }
    looked_up = {
        parameter["Default"]
        for parameter in template(service)["Parameters"].values()
        if parameter["Type"] == LOOKED_UP
    }

    assert looked_up
    assert looked_up <= written


@each_service
def test_every_parameter_of_a_template_is_used(service: str) -> None:
    text = (ROOT / "infra" / f"{service}.yaml").read_text(encoding="utf-8")
    body = text[text.index("\nResources:") :] + str(template(service).get("Conditions"))

    unused = [
        name for name in template(service)["Parameters"] if not re.search(rf"\b{name}\b", body)
    ]

    assert unused == []


def rules(service: str) -> list[dict[str, Any]]:
    """The rules that wait for events; a schedule waits for none."""
    found = resources(service, "AWS::Events::Rule").values()
    return [rule for rule in found if "EventPattern" in rule]


@each_service
def test_the_events_that_a_rule_waits_for_have_a_contract_and_a_publisher(service: str) -> None:
    for rule in rules(service):
        pattern = rule["EventPattern"]
        for detail_type in pattern["detail-type"]:
            snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", detail_type).lower()
            assert (ROOT / "schemas" / "events" / f"{snake}.v1.json").is_file()
        for source in pattern.get("source", []):
            assert source.removeprefix("erasure.") in SERVICES


@each_service
def test_an_event_that_cannot_be_delivered_goes_to_the_services_dead_letters(service: str) -> None:
    for rule in rules(service):
        for target in rule["Targets"]:
            assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}}


def test_the_lakes_table_has_the_columns_of_the_schema() -> None:
    table = resources("ingestion", "AWS::Glue::Table")["Profiles"]["TableInput"]
    columns = json.loads((ROOT / "schemas" / "tables" / "profiles.json").read_text("utf-8"))

    assert table["StorageDescriptor"]["Columns"] == columns
    assert table["PartitionKeys"] == [{"Name": "dt", "Type": "string"}]


def test_the_lakes_partitions_lie_where_delivery_puts_them() -> None:
    table = resources("ingestion", "AWS::Glue::Table")["Profiles"]["TableInput"]
    (stream,) = resources("ingestion", "AWS::KinesisFirehose::DeliveryStream").values()

    delivered = stream["ExtendedS3DestinationConfiguration"]["Prefix"]

    projected = table["Parameters"]["storage.location.template"]["Fn::Sub"]
    assert delivered == "profiles/dt=!{partitionKeyFromLambda:dt}/"
    assert projected == "s3://${LakeBucket}/profiles/dt=${!dt}/"


@pytest.mark.parametrize(
    ("table", "models", "indexes"),
    [
        ("GdprTable", [RequestItem, LocationItem], [ByAddress, OpenRequests]),
        ("ErrorTable", [ErrorItem], [ByStatus]),
    ],
)
def test_a_table_has_the_keys_and_the_indexes_of_its_models(
    table: str, models: list[Any], indexes: list[Any]
) -> None:
    def keys(model: Any) -> list[dict[str, str]]:
        kinds = [("HASH", "is_hash_key"), ("RANGE", "is_range_key")]
        return [
            {"AttributeName": name, "KeyType": kind}
            for kind, is_one in kinds
            for name, attribute in vars(model).items()
            if isinstance(attribute, Attribute) and getattr(attribute, is_one)
        ]

    declared = resources("platform", "AWS::DynamoDB::Table")[table]

    assert [keys(model) for model in models] == [declared["KeySchema"]] * len(models)
    assert {
        index["IndexName"]: (index["KeySchema"], index["Projection"]["ProjectionType"])
        for index in declared["GlobalSecondaryIndexes"]
    } == {
        index.Meta.index_name: (keys(index), index.Meta.projection.projection_type)
        for index in indexes
    }


def test_the_zips_keep_the_description_of_every_aws_service_that_the_code_calls() -> None:
    called = {
        name
        for tree in sources("shared/src", *(f"services/{service}/src" for service in SERVICES))
        for name in text_arguments(tree, "client")
    }

    assert called
    assert called <= AWS_SERVICES


def test_the_lake_demands_conditional_writes_of_the_role_that_purges() -> None:
    (role,) = resources("purge", "AWS::IAM::Role").values()
    policy = resources("platform", "AWS::S3::BucketPolicy")["LakeBucketPolicy"]

    condition = next(
        statement["Condition"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Sid"] == "PurgeReplacesOnlyWhatItRead"
    )

    assert condition["ArnEquals"]["aws:PrincipalArn"]["Fn::Sub"].endswith(
        f":role/{physical(role['RoleName'])}"
    )


@each_service
def test_no_role_may_do_everything_of_anything(service: str) -> None:
    allowed = [action for statement in statements(service) for action in actions(statement)]

    assert [action for action in allowed if "*" in action] == []


@each_service
def test_roles_name_resources_wherever_aws_knows_any(service: str) -> None:
    unbounded = {s["Sid"] for s in statements(service) if s["Resource"] == "*"}

    assert unbounded <= {"Traces", "NetworkInterfaces"}


@each_service
def test_a_service_publishes_in_its_own_name_only(service: str) -> None:
    for statement in statements(service):
        if "events:PutEvents" in actions(statement):
            assert statement["Condition"] == {
                "StringEquals": {"events:source": f"erasure.{service}"}
            }


@pytest.mark.parametrize("service", ["location", "purge"])
def test_a_message_in_work_is_hidden_six_times_as_long_as_the_work_may_take(service: str) -> None:
    assert default(service, "VisibilitySeconds") == 6 * default(service, "TimeoutSeconds")
    assert default(service, "DeadLetterVisibilitySeconds") == 6 * default(
        "adjudication", "TimeoutSeconds"
    )


@pytest.mark.parametrize("service", ["location", "purge", "adjudication"])
def test_one_failed_message_does_not_fail_its_batch(service: str) -> None:
    for source in function(service)["Events"].values():
        assert source["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize("service", ["location", "purge"])
def test_what_works_on_shared_stores_is_limited_in_number(service: str) -> None:
    for source in function(service)["Events"].values():
        assert "MaximumConcurrency" in source["Properties"]["ScalingConfig"]


@each_stack
def test_what_holds_data_is_encrypted_with_our_key(stack: str) -> None:
    key = {"platform": {"Fn::GetAtt": ["Key", "Arn"]}}.get(stack, {"Ref": "KeyArn"})
    found = [
        *(t["KmsMasterKeyId"] for t in resources(stack, "AWS::SNS::Topic").values()),
        *(q["KmsMasterKeyId"] for q in resources(stack, "AWS::SQS::Queue").values()),
        *(g["KmsKeyId"] for g in resources(stack, "AWS::Logs::LogGroup").values()),
        *(s["KmsKeyId"] for s in resources(stack, "AWS::SecretsManager::Secret").values()),
        *(
            s["StreamEncryption"]["KeyId"]
            for s in resources(stack, "AWS::Kinesis::Stream").values()
        ),
        *(
            t["SSESpecification"]["KMSMasterKeyId"]
            for t in resources(stack, "AWS::DynamoDB::Table").values()
        ),
        *(
            rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]
            for bucket in resources(stack, "AWS::S3::Bucket").values()
            for rule in bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        ),
    ]

    assert found
    assert all(each == key for each in found)


@each_stack
def test_every_queue_and_bucket_refuses_what_is_not_encrypted_on_its_way(stack: str) -> None:
    def protected(kind: str, of: str) -> set[str]:
        refusing: set[str] = set()
        for policy in resources(stack, kind).values():
            for statement in policy["PolicyDocument"]["Statement"]:
                if statement["Effect"] == "Deny" and "aws:SecureTransport" in str(statement):
                    named = policy[of] if isinstance(policy[of], list) else [policy[of]]
                    refusing |= {each["Ref"] for each in named}
        return refusing

    assert protected("AWS::SQS::QueuePolicy", "Queues") == set(resources(stack, "AWS::SQS::Queue"))
    assert protected("AWS::S3::BucketPolicy", "Bucket") == set(resources(stack, "AWS::S3::Bucket"))


@each_stack
def test_no_bucket_can_be_public(stack: str) -> None:
    for bucket in resources(stack, "AWS::S3::Bucket").values():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}


def test_data_outlives_its_stack() -> None:
    kept = {
        name
        for name, resource in template("platform")["Resources"].items()
        if resource.get("DeletionPolicy") == "RetainExceptOnCreate"
        and resource.get("UpdateReplacePolicy") == "Retain"
    }

    assert kept == {
        *("Key", "DigestKey"),
        *("GdprTable", "ErrorTable"),
        *("LakeBucket", "LakeBucketPolicy"),
    }


@each_stack
def test_a_template_fits_into_a_cloudformation_call(stack: str) -> None:
    assert Path(ROOT, "infra", f"{stack}.yaml").stat().st_size <= 51_200
