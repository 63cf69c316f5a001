"""How a Parquet file was written, so that its rewrite is written alike; or why it cannot be.

https://github.com/apache/parquet-format: what is not said by the footer (page version,
checksums) is read from the first page's header, in Thrift's compact protocol.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from erasure_shared.errors import Rejected

_MAGIC, _ENCRYPTED_MAGIC = b"PAR1", b"PARE"
_SMALLEST_FILE_BYTES = 12
_GZIP_LEVEL = 6  # pyarrow's own 9 takes twice as long for a percent
_FALSE_POSITIVES = 0.05
_DICTIONARY_ENCODINGS = {"RLE_DICTIONARY", "PLAIN_DICTIONARY"}
_PLAIN_COLUMN_ENCODINGS = {
    "DELTA_BINARY_PACKED",
    "DELTA_BYTE_ARRAY",
    "DELTA_LENGTH_BYTE_ARRAY",
    "BYTE_STREAM_SPLIT",
}
_I32 = 0x15  # a field header: the next field, of type i32
_DATA_PAGE_V2 = 0x06  # 3 in zigzag
_PAGE_HEADER_BYTES = 32


def open_parquet(file: BinaryIO) -> pq.ParquetFile:
    """The file's footer, read.

    Raises:
        Rejected: it is no readable Parquet file.
    """
    _check_magic(file)
    try:
        return pq.ParquetFile(file, page_checksum_verification=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise unreadable(error) from None


def unreadable(error: BaseException) -> Rejected:
    """Arrow's messages quote values, so only the kind of error is told."""
    return Rejected(
        "the object cannot be read as Parquet: it is damaged or uses something unknown",
        error=type(error).__name__,
        reason_code="UNREADABLE_PARQUET",
    )


def _check_magic(file: BinaryIO) -> None:
    size_bytes = file.seek(0, 2)
    if size_bytes == 0:
        raise Rejected("the object is empty, not a Parquet file", reason_code="EMPTY_OBJECT")
    file.seek(0)
    head = file.read(4)
    file.seek(max(0, size_bytes - 4))
    tail = file.read(4)
    file.seek(0)
    if _ENCRYPTED_MAGIC in (head, tail):
        raise Rejected("the Parquet file's footer is encrypted", reason_code="ENCRYPTED_PARQUET")
    if head != _MAGIC:
        raise Rejected("the object is not a Parquet file", reason_code="NOT_PARQUET")
    if tail != _MAGIC or size_bytes < _SMALLEST_FILE_BYTES:
        raise Rejected("the Parquet file is truncated", reason_code="TRUNCATED_PARQUET")


@dataclass(frozen=True)
class Format:
    """The options with which pyarrow writes a file like the source."""

    schema: pa.Schema
    metadata: dict[bytes, bytes]
    options: dict[str, Any] = field(repr=False)

    def writer(self, target: BinaryIO) -> pq.ParquetWriter:
        """A writer; key/value metadata are copied as they are, Arrow's own schema included."""
        writer = pq.ParquetWriter(target, self.schema, store_schema=False, **self.options)
        if self.metadata:
            writer.add_key_value_metadata(self.metadata)
        return writer


def format_of(source: pq.ParquetFile, file: BinaryIO) -> Format:
    """How the source was written.

    Raises:
        Rejected: pyarrow would write something else; nobody's kept row is to change for it.
    """
    schema = source.schema_arrow.remove_metadata()
    _check_types(source)
    metadata = dict(source.metadata.metadata or {})
    wanted = _leaves(source)
    for guess in _guesses(source):
        paths = _paths_written(schema, guess)
        if paths is not None and [leaf for _, leaf in paths] == [leaf for _, leaf in wanted]:
            names = [path for path, _ in paths]
            return Format(schema, metadata, guess | _column_options(source, file, names))
    raise _unfaithful("its schema")


def _guesses(source: pq.ParquetFile) -> list[dict[str, Any]]:
    """Options that decide the schema; the footer does not name them, so they are tried."""
    paths = [path for path, _ in _leaves(source)]
    int96 = any(column.physical_type == "INT96" for column in _columns(source))
    compliant = not any(".list." in path and ".list.element" not in path for path in paths)
    versions = dict.fromkeys([source.metadata.format_version, "2.6", "2.4", "1.0"])
    return [
        {
            "version": version,
            "use_deprecated_int96_timestamps": int96,
            "use_compliant_nested_type": compliant,
            "store_decimal_as_integer": as_integer,
        }
        for version in versions
        for as_integer in (False, True)
    ]


def _paths_written(schema: pa.Schema, guess: dict[str, Any]) -> list[tuple[str, Any]] | None:
    probe = BytesIO()
    try:
        with pq.ParquetWriter(probe, schema, store_schema=False, **guess):
            pass
        return _leaves(pq.ParquetFile(probe))
    except (pa.ArrowException, OSError, ValueError):
        return None


def _columns(source: pq.ParquetFile) -> list[Any]:
    return [source.schema.column(i) for i in range(len(source.schema))]


def _leaves(source: pq.ParquetFile) -> list[tuple[str, Any]]:
    """Each column's path, and what must be the same; the names inside lists need not be."""
    return [
        (
            column.path,
            (
                column.path.split(".")[0],
                column.physical_type,
                column.length if column.physical_type == "FIXED_LEN_BYTE_ARRAY" else 0,
                _logical_type(column),
                column.max_definition_level,
                column.max_repetition_level,
            ),
        )
        for column in _columns(source)
    ]


def _logical_type(column: Any) -> str:
    logical = json.loads(column.logical_type.to_json())
    logical.pop("is_from_converted_type", None)
    logical.pop("force_set_converted_type", None)
    is_default = logical.get("Type") == "Int" and logical.get("isSigned")
    if is_default and f"INT{logical.get('bitWidth')}" == column.physical_type:
        return json.dumps({"Type": "None"})
    return json.dumps(logical, sort_keys=True)


def _column_options(source: pq.ParquetFile, file: BinaryIO, names: list[str]) -> dict[str, Any]:
    """Options by column, as the first row group has them."""
    if source.metadata.num_row_groups == 0:
        return {}
    group = source.metadata.row_group(0)
    chunks = [group.column(i) for i in range(group.num_columns)]
    codecs = {n: _codec(chunk) for n, chunk in zip(names, chunks, strict=True)}
    dictionaries = [
        n for n, c in zip(names, chunks, strict=True) if _DICTIONARY_ENCODINGS & set(c.encodings)
    ]
    encodings = {
        n: encoding
        for n, c in zip(names, chunks, strict=True)
        for encoding in c.encodings
        if encoding in _PLAIN_COLUMN_ENCODINGS and n not in dictionaries
    }
    statistics = [n for n, c in zip(names, chunks, strict=True) if c.is_stats_set]
    is_v2, has_checksums = _first_page(chunks, file)
    return {
        "compression": codecs,
        "compression_level": {n: _GZIP_LEVEL for n, codec in codecs.items() if codec == "GZIP"}
        or None,
        "use_dictionary": dictionaries or False,
        "column_encoding": encodings or None,
        "write_statistics": statistics or False,
        "data_page_version": "2.0" if is_v2 else "1.0",
        "write_page_checksum": has_checksums,
        "write_page_index": any(chunk.has_column_index for chunk in chunks),
        "sorting_columns": group.sorting_columns or None,
        "bloom_filter_options": {
            n: {"ndv": group.num_rows, "fpp": _FALSE_POSITIVES}
            for n, chunk in zip(names, chunks, strict=True)
            if chunk.bloom_filter_offset is not None
        }
        or None,
    }


def _codec(chunk: Any) -> str:
    codec = str(chunk.compression)
    return "NONE" if codec == "UNCOMPRESSED" else codec


def _first_page(chunks: list[Any], file: BinaryIO) -> tuple[bool, bool]:
    """Whether data pages are of version 2, and whether they carry checksums.

    A page header begins with type, uncompressed size, compressed size, and perhaps crc: all i32.
    """
    if not chunks:
        return False, False
    file.seek(chunks[0].data_page_offset)
    header = file.read(_PAGE_HEADER_BYTES)
    is_v2 = header[:1] == bytes([_I32]) and header[1:2] == bytes([_DATA_PAGE_V2])
    at = 0
    for _ in range(3):
        if header[at : at + 1] != bytes([_I32]):
            return is_v2, False
        at += 1
        while header[at : at + 1] and header[at] & 0x80:
            at += 1
        at += 1
    return is_v2, header[at : at + 1] == bytes([_I32])


def _check_types(source: pq.ParquetFile) -> None:
    for column in source.schema_arrow:
        inner = [column.type]
        while inner:
            kind = inner.pop()
            children = [kind.field(i).type for i in range(kind.num_fields)]
            if any(pa.types.is_dictionary(child) for child in children):
                raise _unfaithful("a category inside another column")
            inner += children


def _unfaithful(what: str) -> Rejected:
    return Rejected(
        "the Parquet file cannot be rewritten without changing what is kept",
        because=what,
        reason_code="UNFAITHFUL_REWRITE",
    )
