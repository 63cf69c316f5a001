"""The one query that finds all wanted people in one table of the lake.

    JOIN "wanted" w ON CAST(t."id" AS varchar) = w."profile_id" WHERE w."batch" = ?

The wanted ids are an uploaded list that is joined, however few they are: Athena keeps the text and
the parameters of a query in its history for 45 days (User Guide, "View query history"), the content
of a joined list never.

Ids are compared as text: an id is found where the column's text is the id's text, which holds for
the types that `lake_table` lets pass. On a string column the cast vanishes from the plan and
pruning works.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from json import dumps

from pydantic import SecretStr

from erasure_location.core.lake_table import LakeTable
from erasure_shared.data_map import S3Store
from erasure_shared.errors import Rejected
from erasure_shared.locations import Found, Identifier, StoreKind

MAX_PARAMETER_CHARACTERS = 1_024
"""StartQueryExecution, ExecutionParameters: 1 to 1,024 characters each."""
WANTED_TABLE = "wanted"


@dataclass(frozen=True)
class Wanted:
    """The wanted ids as a batch of the table `wanted`."""

    database: str
    batch: str


@dataclass(frozen=True)
class Statement:
    """A query's text and the literals of its question marks, in their order."""

    text: str
    parameters: tuple[str, ...] = field(repr=False)


def statement(table: LakeTable, wanted: Wanted, excluded: Sequence[str] = ()) -> Statement:
    """Which objects hold which of the wanted people; `excluded` objects are not even opened.

    Trino drops the splits of excluded paths before anybody reads them
    (InternalHiveSplitFactory, pathMatchesPredicate).
    """
    source, parameters = _matches(table, wanted, excluded)
    return Statement(f'SELECT DISTINCT t."$path", {_id_text(table)} {source}', parameters)


def counting(table: LakeTable, wanted: Wanted, excluded: Sequence[str] = ()) -> Statement:
    """How many rows of the wanted people each object holds; its result names nobody."""
    source, parameters = _matches(table, wanted, excluded)
    count = "CAST(count(*) AS varchar)"
    return Statement(f'SELECT t."$path", {count} {source} GROUP BY t."$path"', parameters)


def _matches(
    table: LakeTable, wanted: Wanted, excluded: Sequence[str]
) -> tuple[str, tuple[str, ...]]:
    source = (
        f"FROM {quoted(table.database)}.{quoted(table.name)} AS t"
        f" JOIN {quoted(wanted.database)}.{quoted(WANTED_TABLE)} AS w"
        f" ON {_id_text(table)} = w.{quoted('profile_id')}"
        f" WHERE w.{quoted('batch')} = ?"
    )
    if excluded:
        source += f' AND t."$path" NOT IN ({", ".join("?" for _ in excluded)})'
    return source, tuple(map(literal, [wanted.batch, *excluded]))


def _id_text(table: LakeTable) -> str:
    """The brackets say that what follows are fields, and `t` is no schema."""
    column, *fields = map(quoted, table.id_path)
    value = ".".join([f"(t.{column})", *fields]) if fields else f"t.{column}"
    return f"CAST({value} AS varchar)"


def literal(text: str) -> str:
    """A string literal of Athena's SQL: quotation marks doubled, everything else as it is.

    Raises:
        Rejected: it is too long for an execution parameter.
    """
    parameter = "'" + text.replace("'", "''") + "'"
    if len(parameter) > MAX_PARAMETER_CHARACTERS:
        raise Rejected(
            f"Athena takes parameters of at most {MAX_PARAMETER_CHARACTERS} characters",
            reason_code="ATHENA_PARAMETER_TOO_LONG",
        )
    return parameter


def quoted(name: str) -> str:
    """An identifier of Athena's SQL; the data map refuses names with quotation marks."""
    return '"' + name.replace('"', '""') + '"'


def wanted_lines(subjects: Iterable[SecretStr]) -> bytes:
    """The list to be joined: JSON lines, in ASCII so that no line ends inside an id."""
    return b"".join(
        dumps({"profile_id": subject.get_secret_value()}).encode() + b"\n" for subject in subjects
    )


def findings(
    store: S3Store, rows: Iterable[tuple[str, str]], subjects: Iterable[SecretStr]
) -> tuple[Found, ...]:
    """The rows (object, id) of the result, as one finding for each object."""
    wanted = {subject.get_secret_value(): subject for subject in subjects}
    people: dict[str, dict[str, SecretStr]] = {}
    for path, profile_id in rows:
        if profile_id in wanted:
            people.setdefault(path, {})[profile_id] = wanted[profile_id]
    return tuple(_found(store, path, subjects_of) for path, subjects_of in sorted(people.items()))


def unreadable(store: S3Store, path: str, subjects: Sequence[SecretStr]) -> Found:
    """An object that Athena cannot read may hold anybody: all subjects are to be purged from it."""
    return Found(store.name, StoreKind.S3, path, tuple(map(Identifier, subjects)))


def _found(store: S3Store, path: str, people: Mapping[str, SecretStr]) -> Found:
    identifiers = tuple(Identifier(subject) for _, subject in sorted(people.items()))
    return Found(store.name, StoreKind.S3, path, identifiers)
