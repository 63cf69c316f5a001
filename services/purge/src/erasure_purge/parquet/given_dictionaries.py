"""Columns whose dictionary pages may name a value that no row of their row group holds.

Most writers make a chunk's dictionary from the values they meet, so that every entry is some row's.
Arrow takes the dictionary of a categorical column as it is given: whole in every row group, often
one that grew in between, and kept even where the rows after it are written without it. So do its
relatives, and fastparquet.

Not covered: a writer of the first kind whose files others patched, and rows in other files of which
a dictionary still tells, for whoever looks at this file cannot know whom the others lost.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

import pyarrow as pa

from .encodings import DICTIONARY_ENCODINGS
from .footer import FileField, Footer, MetaField
from .order import PhysicalType
from .thrift_compact import Struct

_MAKE_THEIR_OWN = (b"parquet-mr", b"parquet-rs", b"DuckDB", b"impala")
_ARROW_SCHEMA = b"ARROW:schema"
_KEY, _VALUE = 1, 2


def columns_of_given_dictionaries(footer: Footer) -> set[int]:
    """Columns that Arrow's schema calls dictionaries; without one, all, unless the writer is known
    to make its dictionaries itself."""
    everything = {leaf.index for leaf in footer.leaves if leaf.physical is not PhysicalType.BOOLEAN}
    schema = _arrow_schema(footer)
    if schema is None:
        created_by = footer.document.blob(FileField.CREATED_BY) or b""
        return set() if created_by.startswith(_MAKE_THEIR_OWN) else everything
    given = [is_given for field in schema for is_given in _leaves(field.type)]
    if len(given) != len(footer.leaves):
        return everything if any(given) else set()
    return {column for column in everything if given[column]}


def has_dictionary(meta: Struct) -> bool:
    """Whether a chunk may begin with a dictionary, stated or not."""
    encodings = meta.items(MetaField.ENCODINGS)
    return meta.integer(MetaField.DICTIONARY_OFFSET, 0) > 0 or (
        encodings is not None and not set(DICTIONARY_ENCODINGS).isdisjoint(encodings.ints())
    )


def _arrow_schema(footer: Footer) -> pa.Schema | None:
    pairs = footer.document.items(FileField.KEY_VALUE)
    for pair in pairs.structs() if pairs is not None else ():
        if pair.blob(_KEY) == _ARROW_SCHEMA:
            try:
                message = base64.b64decode(pair.blob(_VALUE) or b"")
                return pa.ipc.read_schema(pa.py_buffer(message))
            except (pa.ArrowException, binascii.Error, OSError, ValueError, TypeError):
                return None
    return None


def _leaves(kind: pa.DataType) -> Iterator[bool]:
    """For each leaf of a type: whether it is a dictionary."""
    if isinstance(kind, pa.BaseExtensionType):
        yield from _leaves(kind.storage_type)
    elif pa.types.is_dictionary(kind):
        yield True
    elif pa.types.is_map(kind):
        yield from _leaves(kind.key_type)
        yield from _leaves(kind.item_type)
    elif pa.types.is_nested(kind):
        for number in range(kind.num_fields):
            yield from _leaves(kind.field(number).type)
    else:
        yield False
