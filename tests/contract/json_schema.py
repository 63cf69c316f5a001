"""A strict reading of JSON Schema, and documents that almost keep to one."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from typing import Any

import jsonschema
from hypothesis import strategies as st
from jsonschema.validators import extend


def _ecma_pattern(
    _validator: object, pattern: str, instance: object, _schema: object
) -> Iterator[jsonschema.ValidationError]:
    """ECMA-262, as JSON Schema asks for: Python's `$` would also match before a last newline."""
    ecma = re.sub(r"(?<!\\)\$$", r"\\Z", pattern)
    if isinstance(instance, str) and not re.search(ecma, instance, re.ASCII):
        yield jsonschema.ValidationError("does not match the pattern")


_Validator = extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator, {"pattern": _ecma_pattern}
)


def accepts(schema: Any, document: object) -> bool:
    """Whether the document is valid, formats included."""
    checker = jsonschema.FormatChecker(["date-time"])
    return bool(_Validator(schema, format_checker=checker).is_valid(document))


_DAY = "2026-11-23T10:00:00"
_TELLING_TEXTS = [
    *("", "\x00", "a\x00b", '"', "`", "\n", "r-1\n", ".r", "-r", "é", "😀" * 256, "😀" * 257),
    *("x" * length for length in (2, 3, 62, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1101)),
    *("1", "1.", "1.0", "1.10", "1.0\n", "2.0", "11.0", "٣.0", "1.٣"),
    *("RETRY", "retry", "DISMISS", "COMPLETED", "COMPLETED_WITH_RETENTION", "s3", "dynamodb"),
    *("0" * 31, "0" * 32, "0" * 33, "A" * 32, "0" * 32 + "\n"),
    *(
        "s3://b/k",
        "s3://b/",
        "s3://b/\n",
        "s3://b/\r",
        "s3:///k",
        "S3://b/k",
        "s3://b/" + "k" * 1094,
    ),
    *(_DAY, f"{_DAY}Z", f"{_DAY.lower()}z", f"{_DAY}Z\n", f"{_DAY}+23:59", f"{_DAY}-00:00"),
    *(f"{_DAY}+24:00", f"{_DAY}+10:60", f"{_DAY}+1000", f"{_DAY}.Z", f"{_DAY}.1234567890Z"),
    *(f"{_DAY}.123456789Z", f"{_DAY}.1Z", "2026-11-23", "1700000000", "2026-11-23T10:00Z"),
    *(
        "1899-12-31T23:59:59Z",
        "1900-01-01T00:00:00Z",
        "2199-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
    ),
    *(
        "2026-02-29T00:00:00Z",
        "2028-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-32T00:00:00Z",
    ),
    *(
        "2026-00-10T00:00:00Z",
        "2026-13-10T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-10T24:00:00Z",
    ),
    *(
        "2026-11-23T23:60:00Z",
        "2026-11-23T23:59:60Z",
        "2026-11-23 10:00:00Z",
        "٢٠٢٦-11-23T10:00:00Z",
    ),
]
_TELLING_VALUES: list[Any] = [None, True, False, -1, 0, 1, 2**70, 0.5, [], {}, *_TELLING_TEXTS]
_TEXTS = st.text(max_size=6) | st.sampled_from(_TELLING_TEXTS)
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-2, max_value=2**70),
    st.floats(min_value=0.1, max_value=0.9),
    _TEXTS,
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXTS, inner, max_size=2),
    max_leaves=3,
)


def replacements(examples: Sequence[Any]) -> Iterator[Any]:
    """Every example with every one of its values replaced by every telling value, and removed."""
    for original in examples:
        for place in range(len(list(_places(original)))):
            for value in _TELLING_VALUES:
                document = copy.deepcopy(original)
                container, key = list(_places(document))[place]
                container[key] = value
                yield document
            document = copy.deepcopy(original)
            container, key = list(_places(document))[place]
            del container[key]
            yield document


@st.composite
def mutations(draw: st.DrawFn, examples: Sequence[Any]) -> Any:
    """An example with up to three changes: something replaced, removed, added or doubled."""
    document = copy.deepcopy(draw(st.sampled_from(examples)))
    for _ in range(draw(st.integers(min_value=0, max_value=3))):
        container, key = draw(st.sampled_from(list(_places(document)) or [(None, None)]))
        _change(draw, container, key)
    return document


def _change(draw: st.DrawFn, container: Any, key: Any) -> None:
    match draw(st.sampled_from(["replace", "remove", "add", "double"])):
        case "replace" if container is not None:
            container[key] = draw(_VALUES)
        case "remove" if container is not None:
            del container[key]
        case "add" if isinstance(container, dict):
            container[draw(_TEXTS)] = draw(_SCALARS)
        case "double" if isinstance(container, list):
            container.append(copy.deepcopy(container[key]))
        case _:
            pass


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of the document."""
    keys: Any = ()
    if isinstance(document, dict):
        keys = list(document)
    elif isinstance(document, list):
        keys = range(len(document))
    for key in keys:
        yield document, key
        yield from _places(document[key])
