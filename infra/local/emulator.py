"""MiniStack as AWS, with our extensions, on a free loopback port."""

import json
import os
import signal
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from infra.local.paths import ROOT, emulator_python
from infra.local.processes import LeashedProcess, remembered_port

ACCOUNT_ID = "123456789012"
REGION = "eu-west-1"
ACCESS_KEY_ID = "local"
SECRET_ACCESS_KEY = "local"  # noqa: S105 - the emulator checks no signature

_START_TIMEOUT_S = 60.0
_KEEPING_GRACE_S = 30.0
_READY = "/_ministack/ready"
_INHERITED = ("PATH", "LANG", "LC_ALL")


@dataclass(frozen=True)
class Emulator:
    """A running MiniStack."""

    process: LeashedProcess
    endpoint_url: str
    state_dir: Path

    @classmethod
    def start(cls, state_dir: Path, *, keep: bool = False) -> "Emulator":
        """Start MiniStack; with `keep`, on the state that a former run left in the folder."""
        port = remembered_port(state_dir / "ministack-port")
        process = LeashedProcess.start(
            "MiniStack",
            [str(emulator_python()), "-m", "infra.local.extensions"],
            environment=_environment(state_dir, port, keep=keep),
            folder=ROOT,  # for `-m`; a PYTHONPATH would reach the functions too
            log=state_dir / "logs" / "ministack.log",
            stop_signal=signal.SIGTERM if keep else signal.SIGKILL,
            grace_s=_KEEPING_GRACE_S if keep else 2.0,
        )
        endpoint_url = f"http://127.0.0.1:{port}"
        try:
            process.wait_until(lambda: _ready(endpoint_url), timeout_s=_START_TIMEOUT_S)
        except BaseException:
            process.stop()
            raise
        return cls(process=process, endpoint_url=endpoint_url, state_dir=state_dir)

    @property
    def credentials(self) -> dict[str, str]:
        """What an AWS SDK needs in its environment to reach this emulator and nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_DEFAULT_REGION": REGION,
        }

    def stop(self) -> None:
        """Stop MiniStack and every Lambda worker of it."""
        self.process.stop()


def _environment(state_dir: Path, port: int, *, keep: bool) -> dict[str, str]:
    """Everything MiniStack sees, and through it every Lambda function: nothing of our own shell."""
    temporary = state_dir / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | {
        "HOME": str(temporary),
        "PYTHONUNBUFFERED": "1",
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "MINISTACK_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "LAMBDA_EXECUTOR": "local",
        "LOG_LEVEL": "INFO",
        "STATE_DIR": str(state_dir / "ministack"),
        "PERSIST_STATE": "1" if keep else "0",
        "S3_DATA_DIR": str(state_dir / "s3"),
        "S3_PERSIST": "1",
        "TMPDIR": str(temporary),
        "ERASURE_LOCAL_FUNCTION_LOGS": str(function_logs(state_dir)),
        "ERASURE_LOCAL_FUNCTION_CALLS": str(function_calls(state_dir)),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
    }


def function_logs(state_dir: Path) -> Path:
    """The folder with one log per Lambda function, complete and in order."""
    return state_dir / "logs" / "functions"


def function_calls(state_dir: Path) -> Path:
    """The folder with one list per Lambda function of the AWS operations that it called."""
    return state_dir / "logs" / "calls"


def _ready(endpoint_url: str) -> bool:
    try:
        with urllib.request.urlopen(endpoint_url + _READY, timeout=2) as answer:  # noqa: S310
            return bool(json.load(answer))
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
