"""The CloudFormation templates as plain data: `!Ref x` is {"Ref": "x"} and so on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("ingestion", "location", "purge", "adjudication")
STACKS = ("platform", *SERVICES)


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


def resources(stack: str, kind: str) -> dict[str, dict[str, Any]]:
    """The properties of the stack's resources of that type, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template(stack)["Resources"].items()
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
    for role in resources(stack, "AWS::IAM::Role").values():
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                yield statement["Fn::If"][1] if "Fn::If" in statement else statement


def actions(statement: dict[str, Any]) -> list[str]:
    """The actions of a statement, as a list."""
    action = statement["Action"]
    return action if isinstance(action, list) else [action]
