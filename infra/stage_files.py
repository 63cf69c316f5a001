"""The stages that exist, each a file under infra/stages."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from erasure_shared.data_map import LARGEST_BYTES, DataMap
from erasure_shared.errors import Rejected
from infra.zips import ROOT, SERVICES

FOLDER = ROOT / "infra" / "stages"
_NAME = re.compile(r"[a-z][a-z0-9]{0,15}")
_MEMBERS = {"data_map", "target", "parameters"}
_STACKS = {"platform", *SERVICES}


class BadInput(Exception):
    """What was asked for cannot be deployed; nothing was created."""


@dataclass(frozen=True)
class Stage:
    """What one installation is told instead of the templates' defaults."""

    name: str
    target: str
    parameters: dict[str, dict[str, str]] = field(default_factory=dict)


def checked_name(name: str) -> str:
    """The name, if a stage can be called so.

    Raises:
        BadInput: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"STAGE={name}: a stage is a lower-case letter, then at most 15 lower-case letters or "
            "digits (it becomes part of a Glue database name)"
        )
    return name


def read_stage(name: str, *, deployed: bool, folder: Path = FOLDER) -> Stage:
    """The stage of that name; one without a file must be deployed already, and stays as it is.

    Raises:
        BadInput: there is no such stage, or its file or its data map is not valid.
    """
    file = folder / f"{checked_name(name)}.json"
    if not file.exists():
        if deployed:
            return Stage(name, "aws-arm64")
        known = ", ".join(sorted(each.stem for each in folder.glob("*.json")))
        raise BadInput(f"no stage {name}: infra/stages has {known}; a new stage is a new file")
    document = _document(file)
    parameters = {stack: dict(given) for stack, given in document.get("parameters", {}).items()}
    platform = parameters.setdefault("platform", {})
    platform["DataMap"] = data_map_text(ROOT / document.get("data_map", "schemas/data_map.json"))
    if dsn := os.environ.get("POSTGRESQL_DSN"):
        platform["PostgresqlDsn"] = dsn
    return Stage(name, document.get("target", "aws-arm64"), parameters)


def data_map_text(file: Path) -> str:
    """The data map, checked, without its blanks.

    Raises:
        BadInput: naming the file, each field and the rule that it breaks.
    """
    try:
        text = file.read_text(encoding="utf-8")
        DataMap.read(text)
    except FileNotFoundError:
        raise BadInput(f"the data map {_short(file)} does not exist") from None
    except (OSError, UnicodeDecodeError):
        raise BadInput(f"the data map {_short(file)} cannot be read as text") from None
    except Rejected as rejected:
        raise BadInput(f"{_short(file)}: {rejected.describe()}") from None
    compact = json.dumps(json.loads(text), separators=(",", ":"))
    if len(compact.encode()) > LARGEST_BYTES:
        raise BadInput(f"{_short(file)}: a data map has at most {LARGEST_BYTES:,} bytes")
    return compact


def _document(file: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput(f"{_short(file)} is not JSON: {error}") from None
    if not isinstance(document, dict) or not set(document) <= _MEMBERS:
        raise BadInput(f"{_short(file)}: its members are {', '.join(sorted(_MEMBERS))}")
    if unknown := sorted(set(document.get("parameters", {})) - _STACKS):
        raise BadInput(f"{_short(file)}: no stack is called {', '.join(unknown)}")
    return document


def _short(file: Path) -> str:
    return str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else str(file)
