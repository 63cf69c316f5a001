"""The Pythons of this machine, by version: on the PATH, or under pyenv's root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def interpreter(version: str) -> str | None:
    """A Python of that version ("3.12") that starts; None if the machine has none."""
    return next((each for each in _candidates(version) if _says(each) == version), None)


def _candidates(version: str) -> Iterator[str]:
    yield sys.executable
    if on_the_path := shutil.which(f"python{version}"):
        yield on_the_path  # perhaps a shim of pyenv that refuses to start
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for installed in sorted(root.glob(f"versions/{version}.*/bin/python{version}")):
        yield str(installed)


def _says(python: str) -> str:
    done = subprocess.run([python, "-c", _VERSION], capture_output=True, text=True, check=False)  # noqa: S603 - found above
    return done.stdout.strip()
