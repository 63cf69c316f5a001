"""What roles allow and what recorded calls need, as actions on resources, in the stage `local`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from tests.architecture.function_calls import Call
from tests.architecture.templates import actions, resources

ACCOUNT, REGION, STAGE = "123456789012", "eu-west-1", "local"
_TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/"
ROLES = {
    "erasure-local-ingestion-transform": ("ingestion", "Role"),
    "erasure-local-location": ("location", "Role"),
    "erasure-local-purge": ("purge", "Role"),
    "erasure-local-adjudication": ("adjudication", "Role"),
    "erasure-local-watch": ("adjudication", "WatchRole"),
}
"""The role of each function: its stack, its logical id."""

_DEPLOYED_WITH = {"DynamoDbTableArns": f"{_TABLE}loyalty_accounts,{_TABLE}web_sessions"}
_VALUES = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "Stage": STAGE,
    "BusName": "erasure-local",
    "BusArn": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/erasure-local",
    "GdprTable": "erasure-local-gdpr",
    "ErrorTable": "erasure-local-errors",
    "MutexTable": "erasure-local-mutex",
    "LakeBucket": f"erasure-local-lake-{ACCOUNT}",
    "AthenaBucket": f"erasure-local-athena-{ACCOUNT}",
    "AthenaWorkgroup": "erasure-local",
    "GlueDatabase": "erasure_local",
    "KeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/k",
    "DigestSecretArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:erasure/local/digest-*",
    "PostgresqlSecretArn": (
        f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:erasure/local/postgresql-*"
    ),
    **{
        f"{service.capitalize()}DeadLetterQueueArn": (
            f"arn:aws:sqs:{REGION}:{ACCOUNT}:erasure-local-{service}-dead-letters"
        )
        for service in ("location", "purge")
    },
}


class Permission(NamedTuple):
    """An action on a resource; `*` stands for anything."""

    action: str
    resource: str
    statement: str = ""


def granted(function: str) -> set[Permission]:
    """What the function's role allows."""
    stack, role = ROLES[function]
    policies = resources(stack, "AWS::IAM::Role", **_DEPLOYED_WITH)[role]["Policies"]
    return {
        Permission(action, resource, f"{statement['Sid']}: {action}")
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        for action in actions(statement)
        for resource in _texts(_value(statement["Resource"], stack))
    }


def allows(granted: Permission, needed: Permission) -> bool:
    """Whether a permission covers a need; IAM's `*` and `?`."""
    if granted.action != needed.action:
        return False
    return needed.resource == "*" or fnmatchcase(needed.resource, granted.resource)


def needed(call: Call) -> Iterator[Permission]:
    """What IAM asks for a recorded call (Service Authorization Reference)."""
    if call["service"] == "s3":
        yield from _needed_in_s3(call)
    elif call["service"] == "dynamodb":
        yield from _needed_in_dynamodb(call)
    else:
        action = f"{call['service']}:{call['operation']}"
        yield from (Permission(action, arn) for arn in _touched(call))


def _touched(call: Call) -> list[str]:
    match call:
        case {"service": "sqs"}:
            queue = str(call.get("QueueUrl", call.get("QueueName", "*"))).rsplit("/", 1)[-1]
            return [f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"]
        case {"service": "events", "buses": buses}:
            names = [str(bus).rsplit("/", 1)[-1] for bus in buses]
            return [f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{name}" for name in names]
        case {"service": "ssm", "Name": name}:
            return [f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name}"]
        case {"service": "secretsmanager", "SecretId": secret}:
            return [secret]
        case {"service": "athena", "WorkGroup": group}:
            return [f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/{group}"]
    return ["*"]


_IN_S3 = {
    "HeadObject": "GetObject",
    "HeadBucket": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListParts": "ListMultipartUploadParts",
    "DeleteObjects": "DeleteObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
}
_OF_A_VERSION = {"GetObject", "DeleteObject", "GetObjectTagging", "PutObjectTagging"}


def _needed_in_s3(call: Call) -> Iterator[Permission]:
    operation = str(call["operation"])
    action = _IN_S3.get(operation, operation)
    bucket = f"arn:aws:s3:::{call['Bucket']}"
    if "Bucket" in action:
        yield Permission(f"s3:{action}", bucket)
        return
    if call.get("with_version") and action in _OF_A_VERSION:
        action = action.replace("Object", "ObjectVersion")
    key = f"{bucket}/{call['folder']}/x" if call.get("folder") else f"{bucket}/x"
    yield Permission(f"s3:{action}", "*" if operation == "DeleteObjects" else key)
    if call.get("with_tags"):
        yield Permission("s3:PutObjectTagging", key)
    if source := call.get("source"):
        read = "GetObjectVersion" if source["version"] else "GetObject"
        yield Permission(f"s3:{read}", f"arn:aws:s3:::{source['bucket']}/profiles/x")


_IN_A_TRANSACTION = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


def _needed_in_dynamodb(call: Call) -> Iterator[Permission]:
    if "tables" in call:
        wanted = [_IN_A_TRANSACTION[kind] for kind in call["kinds"]] or [call["operation"]]
        for table in call["tables"]:
            yield from (Permission(f"dynamodb:{action}", _TABLE + table) for action in wanted)
        return
    index = f"/index/{call['IndexName']}" if "IndexName" in call else ""
    yield Permission(f"dynamodb:{call['operation']}", f"{_TABLE}{call['TableName']}{index}")


def _texts(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _value(node: Any, stack: str) -> Any:
    """A resource of a statement as ARNs."""
    if isinstance(node, str):
        return node
    if isinstance(node, list):
        return [text for each in node for text in _texts(_value(each, stack))]
    ((function, argument),) = node.items()
    match function:
        case "Ref":
            text = {**_VALUES, **_DEPLOYED_WITH}[argument]
            return text.split(",") if argument.endswith("Arns") else text
        case "Fn::GetAtt":
            queue = resources(stack, "AWS::SQS::Queue")[argument[0]]
            return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{_value(queue['QueueName'], stack)}"
        case "Fn::Sub":
            text, inner = argument if isinstance(argument, list) else (argument, {})
            values = _VALUES | {name: _value(value, stack) for name, value in inner.items()}
            return re.sub(r"\$\{([^}!]+)\}", lambda match: values[match[1]], text)
        case "Fn::Join":
            return argument[0].join(_texts(_value(argument[1], stack)))
        case "Fn::Split":
            return _value(argument[1], stack).split(argument[0])
    raise ValueError(function)
