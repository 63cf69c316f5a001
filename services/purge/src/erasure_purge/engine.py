"""Which way a file is rewritten: inside its pages, or as a whole where its pages are unknown.

Erasing inside pages leaves everything else as its writer made it, and costs a fraction. A file that
merely uses what the page engine has not learned yet is rewritten row group by row group; one that
is damaged, encrypted or names the erased outside its rows is refused by both.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection
from dataclasses import replace
from tempfile import TemporaryFile
from typing import BinaryIO, Protocol, cast

from erasure_purge import inside_pages, rewrite
from erasure_purge.content import Content, Replacement
from erasure_purge.core import Erasure, Touched, seconds_to_commit, seconds_to_rewrite
from erasure_purge.inside_pages import THOROUGH_UP_TO_BYTES
from erasure_purge.parquet.errors import UNLEARNED
from erasure_shared.errors import Rejected

_UNLEARNED = {refusal.reason for refusal in UNLEARNED}
RequireTime = Callable[[float], None]


class Fine(Protocol):
    """`erasure_purge.inside_pages.erase`."""

    def __call__(
        self,
        content: Content,
        id_column: str,
        ids: Collection[str],
        require_time: RequireTime,
        *,
        thorough: bool,
    ) -> Erasure: ...


Coarse = Callable[[BinaryIO, BinaryIO, str, Collection[str], Callable[[], None]], Erasure]


def erase(
    content: Content,
    id_column: str,
    ids: Collection[str],
    require_time: RequireTime = lambda _: None,
    *,
    thorough_up_to_bytes: int = THOROUGH_UP_TO_BYTES,
    fine: Fine = inside_pages.erase,
    coarse: Coarse = rewrite.erase,
) -> Erasure:
    """The content without the rows of `ids`, verified; no replacement where nothing is to go.

    `require_time` is asked before each step for the seconds that it takes, and may raise.

    Raises:
        Rejected: neither way is safe.
        Corrupted: the result is not what was planned.
    """
    thorough = content.size_bytes <= thorough_up_to_bytes
    try:
        try:
            return fine(content, id_column, ids, require_time, thorough=thorough)
        except Rejected as refusal:
            if refusal.reason_code not in _UNLEARNED:
                raise
            return _as_a_whole(content, id_column, ids, require_time, coarse, refusal.reason_code)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise Rejected(
            "the function's disk is full: give it more", reason_code="OBJECT_TOO_LARGE"
        ) from None


def _as_a_whole(
    content: Content,
    id_column: str,
    ids: Collection[str],
    require_time: RequireTime,
    coarse: Coarse,
    reason_code: str,
) -> Erasure:
    """By a way that needs a file and makes one; its own verification is a thorough one."""
    require_time(seconds_to_rewrite(content.size_bytes))
    commit_s = seconds_to_commit(content.size_bytes, content.size_bytes, 1)
    target = cast("BinaryIO", TemporaryFile())  # noqa: SIM115 (lives as long as the replacement)
    erasure = coarse(content.whole(), target, id_column, ids, lambda: require_time(commit_s))
    if not erasure.rows_erased or not erasure.rows_after:
        return erasure
    return replace(
        erasure,
        replacement=Replacement.of_file(target, content),
        touched=Touched(unit="file", unit_reason=reason_code),
        thorough=True,
    )
