"""Values as Athena writes them, in result pages and in the result file.

https://docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

Row = Sequence[str | None]

_ATHENA_TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "HUGEINT": "bigint",
    "UBIGINT": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "DECIMAL": "decimal",
    "VARCHAR": "varchar",
    "BLOB": "varbinary",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "STRUCT": "row",
    "MAP": "map",
}


def athena_type(duckdb_type: str) -> str:
    """The type of a result column."""
    if duckdb_type.endswith("]"):
        return "array"
    return _ATHENA_TYPES.get(duckdb_type.partition("(")[0].strip(), "varchar")


def value_text(value: Any) -> str | None:
    """One value; None is the absence of a value, not a text."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case datetime():
            zone = " UTC" if value.tzinfo else ""
            return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}{zone}"
        case Decimal():
            return f"{value:f}"
        case bytes():
            return value.hex(" ")
        case list():
            return f"[{', '.join(map(_nested, value))}]"
        case dict():
            return "{" + ", ".join(f"{key}={_nested(item)}" for key, item in value.items()) + "}"
        case _:
            return str(value)


def _nested(value: Any) -> str:
    text = value_text(value)
    return "null" if text is None else text


def csv_bytes(columns: Iterable[str], rows: Iterable[Row]) -> bytes:
    """The result file: every value in quotation marks, NULL as nothing at all."""
    lines = [",".join(map(_quoted, row)) for row in (tuple(columns), *rows)]
    return "".join(f"{line}\n" for line in lines).encode()


def _quoted(text: str | None) -> str:
    return "" if text is None else '"' + text.replace('"', '""') + '"'
