"""Ways to erase people from a Parquet file: ours, and what people do today.

Each is called in a fresh process; imports and reading the list of ids do not count as work.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .data import ID

Work = Callable[[], dict[str, Any]]
Method = Callable[[Path, list[str], Path], Work]


def inside_pages(file: Path, ids: list[str], out: Path) -> Work:
    """This engine."""
    from erasure_purge.parquet import LocalFile, apply_plan, plan_erasure
    from erasure_purge.s3_commit import UploadPart, parts_of

    def work() -> dict[str, Any]:
        with LocalFile(file) as source:
            plan = plan_erasure(source, ID, ids)
            apply_plan(plan, source, out)
        groups = plan.report.groups
        parts = parts_of(plan.segments)
        return {
            "uploaded": sum(p.length for p in parts if isinstance(p, UploadPart)),
            "rows": plan.rows_erased,
            "read": plan.report.bytes_read,
            "new": plan.report.bytes_new,
            "pages": f"{sum(g.pages_cut for g in groups)}/{sum(g.pages for g in groups)}",
        }

    return work


def _pyarrow(level: int) -> Method:
    def method(file: Path, ids: list[str], out: Path) -> Work:
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        pa.set_cpu_count(2)

        def work() -> dict[str, Any]:
            table = pq.read_table(file)
            gone = pc.is_in(table[ID], value_set=pa.array(ids))
            table = table.filter(pc.invert(gone))
            pq.write_table(
                table, out, compression="gzip", compression_level=level, row_group_size=len(table)
            )
            return {}

        return work

    return method


def row_group_loop(file: Path, ids: list[str], out: Path) -> Work:
    """pyarrow, one row group after the other, level 6."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    def work() -> dict[str, Any]:
        reader = pq.ParquetFile(file)
        wanted = pa.array(ids)
        with pq.ParquetWriter(
            out, reader.schema_arrow, compression="gzip", compression_level=6
        ) as writer:
            for group in range(reader.num_row_groups):
                table = reader.read_row_group(group)
                table = table.filter(pc.invert(pc.is_in(table[ID], value_set=wanted)))
                if len(table):
                    writer.write_table(table, row_group_size=len(table))
        return {}

    return work


def polars(file: Path, ids: list[str], out: Path) -> Work:
    """Polars, as its documentation would have it."""
    import polars as pl

    def work() -> dict[str, Any]:
        frame = pl.read_parquet(file)
        frame.filter(~pl.col(ID).is_in(ids)).write_parquet(out, compression="gzip")
        return {}

    return work


def duckdb(file: Path, ids: list[str], out: Path) -> Work:
    """DuckDB's COPY, two threads."""
    import duckdb as db
    import pyarrow as pa

    def work() -> dict[str, Any]:
        with db.connect() as connection:
            connection.execute("set threads=2")
            connection.register("ids", pa.table({"i": ids}))
            connection.execute(
                f"copy (select * from read_parquet('{file}')"
                f" where {ID} not in (select i from ids)) to '{out}' (format parquet, codec 'gzip')"
            )
        return {}

    return work


def deltalake(file: Path, ids: list[str], out: Path) -> Work:
    """deltalake's delete; making the table around the file does not count."""
    import deltalake as dl

    folder = Path(tempfile.mkdtemp(dir=out.parent))
    shutil.copy(file, folder / "p.parquet")
    dl.convert_to_deltalake(str(folder))
    table = dl.DeltaTable(str(folder))
    wanted = ",".join(f"'{one}'" for one in ids)
    properties = dl.WriterProperties(compression="GZIP", compression_level=6)

    def work() -> dict[str, Any]:
        table.delete(f"{ID} in ({wanted})", writer_properties=properties)
        newest = max(folder.glob("*.parquet"), key=lambda path: path.stat().st_mtime)
        newest.rename(out)
        shutil.rmtree(folder)
        return {}

    return work


def copy(file: Path, ids: list[str], out: Path) -> Work:
    """cp: what any tool that writes a whole file costs at least."""

    def work() -> dict[str, Any]:
        shutil.copyfile(file, out)
        return {}

    return work


METHODS: dict[str, Method] = {
    "inside pages (ours)": inside_pages,
    "pyarrow filter + write, level 6": _pyarrow(6),
    "pyarrow filter + write, level 9": _pyarrow(9),
    "pyarrow, loop over row groups": row_group_loop,
    "Polars": polars,
    "DuckDB": duckdb,
    "deltalake delete": deltalake,
    "cp": copy,
}
