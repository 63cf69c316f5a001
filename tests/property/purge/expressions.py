"""DynamoDB's expressions, as far as PynamoDB and the mutex write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

Value = Mapping[str, Any]
Item = dict[str, Any]

_TOKEN = re.compile(r"<>|<=|>=|[=<>(),]|[#:]?\w+")
_CLAUSE = re.compile(r"\b(SET|REMOVE|ADD) ")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


class Terms:
    """The names and values that an expression refers to."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self._names: Mapping[str, str] = asked.get("ExpressionAttributeNames") or {}
        self._values: Mapping[str, Value] = asked.get("ExpressionAttributeValues") or {}

    def name(self, token: str) -> str:
        return self._names[token] if token.startswith("#") else token

    def value(self, token: str, item: Mapping[str, Value]) -> Any:
        """The plain value of a placeholder or an attribute; None where there is none."""
        if token.startswith(":"):
            return plain(self._values[token])
        return plain(item.get(self.name(token)))

    def typed(self, token: str) -> Value:
        return self._values[token]


def plain(value: Value | None) -> Any:
    """An attribute value that can be compared."""
    if value is None:
        return None
    ((kind, content),) = value.items()
    return Decimal(content) if kind == "N" else content


def holds(expression: str | None, terms: Terms, item: Mapping[str, Value]) -> bool:
    """Whether the item meets the condition."""
    if not expression:
        return True
    reader = _Reader(expression, terms, item)
    result = reader.either()
    assert reader.is_at_end(), f"the model does not know this condition: {expression}"
    return result


class _Reader:
    """OR binds less than AND, AND less than NOT."""

    def __init__(self, expression: str, terms: Terms, item: Mapping[str, Value]) -> None:
        self._tokens = _TOKEN.findall(expression)
        self._at = 0
        self._terms = terms
        self._item = item

    def is_at_end(self) -> bool:
        return self._at == len(self._tokens)

    def either(self) -> bool:
        result = self._both()
        while self._took("OR"):
            result = self._both() or result
        return result

    def _both(self) -> bool:
        result = self._one()
        while self._took("AND"):
            result = self._one() and result
        return result

    def _one(self) -> bool:
        if self._took("NOT"):
            return not self._one()
        if self._took("("):
            result = self.either()
            self._expect(")")
            return result
        if self._tokens[self._at + 1] == "(":
            return self._function()
        left = self._terms.value(self._next(), self._item)
        operator = self._next()
        if operator == "IN":
            return left in [self._terms.value(token, self._item) for token in self._arguments()]
        right = self._terms.value(self._next(), self._item)
        return left is not None and right is not None and _COMPARISONS[operator](left, right)

    def _function(self) -> bool:
        function, arguments = self._next(), list(self._arguments())
        first = self._terms.value(arguments[0], self._item)
        match function:
            case "attribute_exists":
                return first is not None
            case "attribute_not_exists":
                return first is None
            case "begins_with":
                return str(first).startswith(self._terms.value(arguments[1], self._item))
        raise AssertionError(f"the model does not know this function: {function}")

    def _arguments(self) -> Iterator[str]:
        self._expect("(")
        yield self._next()
        while self._took(","):
            yield self._next()
        self._expect(")")

    def _next(self) -> str:
        token: str = self._tokens[self._at]
        self._at += 1
        return token

    def _took(self, wanted: str) -> bool:
        found = not self.is_at_end() and self._tokens[self._at] == wanted
        self._at += found
        return found

    def _expect(self, wanted: str) -> None:
        assert self._took(wanted), f"{wanted} is missing"


def updated(expression: str, terms: Terms, item: Mapping[str, Value]) -> Item:
    """The item after the update."""
    new = dict(item)
    parts = _CLAUSE.split(expression)[1:]
    for clause, text in zip(parts[::2], parts[1::2], strict=True):
        for piece in text.split(","):
            tokens = _TOKEN.findall(piece)
            name = terms.name(tokens[0])
            if clause == "SET":
                assert tokens[1::2] == ["="], f"the model does not know this: {piece}"
                new[name] = terms.typed(tokens[2])
            elif clause == "REMOVE":
                new.pop(name, None)
            else:
                new[name] = _sum(new.get(name), terms.typed(tokens[1]))
    return new


def _sum(old: Value | None, added: Value) -> Value:
    ((kind, content),) = added.items()
    if kind == "N":
        return {"N": str((plain(old) or Decimal(0)) + Decimal(content))}
    return {kind: sorted({*(plain(old) or ()), *content})}
