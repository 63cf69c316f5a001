"""DynamoDB stand-ins on this machine: real servers for concurrency, moto as a second opinion."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ROOT = Path(__file__).parents[3]
START_TIMEOUT_S = 30.0
_SESSION = boto3.Session()  # makes the next client five times faster than boto3.client does


class NotInstalled(RuntimeError):
    """The server is not on this machine; the message says how to get it."""


@dataclass(frozen=True)
class Store:
    """One place to keep locks; without an endpoint it is moto inside this process."""

    name: str
    endpoint_url: str | None

    def client(self, *, attempts: int = 3, read_timeout_s: float = 5.0) -> DynamoDBClient:
        """A client of its own, with credentials that are good for nothing else."""
        config = Config(
            connect_timeout=1,
            read_timeout=read_timeout_s,
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=32,
        )
        client = _SESSION.client(
            "dynamodb",
            region_name="eu-west-1",
            endpoint_url=self.endpoint_url,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=config,
        )
        return cast("DynamoDBClient", client)


def new_table(client: DynamoDBClient, *, sort_key: str | None = "sk", kind: str = "S") -> str:
    """An empty table of a name that was never used."""
    name = f"locks-{uuid.uuid4().hex[:12]}"
    keys = {"pk": "HASH"} | ({sort_key: "RANGE"} if sort_key else {})
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": key, "AttributeType": "S" if kind == "S" else "N"} for key in keys
        ],
        KeySchema=[
            {"AttributeName": key, "KeyType": "HASH" if role == "HASH" else "RANGE"}
            for key, role in keys.items()
        ],
    )
    while client.describe_table(TableName=name)["Table"]["TableStatus"] != "ACTIVE":
        time.sleep(0.01)
    return name


@contextmanager
def ministack() -> Iterator[Store]:
    """MiniStack from its own virtual environment, on a free loopback port."""
    python = Path(os.environ.get("ERASURE_MINISTACK_PYTHON", ROOT / ".local/ministack/bin/python"))
    if not python.exists():
        raise NotInstalled("MiniStack is not in .local/ministack: run `make setup`")
    with tempfile.TemporaryDirectory(prefix="erasure-mutex-") as folder:
        port = _free_port()
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": folder,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "STATE_DIR": folder,
            "LOG_LEVEL": "WARNING",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        command = [str(python), "-m", "ministack"]
        with _running(command, environment, folder, port, ready="/_ministack/ready"):
            yield Store("ministack", f"http://127.0.0.1:{port}")


@contextmanager
def dynalite() -> Iterator[Store]:
    """dynalite, which knows no ALL_OLD, on a free loopback port."""
    local = ROOT / ".local/node_modules/.bin/dynalite"
    command = str(local) if local.exists() else shutil.which("dynalite")
    if command is None or shutil.which("node") is None:
        raise NotInstalled(
            "dynalite needs Node: `npm install --prefix .local dynalite@4.0.0` installs it"
        )
    with tempfile.TemporaryDirectory(prefix="erasure-mutex-") as folder:
        port = _free_port()
        arguments = ["--host", "127.0.0.1", "--port", str(port), "--createTableMs", "0"]
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": folder}
        with _running([command, *arguments], environment, folder, port, ready=None):
            yield Store("dynalite", f"http://127.0.0.1:{port}")


@contextmanager
def _running(
    command: list[str], environment: dict[str, str], folder: str, port: int, *, ready: str | None
) -> Iterator[None]:
    log = Path(folder) / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            _wait_until_ready(process, port, ready, log)
            yield
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


def _wait_until_ready(
    process: subprocess.Popen[bytes], port: int, ready: str | None, log: Path
) -> None:
    end_s = time.monotonic() + START_TIMEOUT_S
    while not _answers(port, ready):
        if process.poll() is not None or time.monotonic() > end_s:
            raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")
        time.sleep(0.05)


def _answers(port: int, path: str | None) -> bool:
    try:
        if path is None:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
