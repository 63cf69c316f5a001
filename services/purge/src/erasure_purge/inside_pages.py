"""Erases inside Parquet's pages; what remains is proven by pyarrow before anything is committed.

That nobody is in a file, or nobody else, leaves nothing to prove by: then pyarrow counts the rows.

The thorough proof compares every remaining row and searches every byte. The quick one counts rows
and searches the id column, and untouched ranges need no comparison: the replacement is made of the
old content's own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from erasure_purge.content import Content, Replacement
from erasure_purge.core import (
    Erasure,
    Touched,
    seconds_for_a_step,
    seconds_to_rewrite,
    seconds_to_search,
)
from erasure_purge.parquet import ErasurePlan, Unit, UnsupportedParquet, plan_erasure, verify
from erasure_purge.parquet.footer import (
    FileField,
    MetaField,
    chunk_meta,
    group_columns,
    read_footer,
)
from erasure_purge.parquet.ids import id_leaf
from erasure_purge.parquet.witness import rows_held
from erasure_shared.errors import Corrupted, Rejected

THOROUGH_UP_TO_BYTES = 128 * 1024 * 1024
_WRITER_CHARACTERS = 80
_REASONS = {
    Unit.NONE: "NOBODY_FOUND",
    Unit.PAGE: "PAGES_ARE_KNOWN",
    Unit.COLUMN_CHUNK: "PAGES_CANNOT_BE_CUT",
    Unit.ROW_GROUP: "PAGES_CANNOT_BE_CUT",
    Unit.REMOVED: "EVERY_ROW_ERASED",
}
_BY_SIZE = (Unit.NONE, Unit.REMOVED, Unit.PAGE, Unit.COLUMN_CHUNK, Unit.ROW_GROUP)


def erase(
    content: Content,
    id_column: str,
    ids: Collection[str],
    require_time: Callable[[float], None] = lambda _: None,
    *,
    thorough: bool = True,
    plan_erasure: Callable[..., ErasurePlan] = plan_erasure,
) -> Erasure:
    """The content without the rows of `ids`, verified; no replacement where nothing is to go.

    `require_time` is asked before each step for the seconds that it takes, and may raise.

    Raises:
        Rejected: the engine refuses the file, and says why.
        Corrupted: the result is not what was planned.
    """
    step_s = seconds_for_a_step(content.size_bytes)
    try:
        plan = plan_erasure(content, id_column, ids, before_each_step=lambda: require_time(step_s))
        replacement = None
        if plan.changes and not plan.empties:
            replacement = Replacement(plan.segments, content)
            require_time(_seconds_to_prove(content, id_column, thorough=thorough))
            _prove(content, replacement, id_column, ids, plan, thorough=thorough)
        else:
            require_time(_seconds_to_prove(content, id_column, thorough=False))
            _count_again(content, id_column, ids, plan)
        return _erasure(plan, content, replacement, thorough=thorough)
    except UnsupportedParquet as refusal:
        raise Rejected(str(refusal), reason_code=refusal.reason) from None


def _erasure(
    plan: ErasurePlan, content: Content, replacement: Replacement | None, *, thorough: bool
) -> Erasure:
    writer = read_footer(content).document.blob(FileField.CREATED_BY) or b""
    return Erasure(
        rows_before=plan.rows_before,
        rows_by_id={str(one): rows for one, rows in plan.rows_by_id.items()},
        writer=writer.decode("utf-8", "replace")[:_WRITER_CHARACTERS],
        replacement=replacement,
        touched=_touched(plan),
        thorough=thorough,
    )


def _touched(plan: ErasurePlan) -> Touched:
    groups = plan.report.groups
    unit = max((group.unit for group in groups), key=_BY_SIZE.index, default=Unit.NONE)
    return Touched(
        unit=unit.value,
        unit_reason=_REASONS[unit],
        row_groups=len(groups),
        row_groups_touched=sum(group.unit is not Unit.NONE for group in groups),
        pages=sum(group.pages for group in groups),
        pages_touched=sum(group.pages_cut for group in groups),
    )


def _prove(
    before: Content,
    after: Replacement,
    id_column: str,
    ids: Collection[str],
    plan: ErasurePlan,
    *,
    thorough: bool,
) -> None:
    proof = verify(before, after, id_column, ids, thorough=thorough)
    if not proof.holds:
        raise Corrupted(f"the result is not what was planned: {'; '.join(proof.problems)}")
    if proof.rows_erased != plan.rows_erased:
        raise Corrupted("the result is not what was planned: rows counted in another way")


def _count_again(content: Content, id_column: str, ids: Collection[str], plan: ErasurePlan) -> None:
    """An object is not deleted, and nobody's absence is stated, on the planner's word alone."""
    if rows_held(content, id_column, ids) != plan.rows_erased:
        raise Corrupted("pyarrow counts other rows of the subjects than were planned")


def _seconds_to_prove(content: Content, id_column: str, *, thorough: bool) -> float:
    if thorough:
        return seconds_to_rewrite(content.size_bytes)
    footer = read_footer(content)
    leaf = id_leaf(footer, id_column)
    chunks = (group_columns(group)[leaf.index] for group in footer.row_groups)
    return seconds_to_search(
        sum(chunk_meta(chunk, leaf).integer(MetaField.TOTAL_COMPRESSED) for chunk in chunks)
    )
