"""What an Arrow schema says about its fields, beside their names and types.

Arrow's writers keep their schema in a Parquet file's metadata, as an IPC message in base64:
https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format. Fields carry
key/value metadata of their own; Polars lists every category of an Enum there.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pyarrow as pa

Pair = tuple[bytes, bytes]

_EXTENSION = b"ARROW:extension:metadata"


def pairs_of(encoded: bytes) -> list[Pair] | bytes:
    """The metadata of the schema and of every field, however deep; all bytes, if unreadable."""
    message = b""
    try:
        message = base64.b64decode(encoded)
        schema = pa.ipc.read_schema(pa.py_buffer(message))
        return [*(schema.metadata or {}).items(), *_of_fields(list(schema))]
    except (pa.ArrowException, OSError, ValueError, TypeError, RecursionError):
        return encoded + message


def _of_fields(fields: list[pa.Field]) -> Iterator[Pair]:
    for field in fields:
        yield from (field.metadata or {}).items()
        yield from _of_type(field.type)


def _of_type(kind: pa.DataType) -> Iterator[Pair]:
    if isinstance(kind, pa.BaseExtensionType):
        yield _EXTENSION, _parameters(kind)
        yield from _of_type(kind.storage_type)
    elif pa.types.is_dictionary(kind):
        yield from _of_type(kind.value_type)
    elif pa.types.is_map(kind):
        yield from _of_fields([kind.key_field, kind.item_field])
    elif pa.types.is_run_end_encoded(kind):
        yield from _of_type(kind.value_type)
    else:
        yield from _of_fields([kind.field(at) for at in range(kind.num_fields)])


def _parameters(kind: pa.BaseExtensionType) -> bytes:
    """What an extension type that pyarrow knows has made of the field's metadata."""
    if isinstance(kind, pa.ExtensionType):
        return bytes(kind.__arrow_ext_serialize__())
    return b"" if type(kind) in (pa.UuidType, pa.JsonType, pa.Bool8Type) else str(kind).encode()
