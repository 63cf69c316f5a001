"""Write the committed file anew; needs pyarrow 10 and nothing else of ours.

python tests/contract/parquet/pyarrow_10/__main__.py
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = range(200)
TABLE = pa.table(
    {
        "profile_id": [f"person-{n:03}" for n in ROWS],
        "tags": [None if n % 11 == 0 else [f"tag-of-{n:03}"] * (n % 4) for n in ROWS],
        "visits": [[{"hotel": n % 7, "nights": [n, n + 1]}] * (n % 3) for n in ROWS],
    }
)

if __name__ == "__main__":
    pq.write_table(
        TABLE,
        Path(__file__).with_name("nested_v2.parquet"),
        data_page_version="2.0",
        data_page_size=500,
        write_batch_size=20,
        row_group_size=100,
        compression="gzip",
    )
