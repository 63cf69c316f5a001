"""What Arrow does to tables on the way from one file to the next, and how we undo it."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def without(table: pa.Table, positions: pa.ChunkedArray) -> pa.Table:
    """The rows that hold no wanted identifier, with nothing else of the others kept either."""
    kept = table.filter(positions.is_null())
    return pa.table([_compact(column) for column in kept.columns], schema=kept.schema)


def same(one: pa.Table, other: pa.Table) -> bool:
    """Whether two tables of one schema hold the same, bit for bit in floating point numbers."""
    return one.num_rows == other.num_rows and all(
        _same(_whole(a), _whole(b)) for a, b in zip(one.columns, other.columns, strict=True)
    )


def _compact(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A filtered category column keeps erased values in its dictionary: leave the used ones."""
    if not pa.types.is_dictionary(column.type):
        return column
    return pa.chunked_array([_compacted(chunk) for chunk in column.chunks], type=column.type)


def _compacted(chunk: pa.DictionaryArray) -> pa.DictionaryArray:
    """The order of the values is kept, because it may have a meaning."""
    used = pc.unique(chunk.indices.drop_null())
    used = used.take(pc.sort_indices(used))
    indices = pc.index_in(chunk.indices, value_set=used, skip_nulls=True)
    return pa.DictionaryArray.from_arrays(
        indices.cast(chunk.type.index_type), chunk.dictionary.take(used), ordered=chunk.type.ordered
    )


def _whole(column: pa.ChunkedArray) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    whole = column.combine_chunks()
    whole = pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
    return whole.storage if isinstance(whole, pa.ExtensionArray) else whole


def _same(one: pa.Array, other: pa.Array) -> bool:
    """`equals` says that NaN differs from itself, so floats are compared by their bits."""
    if one.equals(other):
        return True
    if one.type != other.type or not one.is_null().equals(other.is_null()):
        return False
    return _same_inside(one, other)


def _same_inside(one: pa.Array, other: pa.Array) -> bool:
    kind = one.type
    if pa.types.is_floating(kind):
        bits = pa.int64() if kind.bit_width == 64 else pa.int32()
        bits = pa.int16() if kind.bit_width == 16 else bits
        return bool(one.drop_null().view(bits).equals(other.drop_null().view(bits)))
    if pa.types.is_struct(kind):
        return all(_same(a, b) for a, b in zip(one.flatten(), other.flatten(), strict=True))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        lengths = pc.list_value_length(one).equals(pc.list_value_length(other))
        return bool(lengths) and _same(one.flatten(), other.flatten())
    return False
