"""Reads the JSON documents of one record, and refuses what two readers could read differently.

RFC 8259 leaves open what duplicate keys, lone surrogates and huge numbers mean. Here they are
refused: a profile_id that two systems read differently is a person whom an erasure misses.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import NoReturn

from erasure_ingestion.core.reasons import Reason, Refused

MAX_DEPTH = 64
_WHITESPACE = re.compile(r"[ \t\r\n]*")


def read_documents(content: bytes) -> list[object]:
    """Every document of the record: one, or several one after the other, whitespace between or not.

    Raises:
        Refused: this is not JSON, or JSON with more than one meaning.
    """
    try:
        text = content.decode("utf-8")
        documents = _split(text)
    except UnicodeDecodeError:
        raise Refused(Reason.NOT_UTF8) from None
    except json.JSONDecodeError:
        raise Refused(Reason.MALFORMED_JSON) from None
    except RecursionError:
        raise Refused(Reason.TOO_DEEP) from None
    except (ArithmeticError, ValueError):  # an exponent or a number of digits beyond all measure
        raise Refused(Reason.NOT_A_JSON_NUMBER) from None
    if _deeper_than(MAX_DEPTH, documents):
        raise Refused(Reason.TOO_DEEP)
    return documents


def exact_json(value: object) -> str:
    """JSON text of a value as `read_documents` returns it; decimals keep every digit."""
    if isinstance(value, dict):
        members = (f"{exact_json(key)}:{exact_json(item)}" for key, item in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(exact_json, value)) + "]"
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def _split(text: str) -> list[object]:
    documents = []
    position = _skip_whitespace(text, 0)
    while position < len(text):
        document, position = _DECODER.raw_decode(text, position)
        documents.append(document)
        position = _skip_whitespace(text, position)
    return documents


def _skip_whitespace(text: str, position: int) -> int:
    match = _WHITESPACE.match(text, position)
    return match.end() if match else position


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Refused(Reason.DUPLICATE_KEY)
    return members


def _not_a_number(_: str) -> NoReturn:
    raise Refused(Reason.NOT_A_JSON_NUMBER)


def _deeper_than(limit: int, documents: list[object]) -> bool:
    level = documents
    for _ in range(limit):
        level = [child for value in level for child in _children(value)]
        if not level:
            return False
    return True


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Decimal, parse_constant=_not_a_number
)
