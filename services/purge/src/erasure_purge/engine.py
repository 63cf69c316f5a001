"""Which way a file is rewritten: inside its pages, or as a whole where its pages are unknown.

Erasing inside pages leaves everything else as its writer made it, and costs a fraction. A file that
merely uses what the page engine has not learned yet is rewritten row group by row group; one that
is damaged, encrypted or names the erased outside its rows is refused by both.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import BinaryIO

from erasure_purge import inside_pages, rewrite
from erasure_purge.core import Erasure
from erasure_purge.parquet.errors import (
    FooterNotPreserved,
    UnknownCodec,
    UnknownEncoding,
    UnknownPageType,
)
from erasure_shared.errors import Rejected

_UNLEARNED = {
    refusal.reason
    for refusal in (FooterNotPreserved, UnknownCodec, UnknownEncoding, UnknownPageType)
}


Way = Callable[[BinaryIO, BinaryIO, str, Collection[str], Callable[[], None]], Erasure]


def erase(
    source: BinaryIO,
    target: BinaryIO,
    id_column: str,
    ids: Collection[str],
    before_each_step: Callable[[], None] = lambda: None,
    *,
    fine: Way = inside_pages.erase,
    coarse: Way = rewrite.erase,
) -> Erasure:
    """Write the source without the rows of `ids`; what was written is verified on return.

    The target stays empty where nothing is to be erased, and where nothing would be left.

    Raises:
        Rejected: neither way is safe.
        Corrupted: the result is not what was planned.
    """
    try:
        return fine(source, target, id_column, ids, before_each_step)
    except Rejected as refusal:
        if refusal.reason_code not in _UNLEARNED:
            raise
    source.seek(0)
    target.seek(0)
    target.truncate()
    return coarse(source, target, id_column, ids, before_each_step)
