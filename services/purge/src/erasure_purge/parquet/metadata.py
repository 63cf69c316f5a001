"""Key/value metadata: free text that may quote the data, which statistics and pages cannot hide.

What only describes the schema is searched for ids; free text for every erased text as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .arrow_schema import Pair, pairs_of
from .footer import FileField, Footer, MetaField, chunk_meta, group_columns
from .ids import Id
from .json_texts import escaped_texts, texts_below
from .search import Needles
from .thrift_compact import Struct

_MIN_SECRET_BYTES = 12  # shorter values of the data stand in metadata by chance
_MIN_ID_BYTES = 6  # a short id such as "42" stands in any metadata
_MIN_NUMBER_BYTES = 10  # and so do numbers: sizes, counts, versions

_ARROW_SCHEMA = b"ARROW:schema"
_SCHEMA_KEYS = frozenset(
    (
        b"ARROW:extension:name",
        b"PARQUET:field_id",
        b"org.apache.spark.version",
        b"org.apache.spark.timeZone",
        b"org.apache.spark.legacyDateTime",
        b"org.apache.spark.legacyINT96",
        b"writer.model.name",
    )
)
_AVRO_TEXTS = frozenset(("symbols", "doc", "default"))
_TEXTS_IN_SCHEMA = {
    b"pandas": frozenset(("attributes",)),  # DataFrame.attrs
    b"org.apache.spark.sql.parquet.row.metadata": frozenset(("metadata",)),  # labels, comments
    b"parquet.avro.schema": _AVRO_TEXTS,
    b"avro.schema": _AVRO_TEXTS,
    b"iceberg.schema": frozenset(("doc", "initial-default", "write-default")),
}
"""Schemas in JSON, and which of their fields somebody fills with what he likes."""

_KEY, _VALUE = 1, 2
_BETWEEN = b"\0"


class Metadata:
    """What a file says beside its rows."""

    def __init__(self, pairs: Iterable[Pair], names: Collection[bytes]) -> None:
        """`names`: of the columns, which are texts that metadata is to repeat."""
        self._names = frozenset(names)
        self._described: list[bytes] = []
        self._free: list[bytes] = []
        for key, value in pairs:
            self._sort(key, value)

    @classmethod
    def of(cls, footer: Footer) -> Metadata:
        """The file's metadata, and those of its columns."""
        pairs = ((one.blob(_KEY) or b"", one.blob(_VALUE) or b"") for one in _pairs(footer))
        return cls(
            pairs, {name for leaf in footer.leaves for name in (*leaf.path, leaf.name.encode())}
        )

    @property
    def has_free_text(self) -> bool:
        """Whether something does more than describe the schema."""
        return any(self._free)

    def quoted(self, ids: Collection[bytes], texts: Collection[bytes]) -> set[bytes]:
        """The ids that are quoted, and the erased texts that are and do not name a column."""
        quoted = Needles(ids, _MIN_ID_BYTES).found_in(_BETWEEN.join(self._described + self._free))
        if self.has_free_text:
            long = {text for text in texts if len(text) >= _MIN_SECRET_BYTES}
            quoted |= Needles(long - self._names).found_in(_BETWEEN.join(self._free))
        return quoted

    def all_found(self, needles: Needles) -> set[bytes]:
        """Those that stand anywhere, whatever they are."""
        return needles.found_in(_BETWEEN.join(self._described + self._free))

    def _sort(self, key: bytes, value: bytes) -> None:
        if key == _ARROW_SCHEMA:
            inside = pairs_of(value)
            if isinstance(inside, bytes):
                self._free.append(inside)
            else:
                for one in inside:
                    self._sort(*one)
        elif key in _TEXTS_IN_SCHEMA:
            self._described += [value, *escaped_texts(value)]
            self._free += texts_below(value, _TEXTS_IN_SCHEMA[key])
        elif key in _SCHEMA_KEYS or not value:
            self._described += [key, value]
        else:
            self._free += [key, value, *escaped_texts(value)]


def id_texts(ids: Collection[Id]) -> set[bytes]:
    """The ids as metadata would quote them, as far as they are long enough to be no accident."""
    texts = (one if isinstance(one, bytes) else str(one).encode() for one in ids)
    return {
        text
        for text in texts
        if len(text) >= (_MIN_NUMBER_BYTES if text.isdigit() else _MIN_ID_BYTES)
    }


def _pairs(footer: Footer) -> list[Struct]:
    lists = [footer.document.items(FileField.KEY_VALUE)]
    for group in footer.row_groups:
        for chunk, leaf in zip(group_columns(group), footer.leaves, strict=True):
            lists.append(chunk_meta(chunk, leaf).items(MetaField.KEY_VALUE))
    return [pair for pairs in lists if pairs is not None for pair in pairs.structs()]
