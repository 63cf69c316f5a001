"""pyarrow as a codec of single pages: values in and out of a file of one required column.

So that the DELTA family, and the offsets of PLAIN byte strings, are read and written by the code
that everybody's files already passed through.
"""

from __future__ import annotations

import struct

import pyarrow as pa
import pyarrow.parquet as pq

from .errors import MalformedParquet, UnknownEncoding
from .order import PhysicalType
from .thrift_compact import Items, Kind, Struct, decode, encode

_MAGIC = b"PAR1"
_RLE = 3
_NAMES = {
    5: "DELTA_BINARY_PACKED",
    6: "DELTA_LENGTH_BYTE_ARRAY",
    7: "DELTA_BYTE_ARRAY",
}
_PREFIXES_AND_SUFFIXES = 7
_EMPTY_DELTA = bytes((0x80, 0x01, 4, 0, 0))  # blocks of 128 in 4 miniblocks, no value, first 0
_UNLIMITED = (1 << 31) - 1


def decode_values(
    physical: PhysicalType, type_length: int, encoding: int, count: int, data: bytes
) -> pa.Array:
    """`count` values of a page body as an Arrow array of the physical type."""
    file = _file_around(physical, type_length, encoding, count, data)
    try:
        reader = pq.ParquetFile(pa.BufferReader(file))
        column = reader.read(use_threads=False).column(0)
    except (pa.ArrowException, OSError):
        raise MalformedParquet("values cannot be decoded") from None
    array = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    if len(array) != count or array.null_count:
        raise MalformedParquet("values end early")
    return array


def encode_values(encoding: int, array: pa.Array) -> bytes:
    """An Arrow array as a page body in one of the DELTA encodings."""
    name = _NAMES.get(encoding)
    if name is None:
        raise UnknownEncoding(f"encoding {encoding}")
    if len(array) == 0:
        return _EMPTY_DELTA * (2 if encoding == _PREFIXES_AND_SUFFIXES else 1)
    table = pa.table([array], schema=pa.schema([pa.field("c", array.type, nullable=False)]))
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        row_group_size=len(array),
        compression="none",
        use_dictionary=False,
        column_encoding={"c": name},
        write_statistics=False,
        store_schema=False,
        data_page_size=_UNLIMITED,
        write_batch_size=len(array),
        max_rows_per_page=_UNLIMITED,
    )
    return _only_page(sink.getvalue().to_pybytes(), len(array))


def _only_page(file: bytes, count: int) -> bytes:
    header, start = decode(file, len(_MAGIC))
    page = header.struct(5)
    length = header.integer(3)
    if page is None or page.integer(1) != count:
        raise UnknownEncoding("the values did not fit into one page")
    return file[start : start + length]


def _file_around(
    physical: PhysicalType, type_length: int, encoding: int, count: int, data: bytes
) -> bytes:
    """A Parquet file of one row group, one required column "c", one uncompressed v1 page."""
    page = Struct(
        {
            1: (Kind.I32, count),
            2: (Kind.I32, encoding),
            3: (Kind.I32, _RLE),
            4: (Kind.I32, _RLE),
        }
    )
    header = encode(
        Struct(
            {
                1: (Kind.I32, 0),
                2: (Kind.I32, len(data)),
                3: (Kind.I32, len(data)),
                5: (Kind.STRUCT, page),
            }
        )
    )
    size = len(header) + len(data)
    meta = Struct(
        {
            1: (Kind.I32, int(physical)),
            2: (Kind.LIST, Items(Kind.I32, [encoding])),
            3: (Kind.LIST, Items(Kind.BINARY, [b"c"])),
            4: (Kind.I32, 0),
            5: (Kind.I64, count),
            6: (Kind.I64, size),
            7: (Kind.I64, size),
            9: (Kind.I64, len(_MAGIC)),
        }
    )
    chunk = Struct({2: (Kind.I64, len(_MAGIC)), 3: (Kind.STRUCT, meta)})
    group = Struct(
        {
            1: (Kind.LIST, Items(Kind.STRUCT, [chunk])),
            2: (Kind.I64, size),
            3: (Kind.I64, count),
        }
    )
    root = Struct({4: (Kind.BINARY, b"m"), 5: (Kind.I32, 1)})
    leaf = Struct({1: (Kind.I32, int(physical)), 3: (Kind.I32, 0), 4: (Kind.BINARY, b"c")})
    if type_length:
        leaf.set_int(2, type_length, Kind.I32)
    footer = encode(
        Struct(
            {
                1: (Kind.I32, 1),
                2: (Kind.LIST, Items(Kind.STRUCT, [root, leaf])),
                3: (Kind.I64, count),
                4: (Kind.LIST, Items(Kind.STRUCT, [group])),
            }
        )
    )
    tail = struct.pack("<I", len(footer)) + _MAGIC
    return b"".join((_MAGIC, header, data, footer, tail))
