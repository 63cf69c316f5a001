"""One query: parsed in Athena's dialect, run in DuckDB's, on the objects it can see."""

import contextlib
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope
from sqlglot.tokens import TokenType

from infra.local.extensions.athena.catalogue import StoredObject, Table, find_table, objects_of
from infra.local.extensions.athena.errors import QueryFailed, QueryRefused
from infra.local.extensions.athena.relation import (
    HIDDEN_COLUMNS,
    PATH,
    Relation,
    duckdb_type,
    quoted,
)
from infra.local.extensions.athena.text import Row, athena_type, value_text

_DIALECT = "trino"  # Athena's queries are Trino's; only its DDL is Hive's
_PLACEHOLDER = "__execution_parameter_{}__"
_LITERALS = (exp.Literal, exp.Boolean, exp.Null)


@dataclass(frozen=True)
class Result:
    """What a query found."""

    columns: Sequence[str]
    types: Sequence[str]
    rows: Sequence[Row]
    scanned_bytes: int


def parse(text: str, parameters: Sequence[str]) -> exp.Query:
    """The query with its parameters in place: as parsed literals, never as spliced text.

    Raises:
        QueryRefused: the text is not one SELECT statement.
        QueryFailed: the parameters do not fit the question marks.
    """
    try:
        marks = [
            token
            for token in sqlglot.tokenize(text, read=_DIALECT)
            if token.token_type is TokenType.PLACEHOLDER
        ]
        for number, mark in reversed(list(enumerate(marks))):
            text = f'{text[: mark.start]}"{_PLACEHOLDER.format(number)}"{text[mark.end + 1 :]}'
        tree = sqlglot.parse_one(text, read=_DIALECT)
    except SqlglotError as error:
        raise QueryRefused("line 1:1: mismatched input") from error
    if not isinstance(tree, exp.Query):
        raise QueryRefused("line 1:1: only SELECT is understood here")
    if len(marks) != len(parameters):
        raise QueryFailed(
            f"INVALID_PARAMETER_USAGE: line 1:1: Incorrect number of parameters: "
            f"expected {len(marks)} but found {len(parameters)}"
        )
    values = {_PLACEHOLDER.format(at): _literal(value) for at, value in enumerate(parameters)}
    return tree.transform(lambda node: _value_for(node, values))


def _value_for(node: exp.Expression, values: dict[str, exp.Expression]) -> exp.Expression:
    value = values.get(node.name) if isinstance(node, exp.Column) else None
    return node if value is None else value.copy()


def _literal(text: str) -> exp.Expression:
    with contextlib.suppress(SqlglotError):
        value = sqlglot.parse_one(text, read=_DIALECT)
        inner = value.this if isinstance(value, exp.Neg | exp.Cast) else value
        if isinstance(inner, _LITERALS):
            return value
    raise QueryFailed(
        "INVALID_PARAMETER_USAGE: line 1:1: an execution parameter must be a literal; "
        "texts stand in single quotation marks"
    )


def run(tree: exp.Query, database: str) -> Result:
    """Run the parsed query; blocking.

    Raises:
        QueryFailed: with the reason.
    """
    with (
        tempfile.TemporaryDirectory(prefix="athena-") as folder,
        contextlib.closing(duckdb.connect()) as connection,
    ):
        connection.execute("SET TimeZone = 'UTC'; SET threads = 2")
        _name_result_columns(tree)
        relations = list(_replace_tables(tree, database, Path(folder), connection))
        try:
            cursor = connection.execute(tree.sql("duckdb"))
            rows = [tuple(map(value_text, row)) for row in cursor.fetchall()]
        except duckdb.Error as error:
            raise QueryFailed(_reason(error, relations)) from error
        described = connection.description or []
        return Result(
            columns=[name for name, *_ in described],
            types=[athena_type(str(kind)) for _, kind, *_ in described],
            rows=rows,
            scanned_bytes=sum(relation.scanned_bytes for relation in relations),
        )


def _name_result_columns(tree: exp.Query) -> None:
    """Nameless expressions are `_col0`, `_col1`, … after their position."""
    for position, item in enumerate(tree.selects):
        if not isinstance(item, exp.Alias | exp.Column | exp.Star):
            item.replace(exp.alias_(item.copy(), f"_col{position}"))


def _replace_tables(
    tree: exp.Query, database: str, folder: Path, connection: Any
) -> Iterator[Relation]:
    """Put a view over the stored objects in the place of every table of the catalogue."""
    names = {column.name.lower() for column in tree.find_all(exp.Column)}
    hidden = names & set(HIDDEN_COLUMNS)
    stars = [s for s in tree.find_all(exp.Star) if isinstance(s.parent, exp.Select | exp.Column)]
    found = [
        (scope.expression, source)
        for scope in traverse_scope(tree)
        for _, source in scope.selected_sources.values()
        if isinstance(source, exp.Table)
    ]
    for number, (select, node) in enumerate(found):
        table = find_table((node.db or database).lower(), node.name.lower())
        objects = _pruned(table, select, node.alias_or_name, connection)
        columns = {column.name for column in table.columns} if stars else names
        relation = Relation(table, objects, folder / str(number), columns)
        for statement in relation.files_table(f"files_{number}"):
            connection.execute(statement)
        view = relation.view(f"files_{number}", hidden=hidden)
        _create_view(connection, f"relation_{number}", view, relation)
        alias = node.alias_or_name
        node.replace(exp.alias_(exp.to_table(f"relation_{number}"), alias, table=True))
        yield relation
    for column in tree.find_all(exp.Column):
        column.set("db", None)
        column.set("catalog", None)
    for star in stars:
        star.set("except_", [exp.column(name, quoted=True) for name in sorted(hidden)] or None)


def _create_view(connection: Any, name: str, select: str, relation: Relation) -> None:
    try:
        connection.execute(f"CREATE TEMP VIEW {name} AS {select}")
    except duckdb.Error as error:
        raise QueryFailed(_reason(error, [relation])) from error


def _pruned(
    table: Table, select: exp.Expression, alias: str, connection: Any
) -> list[StoredObject]:
    """The objects that the conditions on partition keys and on the path leave over."""
    objects = objects_of(table)
    keys = {key.name for key in table.partition_keys}
    conditions = list(_conditions_on(keys, select, alias))
    for key in table.injected_keys:
        if not any(_pins(condition, key) for condition in conditions):
            raise QueryFailed(
                f"CONSTRAINT_VIOLATION: For the injected projected partition column {key}, the "
                "WHERE clause must contain only static equality conditions, and at least one such "
                "condition must be present"
            )
    typed = {key.name: duckdb_type(key.type) for key in table.partition_keys}
    partitions = {item.partition for item in objects}
    wanted = _matching(partitions, typed, conditions, connection)
    objects = [item for item in objects if item.partition in wanted]
    # An object that a condition on its path leaves out is not even opened (Trino drops its splits).
    conditions = list(_conditions_on({PATH}, select, alias))
    opened = _matching({(item.uri,) for item in objects}, {PATH: "VARCHAR"}, conditions, connection)
    return [item for item in objects if (item.uri,) in opened]


def _conditions_on(
    names: Collection[str], select: exp.Expression, alias: str
) -> Iterator[exp.Expression]:
    """Those of the conditions joined by AND that speak of these columns of this table only."""
    where = select.args.get("where")
    clauses = [where.this] if where else []
    clauses += [
        join.args["on"]
        for join in select.args.get("joins") or []
        if join.args.get("on") and not join.side
    ]
    for clause in clauses:
        for condition in clause.flatten() if isinstance(clause, exp.And) else [clause]:
            columns = list(condition.find_all(exp.Column))
            ours = all(c.name.lower() in names and c.table in ("", alias) for c in columns)
            if columns and ours and not condition.find(exp.Query):
                yield condition


def _pins(condition: exp.Expression, key: str) -> bool:
    condition = condition.unnest()
    match condition:
        case exp.EQ():
            sides = (condition.this, condition.expression)
            named = any(isinstance(side, exp.Column) and side.name.lower() == key for side in sides)
            return named and any(isinstance(side, exp.Literal) for side in sides)
        case exp.In():
            values = condition.expressions
            named = isinstance(condition.this, exp.Column) and condition.this.name.lower() == key
            return named and bool(values) and all(isinstance(v, exp.Literal) for v in values)
        case _:
            return False


def _matching(
    rows: Collection[tuple[str, ...]],
    typed: Mapping[str, str],
    conditions: Sequence[exp.Expression],
    connection: Any,
) -> Collection[tuple[str, ...]]:
    """The rows (of columns with these DuckDB types) that fulfil all conditions."""
    if not conditions or not rows:
        return rows
    listed = sorted(rows)
    columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in typed.items())
    marks = ", ".join("?" for _ in typed)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE candidates (number INTEGER, {columns})")
    connection.executemany(
        f"INSERT INTO candidates VALUES (?, {marks})",  # noqa: S608 - question marks only
        [(number, *values) for number, values in enumerate(listed)],
    )
    bare = exp.and_(*(condition.copy() for condition in conditions))
    for column in bare.find_all(exp.Column):
        column.set("table", None)
        column.set("db", None)
    query = exp.select("number").from_("candidates").where(bare)
    try:
        found = connection.execute(query.sql("duckdb")).fetchall()
    except duckdb.Error as error:
        raise QueryFailed(_reason(error, [])) from error
    return {listed[number] for (number,) in found}


def _reason(error: duckdb.Error, relations: Sequence[Relation]) -> str:
    """DuckDB's complaint in Athena's categories, with the object in the place of our file."""
    message = str(error).partition("\n")[0]
    uri = next(filter(None, (relation.uri_of(str(error)) for relation in relations)), None)
    match error:
        case duckdb.BinderException():
            return f"COLUMN_NOT_FOUND: line 1:1: {message}"
        case duckdb.CatalogException():
            return f"FUNCTION_NOT_FOUND: line 1:1: {message}"
        case duckdb.ConversionException():
            return f"INVALID_CAST_ARGUMENT: {message}"
        case _ if uri is not None:
            return f"HIVE_BAD_DATA: {uri} cannot be read"
        case _:
            damaged = (item.unreadable() for item in relations if not item.table.is_json)
            if bad := next(filter(None, damaged), None):
                return f"HIVE_BAD_DATA: {bad} cannot be read"
            return f"GENERIC_INTERNAL_ERROR: {message}"
