"""A lake with one table of profiles and the table of wanted ids, as platform.yaml has them."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import SecretStr

from erasure_location.core.deadline import Deadline
from erasure_location.stores.athena import AthenaNames, AthenaSearch
from erasure_location.stores.athena_queries import Queries
from erasure_location.stores.glue import GlueCatalogue
from erasure_location.use_case import Extent
from erasure_shared.data_map import S3Store
from erasure_shared.locations import Found
from tests.contract.local_cloud.cloud import Cloud, fresh_name

PARQUET = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
JSON = "org.openx.data.jsonserde.JsonSerDe"


class Lake:
    """Fresh buckets, database, workgroup and tables for one test."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.bucket = cloud.bucket()
        self.athena_bucket = cloud.bucket()
        self.database = fresh_name().replace("-", "_")
        self.workgroup = fresh_name()
        self.store = S3Store(
            kind="s3",
            name="profiles_lake",
            database=self.database,
            table="profiles",
            id_column="profile_id",
        )
        cloud.glue.create_database(DatabaseInput={"Name": self.database})
        self.create_table()
        self._create_wanted()
        cloud.athena.create_work_group(
            Name=self.workgroup,
            Configuration={
                "EnforceWorkGroupConfiguration": True,
                "ResultConfiguration": {"OutputLocation": f"s3://{self.athena_bucket}/results/"},
            },
        )

    def create_table(self, name: str = "profiles", id_type: str = "string") -> S3Store:
        self.cloud.glue.create_table(
            DatabaseName=self.database,
            TableInput={
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "StorageDescriptor": {
                    "Columns": [
                        {"Name": "profile_id", "Type": id_type},
                        {"Name": "email", "Type": "string"},
                    ],
                    "Location": f"s3://{self.bucket}/{name}/",
                    "SerdeInfo": {"SerializationLibrary": PARQUET},
                },
            },
        )
        return S3Store(
            kind="s3", name=name, database=self.database, table=name, id_column="profile_id"
        )

    def put(self, key: str, ids: Sequence[object], id_type: pa.DataType | None = None) -> str:
        """Write a Parquet object; returns its URI."""
        table = pa.table(
            {
                "profile_id": pa.array(ids, id_type or pa.string()),
                "email": pa.array(["somebody@example.org"] * len(ids)),
            }
        )
        body = io.BytesIO()
        pq.write_table(table, body)
        return self.put_bytes(key, body.getvalue())

    def put_bytes(self, key: str, body: bytes) -> str:
        self.cloud.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def find(
        self, ids: Iterable[str], store: S3Store | None = None, deadline: Deadline | None = None
    ) -> tuple[Found, ...]:
        subjects = [SecretStr(profile_id) for profile_id in ids]
        deadline = deadline or Deadline(lambda: 60.0)
        return self.search().find(store or self.store, subjects, deadline)

    def survey(self, ids: Iterable[str]) -> Extent:
        subjects = [SecretStr(profile_id) for profile_id in ids]
        return self.search().survey(self.store, subjects, Deadline(lambda: 60.0))

    def search(self) -> AthenaSearch:
        athena, s3 = self.cloud.athena, self.cloud.s3
        queries = Queries(athena, s3, self.workgroup, time.sleep)
        names = AthenaNames(self.athena_bucket, self.database)
        return AthenaSearch(GlueCatalogue(self.cloud.glue), queries, s3, names, fresh_name)

    def left_over(self) -> list[str]:
        """Keys in the bucket of results and wanted ids."""
        answer: dict[str, Any] = self.cloud.s3.list_objects_v2(Bucket=self.athena_bucket)
        return [item["Key"] for item in answer.get("Contents", [])]

    def _create_wanted(self) -> None:
        self.cloud.glue.create_table(
            DatabaseName=self.database,
            TableInput={
                "Name": "wanted",
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {
                    "classification": "json",
                    "projection.enabled": "true",
                    "projection.batch.type": "injected",
                    "storage.location.template": f"s3://{self.athena_bucket}/wanted/${{batch}}/",
                },
                "PartitionKeys": [{"Name": "batch", "Type": "string"}],
                "StorageDescriptor": {
                    "Columns": [{"Name": "profile_id", "Type": "string"}],
                    "Location": f"s3://{self.athena_bucket}/wanted/",
                    "SerdeInfo": {"SerializationLibrary": JSON},
                },
            },
        )


def found_ids(found: Found) -> set[str]:
    return {identifier.profile_id.get_secret_value() for identifier in found.identifiers}


def where(findings: Iterable[Found]) -> dict[str, set[str]]:
    return {found.address: found_ids(found) for found in findings}
