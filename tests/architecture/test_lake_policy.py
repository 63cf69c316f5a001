"""The lake's bucket policy: purge changes only what it names, and nobody else is hindered."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.architecture.function_calls import Call, recorded_calls
from tests.architecture.permissions import ACCOUNT, ROLES, value
from tests.architecture.policies import Request, lake_statements, refusing, request
from tests.architecture.templates import ROOT, physical, resources

LAKE = f"erasure-local-lake-{ACCOUNT}"
OBJECT = f"arn:aws:s3:::{LAKE}/profiles/dt=2026-01-01/x"
PURGE = "erasure-local-purge"
BLIND_WRITE, BLIND_DELETE = "PurgeReplacesOnlyWhatItRead", "PurgeDeletesOnlyWhatItRead"


def refused(asked: Request) -> list[str]:
    return refusing("platform", lake_statements(), asked)


@pytest.mark.parametrize("operation", ["PutObject", "CompleteMultipartUpload", "CopyObject"])
def test_purge_makes_no_object_visible_without_naming_what_it_replaces(operation: str) -> None:
    assert refused(request(operation, OBJECT, PURGE)) == [BLIND_WRITE]
    assert refused(request(operation, OBJECT, PURGE, if_match=True)) == []


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart", "UploadPartCopy"])
def test_the_steps_of_an_upload_that_take_no_condition_are_not_refused(operation: str) -> None:
    assert refused(request(operation, OBJECT, PURGE)) == []


def test_purge_deletes_no_current_object_without_naming_it() -> None:
    assert refused(request("DeleteObject", OBJECT, PURGE)) == [BLIND_DELETE]
    assert refused(request("DeleteObjects", OBJECT, PURGE)) == [BLIND_DELETE]
    assert refused(request("DeleteObject", OBJECT, PURGE, if_match=True)) == []
    assert refused(request("DeleteObjects", OBJECT, PURGE, by_version=True)) == []


@pytest.mark.parametrize("operation", ["PutObject", "CompleteMultipartUpload", "DeleteObject"])
def test_who_writes_new_objects_needs_no_condition(operation: str) -> None:
    assert refused(request(operation, OBJECT, "erasure-local-delivery")) == []
    assert refused(request(operation, OBJECT, "erasure-local-purge-of-somebody-else")) == []


@pytest.mark.parametrize("operation", ["GetObject", "PutObject", "DeleteObject"])
def test_nobody_reaches_the_lake_in_plain_text(operation: str) -> None:
    asked = request(operation, OBJECT, "anybody", if_match=True)
    plain = asked._replace(keys={**asked.keys, "aws:SecureTransport": "false"})

    assert refused(plain) == ["EncryptedTransportOnly"]


def as_request(call: Call) -> Request:
    resource = f"arn:aws:s3:::{LAKE}"
    if "folder" in call or call["operation"] == "DeleteObjects":
        resource += f"/{call.get('folder', 'profiles')}/x"
    return request(
        call["operation"],
        resource,
        str(call["function"]),
        if_match=bool(call.get("if_match")),
        by_version=bool(call.get("with_version")) and call["operation"].startswith("Delete"),
    )


def test_what_the_functions_did_in_the_lake_was_not_refused() -> None:
    in_the_lake = [call for call in recorded_calls() if call.get("Bucket") == LAKE]

    assert {call["operation"] for call in in_the_lake} >= {"PutObject", "DeleteObjects"}
    assert [call for call in in_the_lake if refused(as_request(call))] == []


def test_the_policy_means_the_role_that_purges() -> None:
    stack, name = ROLES[PURGE]
    role = resources(stack, "AWS::IAM::Role")[name]

    assert physical(role["RoleName"], "local") == PURGE


def test_the_runbook_gives_the_same_statements_for_a_bucket_of_ones_own() -> None:
    runbook = (ROOT / "infra" / "RUNBOOK.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```json\n(.+?)```", runbook, re.DOTALL)
    for name, here in {"BUCKET": LAKE, "ACCOUNT": ACCOUNT, "erasure-S-": "erasure-local-"}.items():
        block = block.replace(name, here)

    assert json.loads(block) == [plain(statement) for statement in lake_statements()]


def plain(node: Any) -> Any:
    """A statement of the template with its functions' results."""
    if isinstance(node, dict) and any(name.startswith("Fn::") for name in node):
        return value(node, "platform")
    if isinstance(node, dict):
        return {name: plain(each) for name, each in node.items()}
    return [plain(each) for each in node] if isinstance(node, list) else node
