"""Objects of the lake in short: whose row, and which."""

from __future__ import annotations

from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq

Row = tuple[str, int]


def written(rows: list[Row], row_group_rows: int) -> bytes:
    """A Parquet file of these rows."""
    table = pa.table(
        {
            "profile_id": pa.array([who for who, _ in rows], pa.string()),
            "serial": pa.array([serial for _, serial in rows], pa.int64()),
        }
    )
    file = BytesIO()
    pq.write_table(table, file, row_group_size=row_group_rows, compression="none")
    return file.getvalue()


def rows_in(content: bytes) -> list[Row]:
    """The rows of a file, in order."""
    table = pq.ParquetFile(BytesIO(content)).read()
    return list(
        zip(table.column("profile_id").to_pylist(), table.column("serial").to_pylist(), strict=True)
    )
