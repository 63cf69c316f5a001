"""Erases inside Parquet's pages, behind the same face as `erasure_purge.rewrite.erase`.

What remains is proven by pyarrow before anything is committed. `THOROUGH_UP_TO_BYTES` bounds the
proof that compares every remaining row and searches every byte; larger files get the quick one
(rows counted, ids searched, untouched ranges compared).
"""

from __future__ import annotations

import errno
import io
from collections.abc import Callable, Collection
from typing import BinaryIO

from erasure_purge.core import Erasure
from erasure_purge.parquet import (
    ErasurePlan,
    Source,
    UnsupportedParquet,
    plan_erasure,
    planned_bytes,
    verify,
)
from erasure_purge.parquet.footer import FileField, read_footer
from erasure_shared.errors import Corrupted, Rejected

THOROUGH_UP_TO_BYTES = 128 * 1024 * 1024
_WRITER_CHARACTERS = 80


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
        Rejected: the engine refuses the file, and says why.
        Corrupted: the result is not what was planned.
    """
    file = OpenFile(source)
    try:
        plan = plan_erasure(file, id_column, ids, before_each_step=before_each_step)
        erasure = _erasure(plan, file)
        if plan.changes and not plan.empties:
            for piece in planned_bytes(plan, file):
                before_each_step()
                target.write(piece)
            target.flush()
            _prove(file, OpenFile(target), id_column, ids, plan)
            target.seek(0)
    except UnsupportedParquet as refusal:
        raise Rejected(str(refusal), reason_code=refusal.reason) from None
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise Rejected(
            "the function's disk is full: give it more", reason_code="OBJECT_TOO_LARGE"
        ) from None
    return erasure


def _erasure(plan: ErasurePlan, source: Source) -> Erasure:
    writer = read_footer(source).document.blob(FileField.CREATED_BY) or b""
    return Erasure(
        rows_before=plan.rows_before,
        rows_by_id={str(one): rows for one, rows in plan.rows_by_id.items()},
        writer=writer.decode("utf-8", "replace")[:_WRITER_CHARACTERS],
    )


def _prove(
    before: Source, after: Source, id_column: str, ids: Collection[str], plan: ErasurePlan
) -> None:
    thorough = before.size_bytes <= THOROUGH_UP_TO_BYTES
    proof = verify(before, after, id_column, ids, plan=plan, thorough=thorough)
    if not proof.holds:
        raise Corrupted(f"the result is not what was planned: {'; '.join(proof.problems)}")
    if proof.rows_erased != plan.rows_erased:
        raise Corrupted("the result is not what was planned: rows counted in another way")


class OpenFile:
    """An open file as a source of ranges; its position is left alone where it can be."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size_bytes = file.seek(0, io.SEEK_END)
        file.seek(0)

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes."""
        self._file.seek(offset)
        return self._file.read(length)
