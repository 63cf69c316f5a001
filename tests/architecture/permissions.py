"""What roles allow and what recorded calls need, as actions on resources, in the stage `local`.

A service that is not known here is an error: who calls it says which ARNs it is about.
"""

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
    "CodeBucket": f"erasure-local-artifacts-{ACCOUNT}",
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
        for resource in _texts(value(statement["Resource"], stack))
    }


def allows(granted: Permission, needed: Permission) -> bool:
    """Whether a permission covers a need; IAM's `*` and `?`."""
    return granted.action == needed.action and fnmatchcase(needed.resource, granted.resource)


def needed(call: Call) -> Iterator[Permission]:
    """What IAM asks for a recorded call (Service Authorization Reference)."""
    if call["service"] == "s3":
        yield from _needed_in_s3(call)
    elif call["service"] == "dynamodb":
        yield from _needed_in_dynamodb(call)
    else:
        action = action_of(call["service"], call["operation"])
        yield from (Permission(action, arn) for arn in _touched(call))


def action_of(service: str, operation: str) -> str:
    """The action that IAM asks for in the first place."""
    return f"{service}:{_IN_S3.get(operation, operation) if service == 's3' else operation}"


def _touched(call: Call) -> list[str]:
    prefix = f"{REGION}:{ACCOUNT}"
    match call:
        case {"service": "sqs"}:
            queue = str(call.get("QueueUrl", call.get("QueueName", "*"))).rsplit("/", 1)[-1]
            return [f"arn:aws:sqs:{prefix}:{queue}"]
        case {"service": "events", "buses": buses}:
            names = [str(bus).rsplit("/", 1)[-1] for bus in buses]
            return [f"arn:aws:events:{prefix}:event-bus/{name}" for name in names]
        case {"service": "ssm", "Name": name}:
            return [f"arn:aws:ssm:{prefix}:parameter{name}"]
        case {"service": "secretsmanager", "SecretId": secret}:
            return [secret]
        case {"service": "athena", "WorkGroup": group}:
            return [f"arn:aws:athena:{prefix}:workgroup/{group}"]
        case {"service": "athena"}:
            return [f"arn:aws:athena:{prefix}:workgroup/{_VALUES['AthenaWorkgroup']}"]
        case {"service": "glue", "operation": "GetTable", "DatabaseName": database, "Name": table}:
            table_arn = f"arn:aws:glue:{prefix}:table/{database}/{table}"
            return [
                f"arn:aws:glue:{prefix}:catalog",
                f"arn:aws:glue:{prefix}:database/{database}",
                table_arn,
            ]
    raise ValueError(f"which resources {call['service']}:{call['operation']} touches is not known")


_IN_S3 = {
    "HeadObject": "GetObject",
    "HeadBucket": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListParts": "ListMultipartUploadParts",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "DeleteObjects": "DeleteObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
}
_OF_A_VERSION = {
    "GetObject",
    "GetObjectAcl",
    "DeleteObject",
    "GetObjectTagging",
    "PutObjectTagging",
}


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
    yield Permission(f"s3:{action}", f"{bucket}/*" if operation == "DeleteObjects" else key)
    if call.get("if_match"):  # S3 User Guide, "Enforce conditional deletes", and so for writes
        yield Permission("s3:GetObject", key)
    if call.get("with_tags"):
        yield Permission("s3:PutObjectTagging", key)
    if source := call.get("source"):
        read = "GetObjectVersion" if source["version"] else "GetObject"
        yield Permission(f"s3:{read}", f"arn:aws:s3:::{source['bucket']}/{source['folder']}/x")


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


def value(node: Any, stack: str) -> Any:
    """A resource or a value of a statement, as text or texts."""
    if isinstance(node, str):
        return node
    if isinstance(node, list):
        return [text for each in node for text in _texts(value(each, stack))]
    ((function, argument),) = node.items()
    match function:
        case "Ref":
            text = {**_VALUES, **_DEPLOYED_WITH}[argument]
            return text.split(",") if argument.endswith("Arns") else text
        case "Fn::GetAtt":
            return _arn_of(argument[0], stack)
        case "Fn::Sub":
            return _substituted(argument, stack)
        case "Fn::Join":
            return argument[0].join(_texts(value(argument[1], stack)))
        case "Fn::Split":
            return value(argument[1], stack).split(argument[0])
    raise ValueError(function)


def _arn_of(logical_id: str, stack: str) -> str:
    if logical_id in resources(stack, "AWS::S3::Bucket"):
        return f"arn:aws:s3:::{_VALUES[logical_id]}"
    queue = resources(stack, "AWS::SQS::Queue")[logical_id]
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{value(queue['QueueName'], stack)}"


def _substituted(argument: Any, stack: str) -> str:
    text, inner = argument if isinstance(argument, list) else (argument, {})
    values = _VALUES | {name: value(each, stack) for name, each in inner.items()}

    def of(match: re.Match[str]) -> str:
        name = match[1]
        return _arn_of(name[:-4], stack) if name.endswith(".Arn") else str(values[name])

    return re.sub(r"\$\{([^}!]+)\}", of, text)
