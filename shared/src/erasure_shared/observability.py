"""Logs without personal data: what failed is told by type, code and place, never by message.

Messages of other people's exceptions quote values (Arrow quotes cells, botocore attribute values,
PostgreSQL whole rows), so they are never rendered.
"""

from __future__ import annotations

import traceback
from pathlib import Path

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from erasure_shared.errors import ErasureError

logger = Logger()
"""Named by POWERTOOLS_SERVICE_NAME."""


def reason_code_of(error: BaseException) -> str:
    """A stable code for an error of ours, of AWS or of anybody."""
    if isinstance(error, ErasureError):
        return error.reason_code
    cause = error.__cause__ if error.__cause__ is not None else getattr(error, "cause", None)
    for candidate in (error, cause):
        if isinstance(candidate, ClientError):
            return str(candidate.response.get("Error", {}).get("Code", "ClientError"))
        if sqlstate := getattr(candidate, "sqlstate", None):
            return f"SQLSTATE_{sqlstate}"
    return type(error).__name__


def reason_of(error: BaseException) -> str:
    """Why something failed, in words that hold no value."""
    if isinstance(error, ErasureError):
        return error.describe()
    operation = getattr(error, "operation_name", None)
    during = f" during {operation}" if operation else ""
    return f"{type(error).__name__}: {reason_code_of(error)}{during} at {place_of(error)}"


def place_of(error: BaseException) -> str:
    """`file:line` of the innermost frame in our own code, or of the raise."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "erasure_" in frame.filename] or frames[-1:]
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "unknown"
