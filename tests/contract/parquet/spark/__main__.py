"""Spark as a writer and as a reader of the test files; needs pyspark and Java.

    python -m tests.contract.parquet.spark write FOLDER       a file of every kind
    python -m tests.contract.parquet.spark read FILE ...      a digest per row, as JSON per file

`make spark-files` writes the committed ones anew. The people are made up.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import uuid
from pathlib import Path
from typing import Any

from .kinds import ID, KINDS, Kind

ROWS, PEOPLE = 240, 80
_COLUMNS = f"""
    {ID}
    account
    if(n % 17 = 0, null, email) as email
    element_at(array('bronze', 'silver', 'gold'), cast(n % 3 + 1 as int)) as tier
    cast(row % 11 as int) as nights
    row * 1.25d as spend
    cast(n * 100.25 as decimal(9, 2)) as balance
    cast(n * 1000003.0625 as decimal(24, 4)) as lifetime_value
    timestamp_seconds(1704067200 + row * 977) as updated_at
    date_add(date'1960-01-01', cast(n * 97 as int)) as born
    named_struct('{ID}', {ID}, 'home', home) as person
    transform(slice(channels, 1, n % 4), c -> named_struct('channel', c, 'of', c || id)) as consents
    if(n % 6 = 0, null, map('language', 'language ' || n % 9, 'pet', 'pet of ' || n)) as preferences
"""
_INNER = """
    *
    named_struct('street', 'street ' || n, 'city', if(n % 5 = 0, null, 'city ' || n % 7)) as home
    array('email', 'sms', 'post') as channels
    ' of ' || lpad(n, 4, '0') as id
"""


def main() -> None:
    command, *places = sys.argv[1:]
    session = _session()
    if command == "write":
        write_files(session, Path(places[0]))
    else:
        for place in places:
            digests = session.read.parquet(place).selectExpr(ID, "md5(to_json(struct(*)))")
            print(json.dumps([list(row) for row in digests.collect()]))  # noqa: T201 - its answer
    session.stop()


def write_files(session: Any, folder: Path) -> None:
    """A file of every kind, all with the same people."""
    folder.mkdir(parents=True, exist_ok=True)
    frame = _people(session)
    for name, kind in KINDS.items():
        _write(session, frame, kind, folder / f"{name}.parquet")


def _people(session: Any) -> Any:
    """About three rows per person, in no order."""
    rng = random.Random(7)
    ids = [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(PEOPLE)]
    rows = [
        (row, n, ids[n], 7_000_000_000 + n * 7_919, f"person{n:04}@example.com")
        for row, n in enumerate(rng.randrange(PEOPLE) for _ in range(ROWS))
    ]
    names = f"row int, n int, {ID} string, account bigint, email string"
    frame = session.createDataFrame(rows, names).coalesce(1).orderBy("row")
    return frame.selectExpr(*_lines(_INNER)).selectExpr(*_lines(_COLUMNS))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def _write(session: Any, frame: Any, kind: Kind, path: Path) -> None:
    for name, value in kind.all_settings().items():
        session.conf.set(name, value)
    target = path.with_suffix(".folder")
    writer = frame.coalesce(1).write.option("compression", kind.compression)
    for name, value in kind.options.items():
        writer = writer.option(name, value)
    writer.parquet(str(target))
    (written,) = target.glob("*.parquet")
    written.replace(path)
    shutil.rmtree(target)


def _session() -> Any:
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "1")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    return session


if __name__ == "__main__":
    main()
