"""Key/value metadata: free text that may quote the data, which statistics and pages cannot hide.

Keys that only describe the schema are searched for ids; keys of unknown meaning for every erased
text as well.
"""

from __future__ import annotations

from collections.abc import Collection

from .footer import FileField, Footer, MetaField, chunk_meta, group_columns
from .ids import Id
from .thrift_compact import Struct

MIN_SECRET_BYTES = 12  # shorter values of the data stand in metadata by chance
_MIN_ID_BYTES = 6  # a short id such as "42" stands in any metadata
_MIN_NUMBER_BYTES = 10  # and so do numbers: sizes, counts, versions

_SCHEMA_KEYS = frozenset(
    (
        b"ARROW:schema",
        b"pandas",
        b"org.apache.spark.version",
        b"org.apache.spark.sql.parquet.row.metadata",
        b"org.apache.spark.timeZone",
        b"org.apache.spark.legacyDateTime",
        b"org.apache.spark.legacyINT96",
        b"parquet.avro.schema",
        b"avro.schema",
        b"writer.model.name",
        b"iceberg.schema",
    )
)
_KEY, _VALUE = 1, 2


def has_free_metadata(footer: Footer) -> bool:
    """Whether there is metadata that does more than describe the schema."""
    return any(pair.blob(_KEY) not in _SCHEMA_KEYS for pair in _pairs(footer))


def id_texts(ids: Collection[Id]) -> set[bytes]:
    """The ids as metadata would quote them, as far as they are long enough to be no accident."""
    texts = (one if isinstance(one, bytes) else str(one).encode() for one in ids)
    return {
        text
        for text in texts
        if len(text) >= (_MIN_NUMBER_BYTES if text.isdigit() else _MIN_ID_BYTES)
    }


def quoted_in_metadata(footer: Footer, texts: Collection[bytes]) -> set[bytes]:
    """Those of the texts that are part of the file's or a column's key/value metadata."""
    blobs = [blob for pair in _pairs(footer) for blob in _blobs(pair)]
    if not blobs:
        return set()
    quoted: set[bytes] = set()
    tables: dict[int, set[bytes]] = {}
    for text in texts:
        table = tables.get(len(text))
        if table is None:
            # One table of substrings per length keeps a hundred thousand texts quick.
            table = {part for blob in blobs for part in _substrings(blob, len(text))}
            tables[len(text)] = table
        if text in table:
            quoted.add(text)
    return quoted


def _substrings(blob: bytes, length: int) -> list[bytes]:
    return [blob[at : at + length] for at in range(len(blob) - length + 1)]


def _blobs(pair: Struct) -> list[bytes]:
    return [blob for blob in (pair.blob(_KEY), pair.blob(_VALUE)) if blob]


def _pairs(footer: Footer) -> list[Struct]:
    lists = [footer.document.items(FileField.KEY_VALUE)]
    for group in footer.row_groups:
        for chunk, leaf in zip(group_columns(group), footer.leaves, strict=True):
            lists.append(chunk_meta(chunk, leaf).items(MetaField.KEY_VALUE))
    return [pair for pairs in lists if pairs is not None for pair in pairs.structs()]
