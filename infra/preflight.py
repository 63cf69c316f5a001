"""What can be seen to be wrong before anything is created: one clear message."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import psycopg
from botocore.exceptions import ClientError

from erasure_shared.data_map import DataMap, DataMapObject, DynamoDBStore, PostgreSQLStore, S3Store
from erasure_shared.errors import Rejected
from infra.artifacts import Artifacts
from infra.data_map_lint.core import name_of
from infra.data_map_lint.stores import Stores
from infra.stage_files import BadInput
from infra.zips import ROOT

_ABSENT = {
    "404",
    "NoSuchBucket",
    "NoSuchKey",
    "EntityNotFoundException",
    "ResourceNotFoundException",
}
_DEMANDS_CONDITIONS = "s3:if-match"
_REFUSES_PLAIN_HTTP = "aws:SecureTransport"
_CONNECT_TIMEOUT_S = 5


class Preflight:
    """Looks at an account through boto3; changes nothing."""

    def __init__(self, artifacts: Artifacts, session: boto3.Session) -> None:
        self._artifacts = artifacts
        self._stage = artifacts.stage
        self._region = session.region_name
        self._s3: Any = session.client("s3")
        self._glue: Any = session.client("glue")
        self._kms: Any = session.client("kms")
        self._dynamodb: Any = session.client("dynamodb")

    def check(self, platform: Mapping[str, str]) -> Iterator[str]:
        """Compare the platform's parameters with what exists; what could not be looked at.

        Raises:
            BadInput: saying what is wrong, and with which parameter.
        """
        if bucket := platform.get("ExistingLakeBucket"):
            self._check_bucket(bucket)
        if key := platform.get("ExistingKeyArn"):
            self._check_key(key)
        database = platform.get("ExistingGlueDatabase") or f"erasure_{self._stage}"
        if platform.get("ExistingGlueDatabase"):
            self._found(
                f"ExistingGlueDatabase={database}", lambda: self._glue.get_database(Name=database)
            )
        if value := platform.get("DataMap"):
            data_map = self._data_map(value)
            self._check_data_map(data_map, database)
            if dsn := platform.get("PostgresqlDsn"):
                yield from self._check_postgresql(data_map, dsn)

    def _data_map(self, value: str) -> DataMap:
        """The map that a parameter holds or, in the stage's own bucket, names."""
        try:
            stored = DataMapObject.named_by(value)
            if stored is None:
                return DataMap.read(value)
            if stored.bucket != self._artifacts.bucket:
                raise BadInput(f"DataMap={value}: it must be in {self._artifacts.bucket}")
            return DataMap.read(
                self._found(f"DataMap={value}", lambda: stored.text(self._artifacts.s3))
            )
        except Rejected as rejected:
            raise BadInput(f"DataMap: {rejected.describe()}") from None

    def _check_bucket(self, bucket: str) -> None:
        name = f"ExistingLakeBucket={bucket}"
        place = self._found(name, lambda: self._s3.get_bucket_location(Bucket=bucket))
        region = place.get("LocationConstraint") or "us-east-1"
        if region != self._region:
            raise BadInput(f"{name}: it is in {region}, this deployment in {self._region}")
        versioning = self._s3.get_bucket_versioning(Bucket=bucket).get("Status")
        if versioning != "Enabled":
            raise BadInput(
                f"{name}: it has no versioning; without versions a purge that breaks off could not "
                f"be repaired: aws s3api put-bucket-versioning --bucket {bucket} "
                "--versioning-configuration Status=Enabled"
            )
        self._check_bucket_policy(name, bucket)

    def _check_bucket_policy(self, name: str, bucket: str) -> None:
        try:
            policy = self._s3.get_bucket_policy(Bucket=bucket)["Policy"]
        except ClientError:
            policy = ""
        if _DEMANDS_CONDITIONS not in policy or _REFUSES_PLAIN_HTTP not in policy:
            raise BadInput(
                f"{name}: its policy must refuse plain HTTP and unconditional writes of "
                f"erasure-{self._stage}-purge; infra/RUNBOOK.md, "
                "“A bucket of your own”, has the two statements"
            )

    def _check_key(self, key: str) -> None:
        name = f"ExistingKeyArn={key}"
        if f":{self._region}:" not in key:
            raise BadInput(f"{name}: it is not in {self._region}")
        described = self._found(name, lambda: self._kms.describe_key(KeyId=key))
        state = described["KeyMetadata"].get("KeyState", "Enabled")
        if state != "Enabled":
            raise BadInput(f"{name}: it is {state}")

    def _check_data_map(self, data_map: DataMap, database: str) -> None:
        for store in data_map.stores:
            if isinstance(store, S3Store):
                self._check_lake_table(store, database)
            elif isinstance(store, DynamoDBStore):
                self._check_dynamodb_table(store)

    def _check_lake_table(self, store: S3Store, database: str) -> None:
        name = f"data map, store {store.name}"
        if store.database != database:
            raise BadInput(
                f"{name}: database {store.database} is not the stage's, which is {database}"
            )
        try:
            table = self._glue.get_table(DatabaseName=database, Name=store.table)["Table"]
            columns = {column["Name"] for column in table["StorageDescriptor"]["Columns"]}
        except ClientError as error:
            if error.response["Error"]["Code"] not in _ABSENT:
                raise
            if store.table != "profiles":
                raise BadInput(f"{name}: no table {store.table} in {database}") from None
            columns = _columns_of_profiles()  # the ingestion stack will make it
        if store.id_column not in columns:
            raise BadInput(f"{name}: table {store.table} has no column {store.id_column}")

    def _check_dynamodb_table(self, store: DynamoDBStore) -> None:
        name = f"data map, store {store.name}: table {store.table}"
        table = self._found(name, lambda: self._dynamodb.describe_table(TableName=store.table))
        described = table["Table"]
        keys = described["KeySchema"]
        if store.index:
            indexes = {
                index["IndexName"]: index["KeySchema"]
                for index in described.get("GlobalSecondaryIndexes", [])
            }
            if store.index not in indexes:
                raise BadInput(f"{name} has no index {store.index}")
            keys = indexes[store.index]
        if keys[0]["AttributeName"] != store.id_attribute:
            raise BadInput(
                f"{name}: {store.id_attribute} is not the hash key of "
                f"{store.index or 'the table'}, {keys[0]['AttributeName']} is"
            )

    def _check_postgresql(self, data_map: DataMap, dsn: str) -> Iterator[str]:
        stores = [store for store in data_map.stores if isinstance(store, PostgreSQLStore)]
        try:
            connection = psycopg.connect(dsn, connect_timeout=_CONNECT_TIMEOUT_S)
        except psycopg.Error:
            yield "PostgreSQL cannot be reached from here; make lint-data-map compares its tables"
            return
        with connection:
            looked_at = Stores(self._glue, self._dynamodb, lambda: connection)
            for store in stores:
                name = f"data map, store {store.name}"
                table = looked_at.look(name_of(store))
                if table is None:
                    raise BadInput(f"{name}: no table {store.schema_name}.{store.table}")
                if store.id_column not in table.columns:
                    raise BadInput(f"{name}: table {store.table} has no column {store.id_column}")

    @staticmethod
    def _found(name: str, look: Any) -> Any:
        try:
            return look()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _ABSENT or "NotFound" in code:
                raise BadInput(f"{name}: there is no such thing in this account") from None
            raise BadInput(f"{name}: {code}: {error.response['Error']['Message']}") from None


def _columns_of_profiles() -> set[str]:
    columns = json.loads((ROOT / "schemas" / "tables" / "profiles.json").read_text("utf-8"))
    return {column["Name"] for column in columns}
