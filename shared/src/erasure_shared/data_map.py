"""The data map: where the customer's systems keep profile data. `schemas/data_map.json` is one."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from erasure_shared.errors import Rejected
from erasure_shared.events import read_document
from erasure_shared.locations import StoreKind

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LARGEST_BYTES = 1_000_000
"""Of a data map; thousands of tables take less."""
_IN_S3 = "s3://"
_ADDRESS = re.compile(r"s3://([a-z0-9.-]{3,63})/data-map/([0-9a-f]{64})\.json")

Name = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00\"`]+$")]
"""Quotes are refused rather than escaped: no store of ours needs them in a name."""


Classification = Literal["identifier", "personal", "pseudonymous", "none"]
"""What a column says about a person: who it is, something about them, something that leads to them
together with other data, or nothing."""


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class _Store(_Part):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    columns: dict[Name, Classification] = Field(default_factory=dict)
    """What is known of each column, for `make lint-data-map`; the services do not look at it."""


class S3Store(_Store):
    """A table of the Glue catalogue over Parquet objects."""

    kind: Literal["s3"]
    database: Name
    table: Name
    id_column: Name


class DynamoDBStore(_Store):
    """A DynamoDB table, reached by its hash key or, where `index` is given, through that index."""

    kind: Literal["dynamodb"]
    table: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{3,255}$")]
    id_attribute: Name
    index: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{3,255}$")] | None = None

    @property
    def address(self) -> str:
        """The address of a location in this table."""
        return f"dynamodb://{self.table}"


class PostgreSQLStore(_Store):
    """A PostgreSQL table."""

    kind: Literal["postgresql"]
    schema_name: Annotated[Name, Field(alias="schema")] = "public"
    table: Name
    id_column: Name

    @property
    def address(self) -> str:
        """The address of a location in this table."""
        return f"postgresql://{self.schema_name}.{self.table}"


Store = Annotated[S3Store | DynamoDBStore | PostgreSQLStore, Field(discriminator="kind")]


Pattern = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00\"`]+$")]
"""A table's name, in which `*` stands for any characters."""


class _Ignored(_Part):
    table: Pattern
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class IgnoredS3Table(_Ignored):
    """A table of the Glue catalogue that holds no profile data."""

    kind: Literal["s3"]
    database: Name


class IgnoredDynamoDBTable(_Ignored):
    """A DynamoDB table that holds no profile data."""

    kind: Literal["dynamodb"]


class IgnoredPostgreSQLTable(_Ignored):
    """A PostgreSQL table that holds no profile data."""

    kind: Literal["postgresql"]
    schema_name: Annotated[Name, Field(alias="schema")] = "public"


Ignored = IgnoredS3Table | IgnoredDynamoDBTable | IgnoredPostgreSQLTable


class DataMap(_Part):
    """Every store that holds profile data; of other tables, why they do not."""

    version: Annotated[str, Field(pattern=r"^1(\.[0-9]+)?$")]
    stores: Annotated[tuple[Store, ...], Field(min_length=1)]
    ignored_tables: tuple[Annotated[Ignored, Field(discriminator="kind")], ...] = ()

    @classmethod
    def read(cls, text: str) -> DataMap:
        """The data map in a JSON text.

        Raises:
            Rejected: naming each field and the rule that it breaks.
        """
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            raise Rejected("the data map is not JSON", reason_code="INVALID_DATA_MAP") from None
        data_map = read_document(cls, document, "the data map")
        names = [store.name for store in data_map.stores]
        if len(set(names)) != len(names):
            raise Rejected(
                "the data map is not valid: stores: names must be distinct",
                reason_code="INVALID_DATA_MAP",
            )
        return data_map

    def store(self, name: str) -> S3Store | DynamoDBStore | PostgreSQLStore:
        """The store of that name.

        Raises:
            Rejected: the data map no longer declares it.
        """
        for store in self.stores:
            if store.name == name:
                return store
        raise Rejected(
            "the data map does not declare the store", store=name, reason_code="UNKNOWN_STORE"
        )


def kind_of(store: S3Store | DynamoDBStore | PostgreSQLStore) -> StoreKind:
    """The kind of locations in the store."""
    return StoreKind(store.kind)


@dataclass(frozen=True)
class DataMapObject:
    """Where a data map lies that is too large for a parameter: under the hash of its content.

    The parameter holds the address, and so decides which content is taken for the data map.
    """

    bucket: str
    sha256: str

    @classmethod
    def of(cls, bucket: str, text: str) -> Self:
        """Where that text belongs."""
        return cls(bucket, hashlib.sha256(text.encode()).hexdigest())

    @classmethod
    def named_by(cls, value: str) -> Self | None:
        """The object that a parameter names; None if the parameter holds the data map itself.

        Raises:
            Rejected: the address is not one of ours.
        """
        if not value.startswith(_IN_S3):
            return None
        address = _ADDRESS.fullmatch(value)
        if not address:
            raise Rejected(
                "the address of the data map is not s3://BUCKET/data-map/SHA256.json",
                reason_code="INVALID_DATA_MAP",
            )
        return cls(address[1], address[2])

    @property
    def key(self) -> str:
        """Its key in the bucket."""
        return f"data-map/{self.sha256}.json"

    @property
    def uri(self) -> str:
        """What the parameter holds."""
        return f"{_IN_S3}{self.bucket}/{self.key}"

    def text(self, s3: S3Client) -> str:
        """The data map as it was put there.

        Raises:
            Rejected: it is too large, or something else lies there now.
            ClientError: S3 does not have it, or may not give it.
        """
        answer = s3.get_object(Bucket=self.bucket, Key=self.key)
        body = answer["Body"].read(LARGEST_BYTES + 1)
        if len(body) > LARGEST_BYTES:
            raise Rejected("the data map is too large", reason_code="INVALID_DATA_MAP")
        if hashlib.sha256(body).hexdigest() != self.sha256:
            raise Rejected("the data map is not the one deployed", reason_code="INVALID_DATA_MAP")
        return str(body, "utf-8")
