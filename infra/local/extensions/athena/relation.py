"""The objects of a table as one DuckDB relation with the columns that Glue declares.

Each query reads a snapshot: hard links to the stored files, so that an object replaced or deleted
meanwhile is read as it was. Files are grouped by their own schema; a column that a group does not
have reads as NULL, a column of another kind fails the query, as in Athena.
"""

import os
import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
from ministack.services import s3

from infra.local.extensions.athena.catalogue import Column, StoredObject, Table
from infra.local.extensions.athena.errors import QueryFailed
from infra.local.extensions.glue_types import kind_and_parts, name_and_type

PATH, SIZE = "$path", "$file_size"
HIDDEN_COLUMNS = (PATH, SIZE)

_SCALARS = {
    "string": "VARCHAR",
    "binary": "BLOB",
    "int": "INTEGER",
    "integer": "INTEGER",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}
_KINDS: tuple[tuple[str, Any], ...] = (
    ("integer", pyarrow.types.is_integer),
    ("floating", pyarrow.types.is_floating),
    ("decimal", pyarrow.types.is_decimal),
    ("boolean", pyarrow.types.is_boolean),
    ("text", lambda kind: pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)),
    ("bytes", lambda kind: pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind)),
    ("timestamp", pyarrow.types.is_timestamp),
    ("date", pyarrow.types.is_date),
    ("struct", pyarrow.types.is_struct),
    ("map", pyarrow.types.is_map),
    ("array", pyarrow.types.is_list),
)
_READABLE_AS = {
    "VARCHAR": {"text", "bytes"},
    "BLOB": {"text", "bytes"},
    "INTEGER": {"integer"},
    "TINYINT": {"integer"},
    "SMALLINT": {"integer"},
    "BIGINT": {"integer"},
    "FLOAT": {"floating"},
    "DOUBLE": {"floating"},
    "BOOLEAN": {"boolean"},
    "DATE": {"date"},
    "TIMESTAMP": {"timestamp"},
    "DECIMAL": {"decimal", "integer"},
    "STRUCT": {"struct"},
    "MAP": {"map"},
}


def quoted(name: str) -> str:
    """A DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A DuckDB string literal."""
    return "'" + text.replace("'", "''") + "'"


def duckdb_type(glue_type: str) -> str:
    """The DuckDB type of a Glue column, nested types included."""
    kind, parts = kind_and_parts(glue_type)
    match kind:
        case "array":
            return f"{duckdb_type(parts[0])}[]"
        case "map":
            return f"MAP({duckdb_type(parts[0])}, {duckdb_type(parts[1])})"
        case "struct":
            fields = map(name_and_type, parts)
            listed = ", ".join(f"{quoted(name)} {duckdb_type(of)}" for name, of in fields)
            return f"STRUCT({listed})"
        case scalar if scalar.startswith("decimal"):
            return scalar.upper() if "(" in scalar else "DECIMAL(10, 0)"
        case scalar:
            return _SCALARS.get(scalar.partition("(")[0], "VARCHAR")


class Relation:
    """A table's objects, linked into the snapshot folder of one query."""

    def __init__(
        self, table: Table, objects: Sequence[StoredObject], folder: Path, columns: Collection[str]
    ) -> None:
        """Link the objects; `columns` are the names that the query reads."""
        self.table = table
        self.columns_read = columns
        self.files = dict(_linked(objects, folder, suffixed=table.is_json))
        self.scanned_bytes = 0

    def uri_of(self, message: str) -> str | None:
        """The object whose snapshot file a message of DuckDB names."""
        return next((item.uri for file, item in self.files.items() if file in message), None)

    def unreadable(self) -> str | None:
        """The first object that no reader can read; slow, for queries that failed anyway."""
        for file, item in self.files.items():
            try:
                for _ in pyarrow.parquet.ParquetFile(file).iter_batches():
                    pass
            except (pyarrow.ArrowException, OSError):
                return item.uri
        return None

    def files_table(self, name: str) -> Iterator[str]:
        """Statements that make the table of files with their partition values."""
        keys = [f"{quoted(key.name)} {duckdb_type(key.type)}" for key in self.table.partition_keys]
        columns = ["__file VARCHAR", f"{quoted(PATH)} VARCHAR", f"{quoted(SIZE)} BIGINT", *keys]
        yield f"CREATE TEMP TABLE {name} ({', '.join(columns)})"
        rows = [
            ", ".join([literal(file), literal(item.uri), str(item.size_bytes), *values])
            for file, item in self.files.items()
            for values in [map(literal, item.partition)]
        ]
        if rows:
            yield f"INSERT INTO {name} VALUES ({'), ('.join(rows)})"  # noqa: S608 - quoted above

    def view(self, files_table: str, *, hidden: Collection[str]) -> str:
        """Read the declared columns, the partition keys and the hidden columns asked for."""
        extra = [f"m.{quoted(key.name)}" for key in self.table.partition_keys]
        extra += [f"m.{quoted(name)}" for name in HIDDEN_COLUMNS if name in hidden]
        groups = self._json_groups() if self.table.is_json else self._parquet_groups()
        selects = [
            f"SELECT {', '.join([*columns, *extra])} "  # noqa: S608 - every name is quoted
            f"FROM {reader} f JOIN {files_table} m ON f.__file = m.__file"
            for reader, columns in groups
        ]
        if not selects:
            nothing = [_absent(column) for column in self.table.columns]
            columns = ", ".join([*nothing, *extra])
            selects = [f"SELECT {columns} FROM {files_table} m"]  # noqa: S608
        return " UNION ALL ".join(selects)

    def _json_groups(self) -> Iterator[tuple[str, list[str]]]:
        if not self.files:
            return
        declared = ", ".join(
            f"{literal(column.name)}: {literal(duckdb_type(column.type))}"
            for column in self.table.columns
        )
        lenient = self.table.serde_parameters.get("ignore.malformed.json", "").lower() == "true"
        reader = (
            f"read_json({_list(self.files)}, format='newline_delimited', columns={{{declared}}}, "
            f"ignore_errors={str(lenient).lower()}, filename='__file')"
        )
        self.scanned_bytes += sum(item.size_bytes for item in self.files.values())
        yield reader, [f"f.{quoted(column.name)}" for column in self.table.columns]

    def _parquet_groups(self) -> Iterator[tuple[str, list[str]]]:
        groups: dict[str, tuple[pyarrow.Schema, list[str]]] = {}
        for file, item in self.files.items():
            schema, column_bytes = _footer(item, file)
            self._check(schema, item)
            self.scanned_bytes += sum(
                size for name, size in column_bytes if name in self.columns_read
            )
            groups.setdefault(str(schema), (schema, []))[1].append(file)
        for schema, files in groups.values():
            reader = f"read_parquet({_list(files)}, hive_partitioning=false, filename='__file')"
            present = {name.lower(): name for name in schema.names}
            yield (
                reader,
                [
                    _cast(column, present[column.name])
                    if column.name in present
                    else _absent(column)
                    for column in self.table.columns
                ],
            )

    def _check(self, schema: pyarrow.Schema, item: StoredObject) -> None:
        kinds = {field.name.lower(): _kind(field.type) for field in schema}
        for column in self.table.columns:
            kind = kinds.get(column.name)
            if kind is None or column.name not in self.columns_read:
                continue
            if not _readable(kind, duckdb_type(column.type)):
                raise QueryFailed(
                    f"HIVE_BAD_DATA: Field {column.name}'s type {kind} in parquet file {item.uri} "
                    f"is incompatible with type {column.type} defined in table schema"
                )


def _linked(
    objects: Sequence[StoredObject], folder: Path, *, suffixed: bool
) -> Iterator[tuple[str, StoredObject]]:
    """Snapshot files by path; an object deleted since it was listed is not there any more."""
    folder.mkdir()
    for number, item in enumerate(objects):
        suffix = "".join(re.findall(r"\.(?:gz|zst)$", item.key)) if suffixed else ".parquet"
        file = folder / f"{number}{suffix}"
        stored = s3._object_disk_path(item.bucket, item.key)
        try:
            os.link(stored, file)
        except OSError:
            body = s3._get_object_data(item.bucket, item.key)
            if body is None:
                continue
            file.write_bytes(body)
        yield str(file), item


def _footer(item: StoredObject, file: str) -> tuple[pyarrow.Schema, tuple[tuple[str, int], ...]]:
    try:
        return _read_footer(item.uri, item.etag, file)
    except (pyarrow.ArrowException, OSError) as error:
        raise QueryFailed(f"HIVE_BAD_DATA: {item.uri} is not a valid Parquet file") from error


@lru_cache(maxsize=4096)
def _read_footer(
    _uri: str, _etag: str, file: str
) -> tuple[pyarrow.Schema, tuple[tuple[str, int], ...]]:
    """Schema, and bytes of each column chunk; remembered, because objects seldom change."""
    metadata = pyarrow.parquet.read_metadata(file)
    chunks = (
        metadata.row_group(group).column(column)
        for group in range(metadata.num_row_groups)
        for column in range(metadata.num_columns)
    )
    sizes = tuple(
        (chunk.path_in_schema.partition(".")[0].lower(), chunk.total_compressed_size)
        for chunk in chunks
    )
    return metadata.schema.to_arrow_schema().remove_metadata(), sizes


def _kind(arrow_type: pyarrow.DataType) -> str:
    if pyarrow.types.is_dictionary(arrow_type):  # an encoding, not a type of its own
        return _kind(arrow_type.value_type)
    return next((name for name, fits in _KINDS if fits(arrow_type)), str(arrow_type))


def _readable(kind: str, target: str) -> bool:
    if target.endswith("[]"):
        return kind == "array"
    return kind in _READABLE_AS.get(target.partition("(")[0].strip(), {kind})


def _cast(column: Column, name: str) -> str:
    return f"CAST(f.{quoted(name)} AS {duckdb_type(column.type)}) AS {quoted(column.name)}"


def _absent(column: Column) -> str:
    return f"CAST(NULL AS {duckdb_type(column.type)}) AS {quoted(column.name)}"


def _list(files: Collection[str]) -> str:
    return "[" + ", ".join(map(literal, files)) + "]"
