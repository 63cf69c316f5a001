"""The local cloud as a whole, for programs: started, deployed to, observed, stopped."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3

from infra import deployment
from infra.local import sample_stores
from infra.local.emulator import ACCOUNT_ID, Emulator, function_logs
from infra.local.observation import (
    EventRecorder,
    LogLine,
    function_log_lines,
    workers_started,
)
from infra.local.parameters import Parameters, local_parameters
from infra.local.postgresql import PostgreSQL
from infra.local.state import thrown_away

Report = Callable[[str, str], None]
"""Told about every part, as (part, where it can be found), once the part answers."""


def _silent(_part: str, _where: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class LocalCloud:
    """A running local cloud; use it in a `with` block, or call `stop`."""

    emulator: Emulator
    postgresql: PostgreSQL
    stage: str
    state_dir: Path
    environment: Mapping[str, str]
    """The exports that boto3, the AWS CLI and the `erasure` command need to find everything."""

    _leave: contextlib.ExitStack

    @classmethod
    def start(
        cls,
        *,
        keep_in: Path | None = None,
        stage: str = "local",
        parameters: Mapping[str, Mapping[str, str]] | None = None,
        deployed: bool = True,
        report: Report = _silent,
    ) -> "LocalCloud":
        """Start every part, deploy templates and zips, and return when everything answers.

        State is thrown away at the end unless there is a folder to keep it in. `parameters` of the
        templates, by stack, win over those of `infra.local.parameters`. Without `deployed` nothing
        of ours is in it yet.

        Raises:
            DidNotStart: a part does not answer.
            NotSetUp: MiniStack's virtual environment is missing.
        """
        zips = deployment.build_all("local") if deployed else {}
        report("zips", ", ".join(sorted(zips)))
        with contextlib.ExitStack() as started:
            state_dir = keep_in.resolve() if keep_in else started.enter_context(thrown_away())
            state_dir.mkdir(parents=True, exist_ok=True)
            postgresql = PostgreSQL.start(state_dir)
            started.callback(postgresql.stop)
            report("PostgreSQL", _without_password(postgresql.dsn))
            emulator = Emulator.start(state_dir, keep=keep_in is not None)
            started.callback(emulator.stop)
            report("AWS (MiniStack)", emulator.endpoint_url)
            _create_sample_tables(emulator, postgresql)
            report("sample tables", "loyalty_accounts, web_sessions, bookings, customers")
            if deployed:
                given = local_parameters(stage, postgresql.dsn, parameters or {})
                _deploy(emulator, zips, stage, given)
                report("stacks", f"platform, {', '.join(sorted(zips))}; stage {stage}")
            return cls(
                emulator=emulator,
                postgresql=postgresql,
                stage=stage,
                state_dir=state_dir,
                environment=_exports(emulator, postgresql, stage),
                _leave=started.pop_all(),
            )

    def stop(self) -> None:
        """Stop every process; throw the state away unless it is to be kept."""
        self._leave.close()

    @property
    def running(self) -> bool:
        """Whether all parts still run."""
        return self.emulator.process.running and self.postgresql.process.running

    def client(self, service: str) -> Any:
        """A boto3 client of this cloud, whatever the environment says."""
        session: Any = _session(self.emulator)
        return session.client(service, endpoint_url=self.emulator.endpoint_url)

    def function_log_lines(self) -> Iterator[LogLine]:
        """Every line that a Lambda function wrote so far."""
        return function_log_lines(function_logs(self.state_dir))

    def workers_started(self, service: str) -> int:
        """How many workers a service's function has had, each while all others were busy."""
        return workers_started(self.state_dir, f"erasure-{self.stage}-{service}")

    def record_events(self) -> EventRecorder:
        """Record every event of the bus from now on."""
        return EventRecorder.start(
            _session(self.emulator),
            self.emulator.endpoint_url,
            bus=self.environment["ERASURE_BUS"],
        )

    def __enter__(self) -> Self:
        """Already running."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything."""
        self.stop()


def _session(emulator: Emulator) -> boto3.Session:
    credentials = emulator.credentials
    return boto3.Session(
        aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
        region_name=credentials["AWS_DEFAULT_REGION"],
    )


def _create_sample_tables(emulator: Emulator, postgresql: PostgreSQL) -> None:
    sample_stores.create_dynamodb_tables(_session(emulator), emulator.endpoint_url)
    sample_stores.create_postgresql_tables(postgresql.dsn)


def _deploy(
    emulator: Emulator, zips: Mapping[str, Path], stage: str, parameters: Parameters
) -> None:
    known = {name: values for name, values in parameters.items() if name in {"platform", *zips}}
    with _exported(emulator.credentials):
        deployment.deploy_all(stage, zips, known)


@contextlib.contextmanager
def _exported(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _exports(emulator: Emulator, postgresql: PostgreSQL, stage: str) -> dict[str, str]:
    return emulator.credentials | {
        "ERASURE_STAGE": stage,
        "ERASURE_BUS": f"erasure-{stage}",
        "ERASURE_STREAM": f"erasure-{stage}-profiles",
        "ERASURE_LAKE_BUCKET": f"erasure-{stage}-lake-{ACCOUNT_ID}",
        "ERASURE_GDPR_TABLE": f"erasure-{stage}-gdpr",
        "ERASURE_ERROR_TABLE": f"erasure-{stage}-errors",
        "ERASURE_MUTEX_TABLE": f"erasure-{stage}-mutex",
        "ERASURE_PG_DSN": postgresql.dsn,
    }


def _without_password(dsn: str) -> str:
    credentials, _, place = dsn.rpartition("@")
    return f"{credentials.rpartition(':')[0]}@{place}"
