"""Files of parquet-mr, by Spark: legacy lists, INT96, v2 pages, bloom filters; read back by it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.contract.parquet.people import ID, erase, people, some_people

pytest.importorskip("pyspark")
if shutil.which("java") is None:
    pytest.skip("Spark needs Java", allow_module_level=True)

KINDS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "legacy lists and int96": (
        {
            "spark.sql.parquet.writeLegacyFormat": "true",
            "spark.sql.parquet.outputTimestampType": "INT96",
        },
        {},
    ),
    "bloom filters and small row groups": (
        {
            "spark.sql.parquet.writeLegacyFormat": "false",
            "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MILLIS",
        },
        {
            "parquet.block.size": "65536",
            "parquet.enable.dictionary": "false",
            f"parquet.bloom.filter.enabled#{ID}": "true",
            f"parquet.bloom.filter.expected.ndv#{ID}": "1500",
        },
    ),
    "v2 pages": (
        {"spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS"},
        {"parquet.writer.version": "v2", "parquet.page.size": "8192"},
    ),
}


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_people_leave_a_spark_file_and_spark_reads_the_others(
    spark: Any, tmp_path: Path, kind: str
) -> None:
    settings, options = KINDS[kind]
    before = _written(spark, tmp_path, settings, options)
    after = tmp_path / "after.parquet"
    ids = some_people(people(), 25)

    plan = erase(before, after, ids)

    expected = [row for row in spark.read.parquet(str(before)).collect() if row[ID] not in ids]
    assert spark.read.parquet(str(after)).collect() == expected
    assert pq.read_schema(after).equals(pq.read_schema(before), check_metadata=True)
    assert plan.report.indexes_dropped == 0


@pytest.mark.filterwarnings("ignore")
def test_a_bloom_filter_spares_reading_the_file(spark: Any, tmp_path: Path) -> None:
    settings, options = KINDS["bloom filters and small row groups"]
    before = _written(spark, tmp_path, settings, options)

    plan = erase(before, tmp_path / "after.parquet", ["0e5ab3f2-5a5b-4a9a-8a8a-000000000000"])

    assert not plan.changes
    proofs = {group.reason for group in plan.report.groups}
    assert "the bloom filter excludes every id" in proofs


def _written(spark: Any, folder: Path, settings: dict[str, str], options: dict[str, str]) -> Path:
    source, target = folder / "source.parquet", folder / "spark"
    pq.write_table(people(), source)
    for name, value in settings.items():
        spark.conf.set(name, value)
    writer = spark.read.parquet(str(source)).coalesce(1).write.option("compression", "gzip")
    for name, value in options.items():
        writer = writer.option(name, value)
    writer.parquet(str(target))
    (written,) = target.glob("*.parquet")
    return Path(written)
