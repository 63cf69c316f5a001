"""Which AWS operations the code of the functions calls, read from its text.

A client of boto3 takes keyword arguments only, so a call by the name of an operation, with none
but keyword arguments, is a call of AWS. PynamoDB and Powertools call by names of their own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import botocore.session
from botocore import xform_name

from infra.trimming import AWS_SERVICES
from tests.architecture.templates import ROOT, SERVICES, physical, resources

SOURCES = (ROOT / "shared" / "src", *(ROOT / "services" / name / "src" for name in SERVICES))
_OF_POWERTOOLS = {
    "get_parameter": ("ssm", "GetParameter"),
    "get_parameters": ("ssm", "GetParametersByPath"),
    "get_secret": ("secretsmanager", "GetSecretValue"),
}
_OF_A_MODEL = {
    "get": "GetItem",
    "query": "Query",
    "count": "Query",
    "scan": "Scan",
    "batch_get": "BatchGetItem",
    "batch_write": "BatchWriteItem",
}
_OF_AN_ITEM = {
    "save": "PutItem",
    "update": "UpdateItem",
    "delete": "DeleteItem",
    "refresh": "GetItem",
}
_TRANSACTIONS = {"TransactWrite": "TransactWriteItems", "TransactGet": "TransactGetItems"}
_OF_A_TRANSACTION = {"save", "update", "delete", "condition_check"}
_TRANSFERS = {
    "upload_file": "PutObject",
    "upload_fileobj": "PutObject",
    "download_file": "GetObject",
    "download_fileobj": "GetObject",
}


class Call(NamedTuple):
    """A place in the code that calls AWS."""

    module: str
    line: int
    service: str
    operation: str


def entry_points() -> dict[str, str]:
    """The module of each function's handler, by the function's name in the stage `local`."""
    return {
        physical(function["FunctionName"], stage="local"): function["Handler"].rpartition(".")[0]
        for service in SERVICES
        for function in resources(service, "AWS::Serverless::Function").values()
    }


@cache
def modules() -> dict[str, ast.Module]:
    """Every module that a function may run, by its name."""
    found = {}
    for source in SOURCES:
        for file in sorted(source.rglob("*.py")):
            name = ".".join(file.relative_to(source).with_suffix("").parts)
            text = file.read_text(encoding="utf-8")
            found[name.removesuffix(".__init__")] = ast.parse(text, str(file))
    return found


@cache
def reached_from(entry: str) -> frozenset[str]:
    """The modules that are imported when that one is."""
    reached: set[str] = set()
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name in modules() and name not in reached:
            reached.add(name)
            waiting += imported_by(modules()[name])
            waiting += [str(parent).replace("/", ".") for parent in Path(*name.split(".")).parents]
    return frozenset(reached)


def imported_by(tree: ast.Module) -> Iterator[str]:
    """Names of modules, and of what may be one; not what type checkers alone import."""
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and id(node) not in skipped:
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in skipped:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls_in(names: Iterable[str]) -> list[Call]:
    """Every call of AWS in these modules."""
    return [
        Call(name, line, service, operation)
        for name in sorted(names)
        for line, service, operation in sorted(set(calls_of(modules()[name])))
    ]


def calls_of(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Line, service and operation of every call of AWS in a module."""
    has_models = any(
        name.startswith(("pynamodb.", "erasure_shared.tables")) for name in imported_by(tree)
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found = [*_by_boto3(node), *_by_powertools(node)]
            found += _by_pynamodb(node) if has_models else []
            yield from ((node.lineno, service, operation) for service, operation in found)


def _by_boto3(call: ast.Call) -> Iterator[tuple[str, str]]:
    if not isinstance(call.func, ast.Attribute):
        return
    name = call.func.attr
    if name in ("get_paginator", "get_waiter") and isinstance(call.args[0], ast.Constant):
        yield from operations()[str(call.args[0].value)]
    elif name in _TRANSFERS:
        yield "s3", _TRANSFERS[name]
    elif call.keywords and not call.args and _are_names_of_aws(call.keywords):
        yield from operations().get(name, ())


def _are_names_of_aws(keywords: list[ast.keyword]) -> bool:
    """`Bucket=`, or `**bucket_and_key`; our own functions have names in lower case."""
    return all(keyword.arg is None or keyword.arg[0].isupper() for keyword in keywords)


def _by_powertools(call: ast.Call) -> Iterator[tuple[str, str]]:
    if isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "parameters":
        yield _OF_POWERTOOLS[call.func.attr]


def _by_pynamodb(call: ast.Call) -> Iterator[tuple[str, str]]:
    if isinstance(call.func, ast.Name) and call.func.id in _TRANSACTIONS:
        yield "dynamodb", _TRANSACTIONS[call.func.id]
    if not isinstance(call.func, ast.Attribute):
        return
    name, on = call.func.attr, _root(call.func.value)
    if name in _OF_A_MODEL and on.endswith("Item"):
        yield "dynamodb", _OF_A_MODEL[name]
    if name in _OF_AN_ITEM and not (on == "transaction" and name in _OF_A_TRANSACTION):
        yield "dynamodb", _OF_AN_ITEM[name]


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


@cache
def operations() -> dict[str, tuple[tuple[str, str], ...]]:
    """Service and operation by the name of the client's method."""
    session = botocore.session.get_session()
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for service in sorted(AWS_SERVICES):
        for operation in session.get_service_model(service).operation_names:
            method = xform_name(operation)
            found[method] = (*found.get(method, ()), (service, operation))
    return found
