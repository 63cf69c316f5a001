"""What the data map says, what there is, and where they differ. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from erasure_shared.data_map import (
    DataMap,
    DynamoDBStore,
    IgnoredDynamoDBTable,
    IgnoredPostgreSQLTable,
    IgnoredS3Table,
    PostgreSQLStore,
    S3Store,
)

Store = S3Store | DynamoDBStore | PostgreSQLStore
Ignored = IgnoredS3Table | IgnoredDynamoDBTable | IgnoredPostgreSQLTable


@dataclass(frozen=True, order=True)
class TableName:
    """A table, in its Glue database or PostgreSQL schema; DynamoDB has neither."""

    kind: str
    within: str
    table: str

    def __str__(self) -> str:
        place = f"{self.within}.{self.table}" if self.within else self.table
        return f"{self.kind} {place}"


@dataclass(frozen=True)
class Table:
    """A table as it is. A DynamoDB table has the columns of a sample of its items."""

    columns: tuple[str, ...] = ()
    hash_key: str | None = None
    index_hash_keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """A line of the answer; a gap is something to be put right."""

    where: str
    what: str
    is_gap: bool


def compare(
    data_map: DataMap,
    tables: Iterable[TableName],
    look: Callable[[TableName], Table | None],
    ours: Collection[TableName],
) -> Iterator[Finding]:
    """Every store, then every table that no store declares; `look` answers None for what is absent.

    Tables of `ours` belong to Erasure itself.
    """
    for store in data_map.stores:
        table = look(name_of(store))
        gaps = list(_gaps(store, table))
        where = f"{store.name} ({name_of(store)})"
        yield from (Finding(where, gap, is_gap=True) for gap in gaps)
        if not gaps and table is not None:
            said = "as declared" if table.columns else "as declared; it is empty"
            yield Finding(where, f"{said}, {len(table.columns)} columns", is_gap=False)
    declared = {name_of(store) for store in data_map.stores}
    for name in sorted(set(tables) - declared - set(ours)):
        reason = _reason_to_ignore(name, data_map.ignored_tables)
        if reason is None:
            yield Finding(str(name), "is neither declared nor ignored", is_gap=True)
        else:
            yield Finding(str(name), f"ignored: {reason}", is_gap=False)


def name_of(store: Store) -> TableName:
    """The table that the store declares."""
    match store:
        case S3Store():
            return TableName("s3", store.database, store.table)
        case DynamoDBStore():
            return TableName("dynamodb", "", store.table)
        case PostgreSQLStore():
            return TableName("postgresql", store.schema_name, store.table)


def _gaps(store: Store, table: Table | None) -> Iterator[str]:
    if table is None:
        yield "the table does not exist"
        return
    if isinstance(store, DynamoDBStore):
        id_column = store.id_attribute
        yield from _key_gaps(store, table)
    else:
        id_column = store.id_column
        if not _holds(table, id_column):
            yield f"the id column {id_column} does not exist"
    yield from _classification_gaps(store, table, id_column)


def _classification_gaps(store: Store, table: Table, id_column: str) -> Iterator[str]:
    if store.columns.get(id_column, "identifier") != "identifier":
        yield f"column {id_column} holds the id and must be classified identifier"
    for column in table.columns:
        if column not in store.columns:
            yield f"column {column} is not classified"
    if isinstance(store, DynamoDBStore):
        return  # the items of the sample may lack an attribute that others have
    for column in store.columns:
        if not _holds(table, column):
            yield f"column {column} is classified but does not exist"


def _holds(table: Table, id_column: str) -> bool:
    """Whether the column is there; `a.b` is a field of the struct `a`."""
    return id_column in table.columns or id_column.split(".")[0] in table.columns


def _key_gaps(store: DynamoDBStore, table: Table) -> Iterator[str]:
    if store.index is None:
        if table.hash_key != store.id_attribute:
            yield f"{store.id_attribute} is not the hash key: name the index that it is in"
    elif store.index not in table.index_hash_keys:
        yield f"the index {store.index} does not exist"
    elif table.index_hash_keys[store.index] != store.id_attribute:
        yield f"{store.id_attribute} is not the hash key of the index {store.index}"


def _reason_to_ignore(name: TableName, ignored: Iterable[Ignored]) -> str | None:
    for entry in ignored:
        if _within(entry) == (name.kind, name.within) and fnmatchcase(
            name.table, _only_stars(entry.table)
        ):
            return entry.reason
    return None


def _within(entry: Ignored) -> tuple[str, str]:
    match entry:
        case IgnoredS3Table():
            return ("s3", entry.database)
        case IgnoredDynamoDBTable():
            return ("dynamodb", "")
        case IgnoredPostgreSQLTable():
            return ("postgresql", entry.schema_name)


def _only_stars(pattern: str) -> str:
    """Of fnmatch's signs only `*` is one here."""
    return pattern.replace("[", "[[]").replace("?", "[?]")
