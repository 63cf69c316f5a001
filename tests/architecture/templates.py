"""The CloudFormation templates as plain data: `!Ref x` is {"Ref": "x"} and so on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from infra.checks.conditions import defaults, deployed_with

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("ingestion", "location", "purge", "adjudication")
STACKS = ("platform", *SERVICES)
EVERYTHING = {
    "DynamoDbTableArns": "arn:aws:dynamodb:eu-west-1:123456789012:table/t",
    "SubjectListArns": "arn:aws:s3:::lists/*",
    "SubnetIds": "subnet-1",
    "PublisherPrincipals": "123456789012",
}
"""Parameters that switch on what is off by default."""


class _Loader(yaml.SafeLoader):
    """Knows the short forms of the intrinsic functions."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        raise TypeError(f"no mapping follows !{suffix}")
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)


@cache
def template(stack: str) -> dict[str, Any]:
    """infra/<stack>.yaml; do not change it."""
    text = (ROOT / "infra" / f"{stack}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.load(text, _Loader)
    return loaded


def resolved(stack: str, **given: str) -> dict[str, Any]:
    """The template as it is deployed with these parameters: conditions decided, values left."""
    return deployed_with(template(stack), defaults(template(stack)) | given)


def resources(stack: str, kind: str, **given: str) -> dict[str, dict[str, Any]]:
    """The properties of the stack's resources of that type, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in resolved(stack, **given)["Resources"].items()
        if resource["Type"] == kind
    }


def physical(value: Any, stage: str = "${Stage}") -> str:
    """The text of a name that depends on nothing but the stage."""
    text = value["Fn::Sub"] if isinstance(value, dict) else value
    return str(text).replace("${Stage}", stage)


def default(stack: str, parameter: str) -> Any:
    """The default of a template parameter."""
    return template(stack)["Parameters"][parameter]["Default"]


def statements(stack: str) -> Iterator[dict[str, Any]]:
    """Every statement of every role's policies; those under a condition, too."""
    for role in resources(stack, "AWS::IAM::Role", **EVERYTHING).values():
        for policy in role["Policies"]:
            yield from policy["PolicyDocument"]["Statement"]


def actions(statement: dict[str, Any]) -> list[str]:
    """The actions of a statement, as a list."""
    action = statement["Action"]
    return action if isinstance(action, list) else [action]
