"""Whether a policy statement concerns a request; the operators that our policies use.

IAM User Guide, "IAM JSON policy elements: Condition operators": all conditions have to hold, one
of several values is enough, and a key that the request has not got fails all but `Null`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tests.architecture.permissions import ACCOUNT, value
from tests.architecture.templates import actions, resources

_CONDITIONAL = {"PutObject", "CompleteMultipartUpload", "CopyObject"}
_PARTS = {"CreateMultipartUpload", "UploadPart", "UploadPartCopy"}


class Request(NamedTuple):
    """What IAM knows of a request."""

    action: str
    resource: str
    keys: Mapping[str, str]


def request(
    operation: str, resource: str, role: str, *, if_match: bool = False, by_version: bool = False
) -> Request:
    """A request to S3 over TLS; S3 User Guide, "Enforce conditional writes on Amazon S3 buckets".

    Only what makes an object visible counts as its creation, and only that takes conditions.
    """
    keys = {
        "aws:SecureTransport": "true",
        "aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/{role}",
    }
    if operation in _CONDITIONAL | _PARTS:
        keys["s3:ObjectCreationOperation"] = str(operation in _CONDITIONAL).lower()
    if if_match:
        keys["s3:if-match"] = '"etag"'
    action = "PutObject" if operation in _CONDITIONAL | _PARTS else operation.rstrip("s")
    return Request(f"s3:{action}{'Version' if by_version else ''}", resource, keys)


def refusing(stack: str, statements: list[dict[str, Any]], asked: Request) -> list[str]:
    """The Sids of the statements that deny the request, whoever allows it."""
    return [
        statement["Sid"]
        for statement in statements
        if statement["Effect"] == "Deny" and concerns(stack, statement, asked)
    ]


def concerns(stack: str, statement: Mapping[str, Any], asked: Request) -> bool:
    """Whether the request is one of those that the statement is about."""
    return (
        any(_like(asked.action, action) for action in actions(dict(statement)))
        and any(_like(asked.resource, arn) for arn in _all(stack, statement["Resource"]))
        and holds(stack, statement.get("Condition", {}), asked.keys)
    )


def holds(stack: str, condition: Mapping[str, Any], keys: Mapping[str, str]) -> bool:
    """Whether all conditions hold for a request with these keys."""
    return all(
        _OPERATORS[operator](keys.get(key), _all(stack, wanted))
        for operator, by_key in condition.items()
        for key, wanted in by_key.items()
    )


def _all(stack: str, node: Any) -> list[str]:
    texts = value(node, stack)
    return [str(each) for each in (texts if isinstance(texts, list) else [texts])]


def _like(text: str, pattern: str) -> bool:
    return (
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text) is not None
    )


_OPERATORS: dict[str, Callable[[str | None, list[str]], bool]] = {
    "Bool": lambda given, wanted: given in wanted,
    "StringEquals": lambda given, wanted: given in wanted,
    "ArnEquals": lambda given, wanted: given is not None and any(_like(given, w) for w in wanted),
    "ArnLike": lambda given, wanted: given is not None and any(_like(given, w) for w in wanted),
    "Null": lambda given, wanted: str(given is None).lower() in wanted,
}


def lake_statements() -> list[dict[str, Any]]:
    """Of the policy of the lake's bucket."""
    policy = resources("platform", "AWS::S3::BucketPolicy")["LakeBucketPolicy"]
    statements: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return statements
