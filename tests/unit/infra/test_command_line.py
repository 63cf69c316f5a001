"""What a command says, where, and with which exit code."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from infra.change_sets import DeploymentFailed, NotConfirmed
from infra.command_line import exit_code, parser
from infra.stage_files import BadInput
from infra.zips import BuildFailed

DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "CreateStack")


def test_what_happened_is_printed_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("make it", lambda: ["one", "two"]) == 0

    assert capsys.readouterr().out == "one\ntwo\n"


@pytest.mark.parametrize(
    ("wrong", "code", "message"),
    [
        (BadInput("no such stage"), 1, "make it: no such stage"),
        (BuildFailed("too large"), 1, "make it: too large"),
        (DeploymentFailed("rolled back"), 1, "make it: rolled back"),
        (NotConfirmed("nothing was removed"), 2, "make it: nothing was removed"),
        (NoCredentialsError(), 1, "make it: AWS: Unable to locate credentials"),
        (DENIED, 1, "make it: AWS: An error occurred (AccessDenied)"),
    ],
)
def test_what_goes_wrong_is_one_line_and_an_exit_code(
    wrong: Exception, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def act() -> Iterator[str]:
        yield "so far"
        raise wrong

    assert exit_code("make it", act) == code

    printed = capsys.readouterr()
    assert printed.out == "so far\n"
    assert printed.err.startswith(message)
    assert printed.err.count("\n") == 1


def test_a_stage_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser("make it", ["purge"]).parse_args([])

    assert "stage" in capsys.readouterr().err
