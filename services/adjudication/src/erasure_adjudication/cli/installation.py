"""Which installation is meant, and what the commands use of it, each opened on first use."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import boto3
import typer

from erasure_adjudication.adapters import ErrorTable, SourceQueues
from erasure_adjudication.cli.failures import WrongUsage
from erasure_adjudication.use_case import Desk
from erasure_shared.bus import EventBus
from erasure_shared.locations import Digest
from erasure_shared.mutex import MutexClient
from erasure_shared.requests import Requests
from erasure_shared.tables import bind_tables
from erasure_shared.wiring import QUICK, now

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_ssm import SSMClient

StageOption = Annotated[
    str | None,
    typer.Option(
        "--stage",
        help="Which installation, looked up in SSM. Default: ERASURE_* of the environment.",
        show_default=False,
    ),
]

_PARAMETERS = {
    "bus": "bus-name",
    "gdpr_table": "gdpr-table",
    "error_table": "error-table",
    "mutex_table": "mutex-table",
    "athena_bucket": "athena-bucket",
    "digest_secret": "digest-secret-arn",
}
"""The settings of the functions, and the SSM parameters that hold the same values."""

_WHICH = "say which installation: with --stage, or ERASURE_STAGE"


class Installation:
    """The installation named on the command line, or else by the environment."""

    def __init__(self, stage: str | None, environment: Mapping[str, str] | None = None) -> None:
        self._environment = dict(os.environ if environment is None else environment)
        if stage is not None:
            self._environment = {}
        self._stage = stage or self._environment.get("ERASURE_STAGE")

    def setting(self, name: str) -> str:
        """The physical name of a part.

        Raises:
            WrongUsage: neither the command line nor the environment says which installation.
        """
        if value := self._environment.get(f"ERASURE_{name.upper()}"):
            return value
        if not self._stage:
            raise WrongUsage(_WHICH)
        parameter = f"/erasure/{self._stage}/{_PARAMETERS[name]}"
        ssm: SSMClient = boto3.client("ssm", config=QUICK)
        return ssm.get_parameter(Name=parameter)["Parameter"]["Value"]

    @property
    def location_function(self) -> str:
        """The name of the function that finds people, as its template has it.

        Raises:
            WrongUsage: as `setting` does.
        """
        if not self._stage:
            raise WrongUsage(_WHICH)
        return f"erasure-{self._stage}-location"

    @cached_property
    def requests(self) -> Requests:
        """The requests in the GDPR table."""
        bind_tables(gdpr_table=self.setting("gdpr_table"))
        return Requests(_DigestOnDemand(self._digest_key), now)

    @cached_property
    def errors(self) -> ErrorTable:
        """The erasure errors."""
        bind_tables(error_table=self.setting("error_table"))
        return ErrorTable()

    @cached_property
    def mutex(self) -> MutexClient:
        """The locks, to look at."""
        return MutexClient(table_name=self.setting("mutex_table"))

    @cached_property
    def desk(self) -> Desk:
        """What carrying out decisions needs."""
        queues = SourceQueues(boto3.client("sqs", config=QUICK))
        return Desk(self.requests, self.errors, now, self.bus("erasure.adjudication"), queues)

    def bus(self, source: str) -> EventBus:
        """The bus, to publish on as `source`."""
        return EventBus(boto3.client("events", config=QUICK), self.setting("bus"), now, source)

    def s3(self) -> S3Client:
        """S3."""
        client: S3Client = boto3.client("s3", config=QUICK)
        return client

    def _digest_key(self) -> bytes:
        secrets: SecretsManagerClient = boto3.client("secretsmanager", config=QUICK)
        secret = secrets.get_secret_value(SecretId=self.setting("digest_secret"))
        return secret["SecretString"].encode()


class _DigestOnDemand(Digest):
    """Most commands only read, so most people need no right to read the key."""

    def __init__(self, fetch_key: Callable[[], bytes]) -> None:
        self._fetch_key = fetch_key

    @cached_property
    def _digest(self) -> Digest:
        return Digest(self._fetch_key())

    def __call__(self, *values: str) -> str:
        """As `Digest` does."""
        return self._digest(*values)
