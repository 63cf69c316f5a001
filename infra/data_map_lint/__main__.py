"""`python -m infra.data_map_lint [--stage STAGE] [--file FILE]`: exit code 1 where gaps are found.

The map is the deployed one of the stage, unless a file is given: then that is compared before it
is deployed. Whoever runs it needs `ssm:GetParameter`, `s3:GetObject` (a large map is an object),
`glue:GetTables`, `glue:GetTable`, `dynamodb:ListTables`, `dynamodb:DescribeTable`, `dynamodb:Scan`
(the attribute names of a thousand items) and what connecting to PostgreSQL takes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.text import Text

from erasure_shared.data_map import DataMap, DataMapObject
from erasure_shared.errors import ErasureError
from erasure_shared.observability import reason_of
from erasure_shared.postgresql import connection
from infra.data_map_lint.core import Finding, TableName, compare
from infra.data_map_lint.stores import Stores

_OUR_TABLES = ("gdpr-table", "error-table", "mutex-table")
_WANTED = "wanted"


class Installation:
    """What the platform wrote into SSM."""

    def __init__(self, ssm: Any, stage: str) -> None:
        self._ssm = ssm
        self._stage = stage

    def value(self, name: str) -> str:
        """The value of `/erasure/STAGE/name`."""
        parameter = self._ssm.get_parameter(Name=f"/erasure/{self._stage}/{name}")
        return str(parameter["Parameter"]["Value"])

    def our_tables(self) -> Iterator[TableName]:
        """Those that Erasure keeps for itself."""
        for name in _OUR_TABLES:
            yield TableName("dynamodb", "", self.value(name))
        yield TableName("s3", self.value("glue-database"), _WANTED)


def findings(stage: str, file: Path | None, session: boto3.Session) -> list[Finding]:
    """The comparison for a stage, of its own map or of one in a file."""
    installation = Installation(session.client("ssm"), stage)
    if file:
        text = file.read_text(encoding="utf-8")
    else:
        text = installation.value("data-map")
        stored = DataMapObject.named_by(text)
        text = stored.text(session.client("s3")) if stored else text
    data_map = DataMap.read(text)
    stores = Stores(
        session.client("glue"),
        session.client("dynamodb"),
        lambda: connection(installation.value("postgresql-secret-arn")),
    )
    ours = set(installation.our_tables())
    return list(compare(data_map, stores.tables(data_map), stores.look, ours))


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, tell, and say by the exit code whether there are gaps (1) or it failed (2)."""
    parser = argparse.ArgumentParser(prog="python -m infra.data_map_lint", description=__doc__)
    parser.add_argument("--stage", default=os.environ.get("ERASURE_STAGE"))
    parser.add_argument("--file", type=Path, help="a data map that is not deployed yet")
    options = parser.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    if not options.stage:
        parser.error("say which installation: --stage, or ERASURE_STAGE in the environment")
    try:
        found = findings(options.stage, options.file, boto3.Session())
    except (BotoCoreError, ClientError, ErasureError, OSError, psycopg.Error) as error:
        console.print(Text.assemble(("cannot compare: ", "bold red"), _said(error)))
        return 2
    for finding in found:
        console.print(_line(finding))
    gaps = sum(finding.is_gap for finding in found)
    console.print(f"\n{gaps} gap{'' if gaps == 1 else 's'} between the data map and what there is.")
    return 1 if gaps else 0


def _line(finding: Finding) -> Text:
    mark = ("GAP  ", "bold red") if finding.is_gap else ("ok   ", "green")
    return Text.assemble(mark, (finding.where, "bold"), f": {finding.what}")


def _said(error: BaseException) -> str:
    if isinstance(error, ClientError):
        return f"AWS refused {error.operation_name}: {error.response['Error']['Code']}"
    if isinstance(error, OSError):
        return f"the file cannot be read: {error.strerror}"
    return reason_of(error)


if __name__ == "__main__":
    sys.exit(main())
