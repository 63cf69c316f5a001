"""The benchmark's people: a million rows, eleven columns, about three rows per person.

python -m tests.benchmarks.parquet.data FOLDER SOURCE      the files that Spark writes
"""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROWS = 1_000_000
ID = "profile_id"
_START_MS = 1_700_000_000_000
_DAY_MS = 86_400_000


def people(rows: int, seed: int = 7) -> pa.Table:
    """UUIDs, e-mails, names, addresses, a tier, numbers, a timestamp and a nested list."""
    rng = np.random.default_rng(seed)
    profiles = max(1, rows // 3)
    who = pa.array(rng.integers(0, profiles, rows))
    ids = _uuids(rng, profiles)
    first = _names(rng, 3_000)
    last = _names(rng, 20_000)
    first_of, last_of = rng.integers(0, 3_000, profiles), rng.integers(0, 20_000, profiles)
    emails = [
        f"{first[a].lower()}.{last[b].lower()}{n}@example{n % 37}.com"
        for n, (a, b) in enumerate(zip(first_of.tolist(), last_of.tolist(), strict=True))
    ]
    addresses = [
        f"{number} {last[street]} Street, {zip_code}"
        for number, street, zip_code in zip(
            rng.integers(1, 9_999, profiles).tolist(),
            rng.integers(0, 500, profiles).tolist(),
            rng.integers(10_000, 99_999, profiles).tolist(),
            strict=True,
        )
    ]
    nobody = pa.array(rng.random(rows) < 0.05)
    email = pc.if_else(nobody, pa.scalar(None, pa.string()), pa.array(emails).take(who))
    updated = _START_MS + np.sort(rng.integers(0, 7 * _DAY_MS, rows))
    return pa.table(
        {
            ID: pa.array(ids).take(who),
            "email": email,
            "first_name": pa.array(first).take(pa.array(first_of)).take(who),
            "last_name": pa.array(last).take(pa.array(last_of)).take(who),
            "address": pa.array(addresses).take(who),
            "loyalty_tier": pa.array(["bronze", "silver", "gold", "platinum", "none"]).take(
                pa.array(rng.choice(5, rows, p=[0.5, 0.2, 0.15, 0.05, 0.1]))
            ),
            "nights": pa.array(rng.poisson(2, rows).astype("int32")),
            "spend": pa.array(np.round(rng.gamma(2, 150, rows), 2)),
            "score": pa.array(rng.random(rows)),
            "updated_at": pa.array(updated).cast(pa.timestamp("ms")),
            "consents": _consents(rng, rows),
        }
    )


def _uuids(rng: np.random.Generator, count: int) -> list[str]:
    raw = rng.bytes(16 * count).hex()
    parts = (raw[32 * n : 32 * n + 32] for n in range(count))
    return [f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}" for h in parts]


def _names(rng: np.random.Generator, count: int) -> list[str]:
    letters = np.array(list("aeioubcdfglmnrst"))
    lengths = rng.integers(4, 10, count).tolist()
    return ["".join(rng.choice(letters, length)).capitalize() for length in lengths]


def _consents(rng: np.random.Generator, rows: int) -> pa.Array:
    lengths = rng.choice(4, rows, p=[0.3, 0.4, 0.2, 0.1])
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype("int32")
    count = int(offsets[-1])
    channels = pa.array(["email", "sms", "push", "post"]).take(pa.array(rng.integers(0, 4, count)))
    given = pa.array(rng.random(count) < 0.5)
    at = pa.array(_START_MS - rng.integers(0, 700 * _DAY_MS, count)).cast(pa.timestamp("ms"))
    structs = pa.StructArray.from_arrays([channels, given, at], names=["channel", "granted", "at"])
    return pa.ListArray.from_arrays(pa.array(offsets), structs)


def make_files(folder: Path, rows: int = ROWS) -> list[Path]:
    """Every file of the benchmark, and the lists of ids beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    table = people(rows)
    unique = table[ID].unique().to_pylist()
    random.Random(3).shuffle(unique)
    for count in (1, 100, 10_000, 100_000):
        (folder / f"ids_{count}").write_text("\n".join(unique[:count]))
    options: dict[str, Any] = {"compression": "gzip", "compression_level": 6}
    files = {
        "pyarrow, 1 row group": {"row_group_size": rows},
        "pyarrow, 10 row groups": {"row_group_size": rows // 10},
    }
    made = []
    for name, more in files.items():
        path = folder / f"{name}.parquet"
        pq.write_table(table, path, **options, **more)
        made.append(path)
    path = folder / "pyarrow, sorted by id, 10 row groups, page index.parquet"
    ordered = table.sort_by(ID)
    pq.write_table(ordered, path, row_group_size=rows // 10, write_page_index=True, **options)
    made.append(path)
    return made


def rows_of(path: Path) -> int:
    """Rows, by the footer."""
    return int(pq.read_metadata(path).num_rows)


def make_spark_files(folder: Path, source: Path) -> None:
    """What parquet-mr writes; needs pyspark and Java."""
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.driver.memory", "4g")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.files.maxPartitionBytes", "8g")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    bloom = {
        f"parquet.bloom.filter.enabled#{ID}": "true",
        f"parquet.bloom.filter.expected.ndv#{ID}": "100000",
    }
    for name, block, more in (
        ("Spark, 1 row group", 512 << 20, {}),
        ("Spark, bloom filter, 10 row groups", 12 << 20, bloom),
    ):
        target = folder / "spark"
        frame = session.read.parquet(str(source)).coalesce(1)
        writer = frame.write.mode("overwrite").option("compression", "gzip")
        for key, value in {"parquet.block.size": str(block), **more}.items():
            writer = writer.option(key, value)
        writer.parquet(str(target))
        (written,) = target.glob("*.parquet")
        path = folder / f"{name}.parquet"
        written.rename(path)
        shutil.rmtree(target)
    session.stop()


if __name__ == "__main__":
    make_spark_files(Path(sys.argv[1]), Path(sys.argv[2]))
    sys.stdout.write("{}\n")
