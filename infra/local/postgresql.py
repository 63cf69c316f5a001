"""A real PostgreSQL on a free loopback port, from the binaries that PyPI delivers."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg

from infra.local import unprivileged
from infra.local.paths import postgresql_binaries
from infra.local.processes import LeashedProcess, remembered_port

_AS_NOBODY = (sys.executable, str(Path(unprivileged.__file__)))
_USER = "erasure"
_DATABASE = "postgres"
_START_TIMEOUT_S = 30.0
_SPEED_OVER_DURABILITY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True)
class PostgreSQL:
    """A running server."""

    process: LeashedProcess
    dsn: str

    @classmethod
    def start(cls, state_dir: Path) -> "PostgreSQL":
        """Start on the data in the folder; make it first if there is none."""
        data = state_dir / "postgresql"
        password = _password(state_dir / "postgresql-password")
        if not (data / "PG_VERSION").exists():
            _initialise(data, password)
        port = remembered_port(state_dir / "postgresql-port")
        process = LeashedProcess.start(
            "PostgreSQL",
            [*_AS_NOBODY, *_command(data, port)],
            environment=_environment(),
            folder=state_dir,
            log=state_dir / "logs" / "postgresql.log",
            stop_signal=signal.SIGINT,
        )
        dsn = f"postgresql://{_USER}:{password}@127.0.0.1:{port}/{_DATABASE}"
        try:
            process.wait_until(lambda: _answers(dsn), timeout_s=_START_TIMEOUT_S)
        except BaseException:
            process.stop()
            raise
        return cls(process=process, dsn=dsn)

    def stop(self) -> None:
        """Stop the server; its data stay."""
        self.process.stop()


def _password(file: Path) -> str:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24), encoding="ascii")
    return file.read_text(encoding="ascii")


def _initialise(data: Path, password: str) -> None:
    data.mkdir(mode=0o700, parents=True)
    password_file = data.parent / "initdb-password"
    password_file.touch(mode=0o600)
    password_file.write_text(password, encoding="ascii")
    if (owner := unprivileged.runs_as()) is not None:
        os.chown(data, owner, owner)
        os.chown(password_file, owner, owner)
    try:
        subprocess.run(  # noqa: S603
            [
                *_AS_NOBODY,
                str(postgresql_binaries() / "initdb"),
                f"--pgdata={data}",
                f"--username={_USER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            env=_environment(),
            check=True,
            stdout=subprocess.DEVNULL,
        )
    except BaseException:
        shutil.rmtree(data, ignore_errors=True)
        raise
    finally:
        password_file.unlink()


def _command(data: Path, port: int) -> list[str]:
    settings = (
        "listen_addresses=127.0.0.1",
        f"port={port}",
        "unix_socket_directories=",
        "timezone=UTC",
        *_SPEED_OVER_DURABILITY,
    )
    flags = [flag for setting in settings for flag in ("-c", setting)]
    return [str(postgresql_binaries() / "postgres"), "-D", str(data), *flags]


def _environment() -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _answers(dsn: str) -> bool:
    try:
        with psycopg.connect(dsn, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False
