"""What the templates create with some parameters, as far as money is concerned."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

INFRA = Path(__file__).resolve().parents[1]
STACKS = ("platform", "ingestion", "location", "purge", "adjudication")
_HOURS = {"minute": 1 / 60, "hour": 1.0, "day": 24.0}


class _Loader(yaml.SafeLoader):
    """Reads the short forms of CloudFormation's functions as one-item mappings."""


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    raise TypeError(f"no mapping follows !{suffix}")


_Loader.add_multi_constructor("!", _function)


class Stack:
    """One template with values for some of its parameters."""

    def __init__(self, template: Mapping[str, Any], given: Mapping[str, str]) -> None:
        self._template = template
        self._given = given

    def resources(self, kind: str) -> Iterator[Mapping[str, Any]]:
        """The properties of the resources of that type that are created."""
        for resource in self._template["Resources"].values():
            condition = resource.get("Condition")
            if resource["Type"] == kind and (condition is None or self._holds_named(condition)):
                yield resource.get("Properties", {})

    def value(self, value: Any) -> Any:
        """A parameter's value in place of a reference to it, or else the value itself."""
        match value:
            case {"Ref": str(name)} if name in self._template["Parameters"]:
                default = self._template["Parameters"][name].get("Default", "")
                return self._given.get(name, str(default))
            case {"Select": [index, values]}:
                return str(self.value(values)).split(",")[int(index)]
            case _:
                return value

    def _holds_named(self, name: str) -> bool:
        return self._holds(self._template["Conditions"][name])

    def _holds(self, condition: Any) -> bool:
        match condition:
            case {"Condition": str(name)}:
                return self._holds_named(name)
            case {"Equals": [one, other]}:
                return str(self.value(one)) == str(self.value(other))
            case {"Not": [inner]}:
                return not self._holds(inner)
            case {"And": list(inner)}:
                return all(map(self._holds, inner))
            case {"Or": list(inner)}:
                return any(map(self._holds, inner))
        raise ValueError("a condition that this reader does not know")


def stacks(given: Mapping[str, str]) -> list[Stack]:
    """Every template, with these values for the parameters of that name."""
    return [
        Stack(yaml.load((INFRA / f"{name}.yaml").read_text("utf-8"), _Loader), given)  # noqa: S506
        for name in STACKS
    ]


def hours_of(schedule: str) -> float:
    """How many hours lie between two runs of `rate(…)`."""
    match = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", schedule)
    if match is None:
        raise ValueError("a schedule that this reader does not know")
    return int(match[1]) * _HOURS[match[2]]
