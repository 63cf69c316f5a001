"""The kinds of file that Spark is asked for, one per way of writing Parquet it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent
ID = "profile_id"
ID_COLUMNS = (ID, "account", "person.profile_id")  # each names the same people
_BLOOM = {  # parquet-mr writes none beside a dictionary
    f"parquet.enable.dictionary#{ID}": "false",
    f"parquet.bloom.filter.enabled#{ID}": "true",
    f"parquet.bloom.filter.expected.ndv#{ID}": "80",
}


@dataclass(frozen=True)
class Kind:
    """What a file is to be like; options of the writer and of the session."""

    compression: str = "gzip"
    options: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)

    def all_settings(self) -> dict[str, str]:
        """The session's settings, those of the kind before included."""
        usual = {
            "spark.sql.parquet.writeLegacyFormat": "false",
            "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        }
        return usual | dict(self.settings)


KINDS: dict[str, Kind] = {
    "default": Kind("snappy"),
    "gzip": Kind("gzip"),
    "legacy": Kind("gzip", settings={"spark.sql.parquet.writeLegacyFormat": "true"}),
    "int96": Kind("snappy", settings={"spark.sql.parquet.outputTimestampType": "INT96"}),
    "v2": Kind("gzip", {"parquet.writer.version": "v2", "parquet.page.row.count.limit": "100"}),
    "v2_delta": Kind(
        "zstd", {"parquet.writer.version": "v2", "parquet.enable.dictionary": "false"}
    ),
    "bloom": Kind("gzip", {"parquet.block.size": "20480", **_BLOOM}),
    "zstd_plain": Kind("zstd", {"parquet.enable.dictionary": "false"}),
    "small_pages": Kind("gzip", {"parquet.page.row.count.limit": "32"}),
    "uncompressed": Kind("uncompressed"),
    "lz4_hadoop": Kind("lz4"),
    "lz4_raw": Kind("lz4_raw"),
    "no_checksums": Kind("gzip", {"parquet.page.write-checksum.enabled": "false"}),
}
