"""Ways to erase people from a Parquet file: ours, and what people do today.

Each is called in a fresh process; imports and reading the list of ids do not count as work.
"""

from __future__ import annotations

import shutil
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .data import ID

Work = Callable[[], dict[str, Any]]
Method = Callable[["Job"], Work]
OURS = "inside pages (ours)"
RIVAL = "pyarrow filter + write, level 6"
LOOP = "pyarrow, loop over row groups"
WRANGLER = "awswrangler, S3 on this machine"


@dataclass(frozen=True)
class Job:
    """What is to be done."""

    file: Path
    ids: list[str]
    out: Path
    endpoint: str


def inside_pages(job: Job) -> Work:
    """This engine."""
    from erasure_purge.parquet import LocalFile, apply_plan, plan_erasure

    def work() -> dict[str, Any]:
        with LocalFile(job.file) as source:
            plan = plan_erasure(source, ID, job.ids)
            apply_plan(plan, source, job.out)
        groups = plan.report.groups
        return {
            "rows": plan.rows_erased,
            "read": plan.report.bytes_read,
            "new": plan.report.bytes_new,
            "pages": f"{sum(g.pages_cut for g in groups)}/{sum(g.pages for g in groups)}",
        }

    return work


def _pyarrow(level: int) -> Method:
    def method(job: Job) -> Work:
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        pa.set_cpu_count(2)

        def work() -> dict[str, Any]:
            table = pq.read_table(job.file)
            gone = pc.is_in(table[ID], value_set=pa.array(job.ids))
            table = table.filter(pc.invert(gone))
            options = {"compression": "gzip", "compression_level": level}
            pq.write_table(table, job.out, row_group_size=len(table), **options)
            return {}

        return work

    return method


def row_group_loop(job: Job) -> Work:
    """pyarrow, one row group after the other, level 6, with a page index if the file has one.

    What the writer of pyarrow's files makes of the rows that remain; for Spark's only a stand-in.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    def work() -> dict[str, Any]:
        reader = pq.ParquetFile(job.file)
        wanted = pa.array(job.ids)
        with pq.ParquetWriter(
            job.out,
            reader.schema_arrow,
            compression="gzip",
            compression_level=6,
            write_page_index=reader.metadata.row_group(0).column(0).has_offset_index,
        ) as writer:
            for group in range(reader.num_row_groups):
                table = reader.read_row_group(group)
                table = table.filter(pc.invert(pc.is_in(table[ID], value_set=wanted)))
                if len(table):
                    writer.write_table(table, row_group_size=len(table))
        return {}

    return work


def polars(job: Job) -> Work:
    """Polars, as its documentation would have it."""
    import polars as pl

    def work() -> dict[str, Any]:
        frame = pl.read_parquet(job.file)
        frame.filter(~pl.col(ID).is_in(job.ids)).write_parquet(job.out, compression="gzip")
        return {}

    return work


def duckdb(job: Job) -> Work:
    """DuckDB's COPY, two threads."""
    import duckdb as db
    import pyarrow as pa

    def work() -> dict[str, Any]:
        with db.connect() as connection:
            connection.execute("set threads=2")
            connection.register("ids", pa.table({"i": job.ids}))
            connection.execute(
                f"copy (select * from read_parquet('{job.file}')"
                f" where {ID} not in (select i from ids)) to '{job.out}'"
                " (format parquet, codec 'gzip')"
            )
        return {}

    return work


def deltalake(job: Job) -> Work:
    """deltalake's delete; making the table around the file does not count."""
    import deltalake as dl

    folder = Path(tempfile.mkdtemp(dir=job.out.parent))
    shutil.copy(job.file, folder / "p.parquet")
    dl.convert_to_deltalake(str(folder))
    table = dl.DeltaTable(str(folder))
    wanted = ",".join(f"'{one}'" for one in job.ids)
    properties = dl.WriterProperties(compression="GZIP", compression_level=6)

    def work() -> dict[str, Any]:
        table.delete(f"{ID} in ({wanted})", writer_properties=properties)
        newest = max(folder.glob("*.parquet"), key=lambda path: path.stat().st_mtime)
        newest.rename(job.out)
        shutil.rmtree(folder)
        return {}

    return work


def awswrangler(job: Job) -> Work:
    """AWS's own library, which knows only S3: read, filter and write through pandas."""
    import awswrangler as wr  # type: ignore[import-not-found]
    import boto3

    session = boto3.Session(
        region_name="eu-west-1", aws_access_key_id="local", aws_secret_access_key="local"
    )
    s3 = session.client("s3", endpoint_url=job.endpoint)
    wr.config.s3_endpoint_url = job.endpoint
    bucket, old, new = f"bench-{uuid.uuid4().hex}", "old.parquet", "new.parquet"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    before_s = time.process_time()
    s3.upload_file(str(job.file), bucket, old)
    s3.get_object(Bucket=bucket, Key=old)["Body"].read()
    s3_cpu_s = time.process_time() - before_s  # as much as the work's own transfer

    def work() -> dict[str, Any]:
        frame = wr.s3.read_parquet(f"s3://{bucket}/{old}", boto3_session=session)
        frame = frame[~frame[ID].isin(job.ids)]
        wr.s3.to_parquet(
            frame, f"s3://{bucket}/{new}", compression="gzip", index=False, boto3_session=session
        )
        size = s3.head_object(Bucket=bucket, Key=new)["ContentLength"]
        return {"bytes": size, "s3_cpu_s": s3_cpu_s}

    return work


def copy(job: Job) -> Work:
    """cp: what any tool that writes a whole file costs at least."""

    def work() -> dict[str, Any]:
        shutil.copyfile(job.file, job.out)
        return {}

    return work


METHODS: dict[str, Method] = {
    OURS: inside_pages,
    RIVAL: _pyarrow(6),
    "pyarrow filter + write, level 9": _pyarrow(9),
    LOOP: row_group_loop,
    "Polars": polars,
    "DuckDB": duckdb,
    "deltalake delete": deltalake,
    WRANGLER: awswrangler,
    "cp": copy,
}
PYTHON_OF = {WRANGLER: Path(".local/bench-wrangler-env/bin/python")}
