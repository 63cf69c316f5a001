"""Erases rows with pyarrow, row group by row group: memory holds one of them."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Collection
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from erasure_purge.core import Erasure
from erasure_purge.rewrite.format import Format, format_of, open_parquet, unreadable
from erasure_purge.rewrite.ids import IdColumn
from erasure_purge.rewrite.int96 import check_int96
from erasure_purge.rewrite.tables import without
from erasure_purge.rewrite.verification import verify
from erasure_shared.errors import Rejected


def erase(
    source: BinaryIO,
    target: BinaryIO,
    id_column: str,
    ids: Collection[str],
    before_each_step: Callable[[], None] = lambda: None,
) -> Erasure:
    """Write the source without the rows of `ids`; what was written is verified on return.

    The target stays empty where nothing is to be erased, and where nothing would be left.
    `before_each_step` may raise to stop the work, for instance because time runs out.

    Raises:
        Rejected: the source cannot be read, or not be rewritten without changing what is kept.
        Corrupted: the rewrite is not what was planned.
    """
    try:
        return _erase(source, target, id_column, ids, before_each_step)
    except pa.ArrowMemoryError:
        raise Rejected(
            "a row group does not fit into the function's memory: give it more",
            reason_code="OBJECT_TOO_LARGE",
        ) from None
    except (pa.ArrowException, OSError) as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise  # it is this machine's, not the file's
        raise unreadable(error) from None


def _erase(
    source: BinaryIO,
    target: BinaryIO,
    id_column: str,
    ids: Collection[str],
    before_each_step: Callable[[], None],
) -> Erasure:
    original = open_parquet(source)
    wanted = IdColumn(original.schema_arrow, id_column, ids)
    counts: Counter[str] = Counter()
    for number in range(original.num_row_groups):
        before_each_step()
        table = original.read_row_group(number, columns=[wanted.leaf])
        counts.update(wanted.counts(wanted.positions(table)))
    erasure = Erasure(
        rows_before=original.metadata.num_rows,
        rows_by_id=dict(counts),
        writer=str(original.metadata.created_by or "")[:80],
    )
    if erasure.rows_erased and erasure.rows_after:
        like = format_of(original, source)
        check_int96(original, source)
        _rewrite(original, target, like, wanted, before_each_step)
        target.seek(0)
        verify(original, target, wanted, erasure, before_each_step)
        target.seek(0)
    return erasure


def _rewrite(
    original: pq.ParquetFile,
    target: BinaryIO,
    like: Format,
    wanted: IdColumn,
    before_each_step: Callable[[], None],
) -> None:
    with like.writer(target) as writer:
        for number in range(original.num_row_groups):
            before_each_step()
            table = original.read_row_group(number)
            kept = without(table, wanted.positions(table)).replace_schema_metadata(None)
            if kept.num_rows:  # a row group without rows crashes readers
                writer.write_table(kept, row_group_size=kept.num_rows)
