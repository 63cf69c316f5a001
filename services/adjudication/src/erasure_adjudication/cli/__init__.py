"""The `erasure` command line: plan an erasure, ask for it, see how far it is, decide what failed.

Works wherever boto3 finds credentials; it shows references, counts and reasons, never whose data.
"""

from __future__ import annotations

import typer

from erasure_adjudication.cli.errors import errors
from erasure_adjudication.cli.failures import PlainFailures
from erasure_adjudication.cli.plan import plan
from erasure_adjudication.cli.request import request
from erasure_adjudication.cli.status import status

app = typer.Typer(
    name="erasure",
    cls=PlainFailures,
    help="Ask for the erasure of people's data, see how far it is, decide what failed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Which installation: --stage, or the environment (ERASURE_STAGE, ERASURE_*).",
)
app.command()(plan)
app.command()(request)
app.command()(status)
app.add_typer(errors, name="errors")


def main() -> None:
    """The console script."""
    app()
