"""Makes one zip per service: its pinned dependencies, its source, the shared source, the schemas.

The same input gives the same bytes: entries sorted, one date and mode for all, nothing that names
the machine. Finished zips are kept under .local/build by the hash of what went into them.
Needs Python and pip, nothing else.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import uuid
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from infra import trimming
from infra.interpreters import interpreter

ROOT = Path(__file__).resolve().parent.parent
SERVICES = ("ingestion", "location", "purge", "adjudication")
UNZIPPED_LIMIT_BYTES = 262_144_000
_KEPT_PER_SERVICE = 3
_DATE = (1980, 1, 1, 0, 0, 0)
_INSTALL = (
    *("install", "--quiet", "--no-input", "--disable-pip-version-check"),
    *("--no-compile", "--no-deps", "--require-hashes", "--only-binary", ":all:"),
)


class BuildFailed(Exception):
    """A zip could not be made."""


@dataclass(frozen=True)
class Target:
    """Where a zip will run."""

    name: str
    python: str
    machine: str
    pip_options: tuple[str, ...] = ()

    @property
    def runtime(self) -> str:
        """Lambda's name of the interpreter."""
        return "python" + ".".join(self.python.split(".")[:2])

    @property
    def architecture(self) -> str:
        """Lambda's name of the machine."""
        return "arm64" if self.machine.endswith(("aarch64", "arm64")) else "x86_64"

    def interpreter(self) -> str | None:
        """A Python of this machine that can import what is built for the target, if any."""
        if self.python == platform.python_version() and self.machine == sysconfig.get_platform():
            return sys.executable
        if sysconfig.get_platform() != f"linux-{self.machine}":
            return None
        return interpreter(self.python)


def target(name: str) -> Target:
    """The target of that name.

    Raises:
        BuildFailed: there is none.
    """
    if name == "local":
        return Target(name, platform.python_version(), sysconfig.get_platform())
    machines = {"aws-arm64": "aarch64", "aws-x86_64": "x86_64"}
    if name not in machines:
        raise BuildFailed(f"no target {name!r}; there are local, {', '.join(machines)}")
    return Target(name, "3.13", machines[name], _manylinux_options(machines[name], "3.13"))


def _manylinux_options(machine: str, python: str) -> tuple[str, ...]:
    """What makes pip choose wheels for Lambda: Amazon Linux 2023 has glibc 2.34."""
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(34, 16, -1)]
    platforms = [
        option for tag in (*tags, f"manylinux2014_{machine}") for option in ("--platform", tag)
    ]
    return (*platforms, "--python-version", python, "--implementation", "cp")


@dataclass(frozen=True)
class Zip:
    """A finished zip and what it weighs."""

    service: str
    path: Path
    unzipped_bytes: int

    @property
    def zipped_bytes(self) -> int:
        return self.path.stat().st_size


class Builder:
    """Builds the zips of a clone at `root` into `output`, one target at a time."""

    def __init__(self, target: Target, *, root: Path = ROOT, output: Path | None = None) -> None:
        self.target = target
        self.root = root
        self.output = (output or root / ".local" / "build") / target.name

    def build(self, service: str) -> Zip:
        """The service's zip, made now or found from an earlier time.

        Raises:
            BuildFailed: pip refuses, the zip is too large for Lambda, or its handler cannot be
                imported with nothing but the zip on the path.
        """
        sources = self._sources(service)
        dependencies_key = self._dependencies_key(service)
        key = _digest([dependencies_key.encode(), *_named_contents(sources)])
        path = self.output / f"{service}-{key[:16]}.zip"
        if not path.exists():
            self._make(service, path, sources, self._dependencies(service, dependencies_key))
        return Zip(service, path, _unzipped_bytes(path))

    def _make(
        self,
        service: str,
        path: Path,
        sources: dict[PurePosixPath, Path],
        dependencies: Path,
    ) -> None:
        with _becoming(path) as unfinished:
            shutil.copyfile(dependencies, unfinished)
            _append(unfinished, sources)
            check_size(service, _unzipped_bytes(unfinished))
            if python := self.target.interpreter():
                check_import(service, unfinished, python=python)
        self._forget_older_than(path, service)

    def _sources(self, service: str) -> dict[PurePosixPath, Path]:
        """What a zip holds besides dependencies: its path there, its path here."""
        service_source = self.root / "services" / service / "src"
        if not service_source.is_dir():
            raise BuildFailed(f"no service {service!r}: {service_source} does not exist")
        trees = [service_source, self.root / "shared" / "src"]
        files = {name: tree / name for tree in trees for name in _files(tree)}
        schemas = self.root / "schemas"
        files |= {PurePosixPath("schemas", name): schemas / name for name in _files(schemas)}
        return {name: files[name] for name in trimming.needed(files)}

    def _dependencies_key(self, service: str) -> str:
        how = (*_INSTALL, *self.target.pip_options, self.target.python, self.target.machine)
        rules, pins = Path(trimming.__file__), self._requirements(service)
        return _digest([*(word.encode() for word in how), rules.read_bytes(), pins.read_bytes()])

    def _requirements(self, service: str) -> Path:
        return self.root / "services" / service / "requirements.txt"

    def _dependencies(self, service: str, key: str) -> Path:
        """A zip of what the service's requirements.txt names, trimmed."""
        path = self.output / f"dependencies-{key[:16]}.zip"
        if not path.exists():
            with tempfile.TemporaryDirectory() as directory, _becoming(path) as unfinished:
                self._install(self._requirements(service), Path(directory))
                installed = trimming.needed(_files(Path(directory)))
                _append(unfinished, {name: Path(directory, name) for name in installed})
        return path

    def _install(self, requirements: Path, directory: Path) -> None:
        command = [sys.executable, "-m", "pip", *_INSTALL, *self.target.pip_options]
        command += ["--target", str(directory), "--requirement", str(requirements)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
        if done.returncode != 0:
            raise BuildFailed(f"pip could not install {requirements}:\n{done.stderr.strip()}")

    def _forget_older_than(self, path: Path, service: str) -> None:
        zips = sorted(self.output.glob(f"{service}-*.zip"), key=lambda file: file.stat().st_mtime)
        for old in zips[:-_KEPT_PER_SERVICE]:
            if old != path:
                old.unlink(missing_ok=True)


def check_size(service: str, unzipped_bytes: int) -> None:
    """Raises BuildFailed if Lambda would refuse the zip."""
    if unzipped_bytes > UNZIPPED_LIMIT_BYTES:
        raise BuildFailed(
            f"{service}: {unzipped_bytes:,} bytes unzipped, Lambda takes {UNZIPPED_LIMIT_BYTES:,}"
        )


def check_import(
    service: str, path: Path, *, handler: str = "", python: str = sys.executable
) -> None:
    """Raises BuildFailed unless the handler can be imported with only the zip on the path.

    The interpreter sees neither the environment (-I) nor site-packages (-S).
    """
    handler = handler or f"erasure_{service}.handler.handler"
    module = handler.rpartition(".")[0]
    program = f"import sys; sys.path.insert(0, sys.argv[1]); import {module}; {handler}"
    with tempfile.TemporaryDirectory() as directory:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(directory)
        command = [python, "-I", "-S", "-B", "-c", program, directory]
        done = subprocess.run(  # noqa: S603 - our own arguments
            command, capture_output=True, text=True, check=False, env={}, cwd=directory
        )
    if done.returncode != 0:
        raise BuildFailed(f"{service}: {handler} cannot be imported alone:\n{done.stderr.strip()}")


def build_all(target_name: str, services: Sequence[str] = SERVICES) -> dict[str, Path]:
    """The zips of these services for this target, by service.

    Raises:
        BuildFailed: see Builder.build.
    """
    return {built.service: built.path for built in _build(target_name, services)}


def _build(target_name: str, services: Sequence[str]) -> list[Zip]:
    builder = Builder(target(target_name))
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return list(pool.map(builder.build, services))


def _files(tree: Path) -> list[PurePosixPath]:
    return [
        PurePosixPath(file.relative_to(tree).as_posix())
        for file in tree.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    ]


def _named_contents(files: dict[PurePosixPath, Path]) -> Iterable[bytes]:
    for name, file in files.items():
        yield str(name).encode()
        yield file.read_bytes()


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _append(path: Path, files: dict[PurePosixPath, Path]) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        for name, file in files.items():
            entry = zipfile.ZipInfo(str(name), _DATE)
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())


def _unzipped_bytes(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        return sum(entry.file_size for entry in archive.infolist())


@contextmanager
def _becoming(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its name when all went well, so that no half is ever seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4()}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command infra/build."""
    parser = argparse.ArgumentParser(prog="infra/build", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "services", nargs="*", metavar="SERVICE", help=f"{', '.join(SERVICES)}; default: all"
    )
    parser.add_argument(
        "--target", default="aws-arm64", help="local, aws-arm64 (default) or aws-x86_64"
    )
    options = parser.parse_args(arguments)
    try:
        zips = _build(options.target, options.services or SERVICES)
    except BuildFailed as failure:
        print(f"infra/build: {failure}", file=sys.stderr)  # noqa: T201 - a command line
        return 1
    for built in zips:
        print(  # noqa: T201 - a command line
            f"{built.service:<13} {built.zipped_bytes:>11,} bytes zipped"
            f" {built.unzipped_bytes:>12,} unzipped  {built.path.relative_to(ROOT)}"
        )
    return 0
