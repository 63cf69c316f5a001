"""A database of Glue tables for the contract tests of Athena."""

import io
import time
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.contract.local_cloud.cloud import Cloud

NASTY = "it''s \"quoted\" \\n\n; DROP TABLE people -- 😀"
PARQUET = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
OPENX = "org.openx.data.jsonserde.JsonSerDe"
PEOPLE = [
    ("profile_id", "string"),
    ("visits", "int"),
    ("spend", "decimal(18,2)"),
    ("address", "struct<city:string,country:string>"),
    ("tags", "array<string>"),
    ("seen_at", "timestamp"),
    ("born_on", "date"),
    ("active", "boolean"),
]


@dataclass
class Warehouse:
    """A database with tables over one bucket."""

    cloud: Cloud
    bucket: str
    database: str

    def table(
        self,
        name: str,
        columns: list[tuple[str, str]],
        *,
        serde: str = PARQUET,
        keys: tuple[str, ...] = (),
        **properties: str,
    ) -> None:
        self.cloud.glue.create_table(
            DatabaseName=self.database,
            TableInput={
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "PartitionKeys": [{"Name": key, "Type": "string"} for key in keys],
                "Parameters": {name.replace("__", "."): text for name, text in properties.items()},
                "StorageDescriptor": {
                    "Columns": [{"Name": column, "Type": kind} for column, kind in columns],
                    "Location": f"s3://{self.bucket}/{name}/",
                    "SerdeInfo": {"SerializationLibrary": serde},
                },
            },
        )

    def put(self, key: str, columns: dict[str, Any], schema: pa.Schema | None = None) -> str:
        output = io.BytesIO()
        pq.write_table(pa.table(columns, schema=schema), output)
        return self.put_bytes(key, output.getvalue())

    def put_bytes(self, key: str, body: bytes) -> str:
        self.cloud.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def start(self, sql: str, *parameters: str) -> str:
        given = {"ExecutionParameters": list(parameters)} if parameters else {}
        answer = self.cloud.athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self.database},
            ResultConfiguration={"OutputLocation": f"s3://{self.bucket}/results/"},
            **given,
        )
        return str(answer["QueryExecutionId"])

    def finish(self, query_id: str) -> dict[str, Any]:
        while True:
            execution: dict[str, Any] = self.cloud.athena.get_query_execution(
                QueryExecutionId=query_id
            )["QueryExecution"]
            if execution["Status"]["State"] in ("SUCCEEDED", "FAILED"):
                return execution
            time.sleep(0.02)

    def rows(self, sql: str, *parameters: str) -> list[list[str | None]]:
        query_id = self.start(sql, *parameters)
        status = self.finish(query_id)["Status"]
        assert status["State"] == "SUCCEEDED", status["StateChangeReason"]
        pages = self.cloud.athena.get_paginator("get_query_results").paginate(
            QueryExecutionId=query_id
        )
        found = [row["Data"] for page in pages for row in page["ResultSet"]["Rows"]]
        return [[datum.get("VarCharValue") for datum in row] for row in found[1:]]

    def reason(self, sql: str, *parameters: str) -> str:
        status = self.finish(self.start(sql, *parameters))["Status"]
        assert status["State"] == "FAILED"
        return str(status["StateChangeReason"])
