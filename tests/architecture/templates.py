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
NO_VALUE = {"Ref": "AWS::NoValue"}
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


def parameters(stack: str, **given: str) -> dict[str, str]:
    """What the template's parameters are, unless something else is given."""
    declared = template(stack)["Parameters"]
    defaults = {name: str(each.get("Default", "")) for name, each in declared.items()}
    return defaults | {name: value for name, value in given.items() if name in declared}


def resolved(stack: str, **given: str) -> dict[str, Any]:
    """The template as it is deployed with these parameters: conditions decided, values left."""
    conditions = _Conditions(template(stack).get("Conditions", {}), parameters(stack, **given))
    kept = {
        name: resource
        for name, resource in template(stack)["Resources"].items()
        if "Condition" not in resource or conditions.hold(resource["Condition"])
    }
    return dict(template(stack)) | {"Resources": conditions.decided(kept)}


def resources(stack: str, kind: str, **given: str) -> dict[str, dict[str, Any]]:
    """The properties of the stack's resources of that type, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in resolved(stack, **given)["Resources"].items()
        if resource["Type"] == kind
    }


class _Conditions:
    """Decides what depends on parameters."""

    def __init__(self, conditions: dict[str, Any], values: dict[str, str]) -> None:
        self._conditions = conditions
        self._values = values

    def hold(self, condition: Any) -> bool:
        if isinstance(condition, str):
            return self.hold(self._conditions[condition])
        ((function, arguments),) = condition.items()
        match function:
            case "Condition":
                return self.hold(arguments)
            case "Fn::Not":
                return not self.hold(arguments[0])
            case "Fn::And":
                return all(map(self.hold, arguments))
            case "Fn::Or":
                return any(map(self.hold, arguments))
            case "Fn::Equals":
                return self._value(arguments[0]) == self._value(arguments[1])
        raise ValueError(function)

    def _value(self, of: Any) -> str:
        if isinstance(of, dict) and "Fn::Select" in of:
            number, texts = of["Fn::Select"]
            return self._value(texts).split(",")[int(number)]
        return self._values[str(of["Ref"])] if isinstance(of, dict) else str(of)

    def decided(self, node: Any) -> Any:
        """The node with one branch for each Fn::If; what has no value is left out."""
        if isinstance(node, dict) and set(node) == {"Fn::If"}:
            condition, yes, no = node["Fn::If"]
            return self.decided(yes if self.hold(condition) else no)
        if isinstance(node, dict):
            inner = {name: self.decided(value) for name, value in node.items()}
            return {name: value for name, value in inner.items() if value != NO_VALUE}
        if isinstance(node, list):
            return [value for value in map(self.decided, node) if value != NO_VALUE]
        return node


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
