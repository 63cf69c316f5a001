"""Reads the contracts in `schemas/`: beside the package in a Lambda zip, up the tree in a clone."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def schemas_directory() -> Path:
    """The nearest `schemas` directory above this package.

    Raises:
        FileNotFoundError: neither the zip nor the clone has one.
    """
    for parent in Path(__file__).resolve().parents:
        candidate = parent / "schemas"
        if (candidate / "events").is_dir():
            return candidate
    raise FileNotFoundError("no schemas directory above the erasure_shared package")


@cache
def read_schema(name: str) -> Any:
    """The document `schemas/<name>`, for instance `records/profile.v1.json`; do not change it."""
    return json.loads((schemas_directory() / name).read_text(encoding="utf-8"))
