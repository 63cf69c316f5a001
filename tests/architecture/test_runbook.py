"""Every command of the runbook could be typed: targets, subcommands, options, names and parameters.

Whoever is called at night copies them. What the commands do is shown elsewhere; here none is run.
"""

from __future__ import annotations

import re
import shlex
from typing import Any

import botocore.session
import pytest
import typer.main
from botocore import xform_name

from erasure_adjudication.cli import app
from tests.architecture.templates import ROOT, SERVICES, STACKS, physical, resources, template

RUNBOOK = (ROOT / "infra" / "RUNBOOK.md").read_text(encoding="utf-8")
_TYPED = re.compile(
    r"^ {4,6}((?:aws|erasure|make) .+)$|`((?:aws|erasure|make) [^`]+)`", re.MULTILINE
)
COMMANDS = sorted(
    {
        " ".join((block or inline).partition("  #")[0].split())
        for block, inline in _TYPED.findall(RUNBOOK)
    }
)
_HIGH_LEVEL = {
    ("logs", "tail"): {"--since", "--filter-pattern", "--follow"},
    ("s3", "ls"): {"--recursive", "--summarize"},
}
"""Commands of the AWS CLI that are no operation of an API (its reference lists their options)."""
_GLOBAL = {"--query", "--output"}
NAMED = {
    physical(properties[name], "S")
    for stack in STACKS
    for kind, name in {
        "AWS::DynamoDB::Table": "TableName",
        "AWS::Serverless::Function": "FunctionName",
        "AWS::Logs::LogGroup": "LogGroupName",
    }.items()
    for properties in resources(stack, kind).values()
}


def of(tool: str) -> list[str]:
    return [command for command in COMMANDS if command.startswith(f"{tool} ")]


def test_there_are_commands_of_every_kind() -> None:
    assert min(len(of(tool)) for tool in ("make", "erasure", "aws")) >= 4


@pytest.mark.parametrize("command", of("make"))
def test_make_has_the_target_and_reads_the_variables(command: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    _, target, *variables = shlex.split(command)
    (recipe,) = re.findall(rf"^{target}:.*\n((?:\t.*\n)*)", makefile, re.MULTILINE)
    given = dict(each.split("=", 1) for each in variables)

    assert [name for name in given if f"$({name})" not in recipe] == []
    assert given.get("SERVICE", "purge") in ("platform", *SERVICES)
    for parameter in given.get("PARAMETERS", "").split():
        stack, _, name = parameter.partition("=")[0].partition(".")
        assert name in template(stack)["Parameters"]


@pytest.mark.parametrize("command", of("erasure"))
def test_the_command_line_takes_the_arguments(command: str) -> None:
    command_line: Any = typer.main.get_command(app)
    _, *words = shlex.split(command)
    while hasattr(command_line, "commands"):
        name, *words = words
        command_line = command_line.commands[name]

    context = command_line.make_context(command_line.name, words)

    assert context.args == []


@pytest.mark.parametrize("command", of("aws"))
def test_aws_has_the_operation_and_the_options(command: str) -> None:
    words = shlex.split(command)
    service, operation = words[1:3]
    options = {word for word in words if word.startswith("--")}

    assert options - _GLOBAL <= options_of(service, operation)


def options_of(service: str, operation: str) -> set[str]:
    if (service, operation) in _HIGH_LEVEL:
        return _HIGH_LEVEL[service, operation]
    model = botocore.session.get_session().get_service_model(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(names[operation]).input_shape
    return {f"--{xform_name(member, '-')}" for member in shape.members} if shape else set()


@pytest.mark.parametrize("command", of("aws"))
def test_what_a_command_of_aws_names_is_in_a_template(command: str) -> None:
    words = shlex.split(command)
    named = {word for word in words if re.fullmatch(r"(/aws/\w+/)?erasure-S-[\w-]+", word)}
    indexes = {
        index["IndexName"]
        for table in resources("platform", "AWS::DynamoDB::Table").values()
        for index in table.get("GlobalSecondaryIndexes", [])
    }

    assert named <= NAMED
    assert {words[i + 1] for i, word in enumerate(words) if word == "--index-name"} <= indexes


def test_every_parameter_that_is_mentioned_exists() -> None:
    parameters = {stack: set(template(stack)["Parameters"]) for stack in STACKS}
    of_a_stack = re.findall(r"`(\w+)\.([A-Z]\w+)[=`]", RUNBOOK)
    alone = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)(?:=\w+)?`", RUNBOOK))

    assert of_a_stack
    assert {each for each in of_a_stack if each[1] not in parameters[each[0]]} == set()
    assert alone
    assert alone <= set().union(*parameters.values())
