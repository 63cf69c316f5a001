"""Decides the conditions of a CloudFormation template, as CloudFormation does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NO_VALUE = {"Ref": "AWS::NoValue"}


def defaults(template: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of a template when nobody says otherwise."""
    declared = template.get("Parameters", {})
    return {name: str(each.get("Default", "")) for name, each in declared.items()}


def deployed_with(template: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """The template as it is deployed with these parameters: conditions decided, values left."""
    conditions = _Conditions(template.get("Conditions", {}), values)
    kept = {
        name: {key: value for key, value in resource.items() if key != "Condition"}
        for name, resource in template["Resources"].items()
        if "Condition" not in resource or conditions.hold(resource["Condition"])
    }
    outputs = {
        name: {key: value for key, value in output.items() if key != "Condition"}
        for name, output in template.get("Outputs", {}).items()
        if "Condition" not in output or conditions.hold(output["Condition"])
    }
    decided = {"Resources": conditions.decided(kept), "Outputs": conditions.decided(outputs)}
    return {name: value for name, value in template.items() if name != "Conditions"} | decided


class _Conditions:
    """Decides what depends on parameters."""

    def __init__(self, conditions: Mapping[str, Any], values: Mapping[str, str]) -> None:
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
