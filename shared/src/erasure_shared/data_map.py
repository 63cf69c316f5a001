"""The data map: where the customer's systems keep profile data. `schemas/data_map.json` is one."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from erasure_shared.errors import Rejected
from erasure_shared.events import read_document
from erasure_shared.locations import StoreKind

Name = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00\"`]+$")]
"""Quotes are refused rather than escaped: no store of ours needs them in a name."""


class _Store(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


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


class DataMap(BaseModel):
    """Every store that holds profile data."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    version: Annotated[str, Field(pattern=r"^1(\.[0-9]+)?$")]
    stores: Annotated[tuple[Store, ...], Field(min_length=1)]

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
