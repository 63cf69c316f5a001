"""`make test-versions`: the unit tests under every supported Python besides the one of `make test`.

Each version has a virtual environment of its own under .local/versions, with the pinned packages.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from infra.interpreters import interpreter
from infra.zips import ROOT, SERVICES

SUPPORTED = ("3.11", "3.12", "3.13")
_PINS = ROOT / "tests" / "requirements.txt"
_SOURCES = ("shared", *(f"services/{service}" for service in SERVICES))
_INSTALL = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
_TESTS = ("-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "tests/unit")


def main() -> int:
    """Exit code 1 if a version fails; one that the machine lacks is skipped, and named."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    failed = [version for version in SUPPORTED if version != own and not _passes(version)]
    if failed:
        print(f"fails with Python {', '.join(failed)}", file=sys.stderr)  # noqa: T201 - a command line
    return 1 if failed else 0


def _passes(version: str) -> bool:
    found = interpreter(version)
    if found is None:
        print(f"Python {version}: skipped, this machine has none", flush=True)  # noqa: T201 - a command line
        return True
    begun = time.monotonic()
    print(f"Python {version}: {found}", flush=True)  # noqa: T201 - a command line
    python = _environment(version, found)
    code = subprocess.run([python, *_TESTS], cwd=ROOT, check=False).returncode  # noqa: S603 - our own command
    print(f"Python {version}: {time.monotonic() - begun:.0f} s", flush=True)  # noqa: T201 - a command line
    return code == 0


def _environment(version: str, found: str) -> Path:
    """The interpreter of a virtual environment that has what the tests need."""
    folder = ROOT / ".local" / "versions" / version
    python, ready = folder / "bin" / "python", folder / ".ready"
    if not ready.exists() or ready.stat().st_mtime < _PINS.stat().st_mtime:
        _run(found, "-m", "venv", "--clear", str(folder))
        _run(str(python), *_INSTALL, "--require-hashes", "-r", str(_PINS))
        editable = [word for source in _SOURCES for word in ("-e", source)]
        _run(str(python), *_INSTALL, "--no-deps", "--no-build-isolation", *editable)
        ready.touch()
    return python


def _run(*command: str) -> None:
    subprocess.run(command, cwd=ROOT, check=True)  # noqa: S603 - our own command


if __name__ == "__main__":
    sys.exit(main())
