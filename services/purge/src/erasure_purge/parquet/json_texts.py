"""The texts of JSON documents, which hold them escaped."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

_OF_A_SCHEMA = frozenset(("fields", "columns"))


def escaped_texts(document: bytes) -> list[bytes]:
    """The texts, if the document is JSON and does not hold every one as it is."""
    if b"\\" not in document:
        return []
    try:
        return [_encoded(text) for text in _texts(json.loads(document))]
    except (ValueError, RecursionError):
        return []


def texts_below(document: bytes, fields: Collection[str]) -> list[bytes]:
    """Every text below these fields of a schema in JSON; all there is, if it is none."""
    try:
        parsed: Json = json.loads(document)
        if isinstance(parsed, dict) and _OF_A_SCHEMA & parsed.keys():
            return [_encoded(text) for text in _below(parsed, fields)]
    except (ValueError, RecursionError):
        pass
    return [document, *escaped_texts(document)]


def _below(value: Json, fields: Collection[str]) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inside in value.items():
            yield from _texts(inside) if name in fields else _below(inside, fields)
    elif isinstance(value, list):
        for one in value:
            yield from _below(one, fields)


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for inside in value.values():
            yield from _texts(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _texts(inside)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # JSON may hold half a surrogate pair
