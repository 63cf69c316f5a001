"""Which column of a Glue table holds the ids, and whether their text can be foretold.

The query compares `CAST(column AS varchar)`. Of a double or a char that is a text which never
equals an id: nobody would be found, and the request would end as if nobody had been there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from erasure_shared.data_map import S3Store
from erasure_shared.errors import Rejected
from erasure_shared.identifier_types import glue_type_holds_ids, glue_type_longest_id

Column = tuple[str, str]
"""A name and a type of Glue, `struct<id:string,…>` for instance."""


@dataclass(frozen=True)
class LakeTable:
    """A table whose ids can be compared; `id_path` leads through structs to their column.

    Athena cuts ids to `longest_id` characters, if that is a number.
    """

    database: str
    name: str
    id_path: tuple[str, ...]
    longest_id: int | None = None

    def check(self, store: S3Store, ids: Iterable[str]) -> None:
        """No id may be longer than what Athena reads of it.

        Raises:
            Rejected: one is; it might be in an object and not be found.
        """
        if self.longest_id is None:
            return
        longer = sum(len(text) > self.longest_id for text in ids)
        if longer:
            raise Rejected(
                f"id_column: is varchar({self.longest_id}), to which Athena cuts longer ids: "
                "declare it as string",
                store=store.name,
                longer_ids=longer,
                reason_code="GLUE_ID_TYPE_TOO_SHORT",
            )


def lake_table(
    store: S3Store, columns: Sequence[Column], partition_keys: Sequence[Column]
) -> LakeTable:
    """The table as it is declared in Glue.

    Raises:
        Rejected: the id column is missing, no column of the objects, or of another type.
    """
    if any(name.lower() == store.id_column.lower() for name, _ in partition_keys):
        raise _refusal("a partition key, which the objects do not hold", store, "NO_ID_COLUMN")
    for path in ((store.id_column,), tuple(store.id_column.split("."))):
        if (column_type := _type_at(columns, path)) is not None:
            if not glue_type_holds_ids(column_type):
                raise _refusal(
                    "of a type whose values cannot be compared with ids: "
                    "string, varchar, an integer or decimal is needed",
                    store,
                    "ID_TYPE_UNSUPPORTED",
                )
            return LakeTable(store.database, store.table, path, glue_type_longest_id(column_type))
    raise _refusal("not among the table's columns", store, "NO_ID_COLUMN")


def _refusal(problem: str, store: S3Store, code: str) -> Rejected:
    return Rejected(f"id_column: is {problem}", store=store.name, reason_code=f"GLUE_{code}")


def _type_at(columns: Sequence[Column], path: Sequence[str]) -> str | None:
    """The type of a column or a struct's field; names have no case in Athena."""
    first, *rest = path
    types = [kind for name, kind in columns if name.lower() == first.lower()]
    if len(types) != 1:
        return None
    return _type_at(tuple(_fields(types[0])), rest) if rest else types[0]


def _fields(kind: str) -> Iterator[Column]:
    """The fields of a struct; nothing else has any."""
    if not (kind.lower().startswith("struct<") and kind.endswith(">")):
        return
    for field in _split(kind[len("struct<") : -1]):
        name, _, field_type = field.partition(":")
        yield name.strip(), field_type.strip()


def _split(fields: str) -> Iterator[str]:
    """At the commas that stand in no brackets."""
    depth, start = 0, 0
    for position, character in enumerate(fields):
        depth += (character in "<(") - (character in ">)")
        if character == "," and depth == 0:
            yield fields[start:position]
            start = position + 1
    yield fields[start:]
