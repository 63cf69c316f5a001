"""Tables of the Glue catalogue, as they are declared at this moment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from erasure_location.core.lake_table import Column, LakeTable, lake_table
from erasure_shared.data_map import S3Store
from erasure_shared.errors import Rejected, RetryLater

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

_PERMANENT = {
    "AccessDeniedException": "access to the table's declaration is denied",
    "EntityNotFoundException": "the catalogue knows no such table",
    "InvalidInputException": "the catalogue takes no such name",
}
_BUSY = {
    "ConcurrentModificationException",
    "FederationSourceRetryableException",
    "InternalServiceException",
    "OperationTimeoutException",
    "ResourceNotReadyException",
    "ThrottlingException",
}


class GlueCatalogue:
    """Looks tables up."""

    def __init__(self, glue: GlueClient) -> None:
        self._glue = glue

    def table(self, store: S3Store) -> LakeTable:
        """The store's table.

        Raises:
            Rejected: it is not there, or its ids cannot be compared.
            RetryLater: Glue is busy.
        """
        try:
            answer = self._glue.get_table(DatabaseName=store.database, Name=store.table)
        except ClientError as error:
            raise _translated(error, store) from error
        declared: Any = answer["Table"]
        columns = declared.get("StorageDescriptor", {}).get("Columns", ())
        return lake_table(store, _columns(columns), _columns(declared.get("PartitionKeys", ())))


def _columns(declared: Iterable[Any]) -> list[Column]:
    return [(str(column["Name"]), str(column.get("Type", ""))) for column in declared]


def _translated(error: ClientError, store: S3Store) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code in _PERMANENT:
        return Rejected(_PERMANENT[code], store=store.name, reason_code=f"GLUE_{code}")
    if code in _BUSY:
        return RetryLater("Glue is busy", store=store.name, reason_code=f"GLUE_{code}")
    return error
