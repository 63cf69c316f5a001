"""What the templates tell a function through its environment; read on use, never at import."""

from __future__ import annotations

import os


def setting(name: str, default: str = "") -> str:
    """The value of the environment variable `ERASURE_<NAME>`, for instance `setting("bus")`.

    Raises:
        LookupError: it is not set or empty, and has no default; the message names the variable.
    """
    variable = f"ERASURE_{name.upper()}"
    value = os.environ.get(variable, "") or default
    if not value:
        raise LookupError(f"the environment variable {variable} is not set")
    return value
