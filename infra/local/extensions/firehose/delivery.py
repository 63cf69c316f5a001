"""From the records of one buffer to objects on S3.

https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
"""

import functools
import re
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ministack import app
from ministack.core.responses import get_account_id, get_region
from ministack.services import firehose, s3

from infra.local.extensions.firehose.conversion import Converter, NotConverted
from infra.local.extensions.firehose.records import Failed, Record, Transformed
from infra.local.extensions.firehose.transform import TransformFunction

_EXPRESSION = re.compile(r"!\{([A-Za-z]+):([^}]*)\}")


class _NoSuchKey(Exception):
    """The prefix names a partition key that the record does not have."""


def deliver(stream: Mapping[str, Any], records: Sequence[Record]) -> None:
    """Transform, convert and write what the buffer of a delivery stream held."""
    for destination in stream["destinations"]:
        if destination["type"] in ("ExtendedS3", "S3"):
            _Delivery(stream, destination["config"]).deliver(records)


class _Delivery:
    def __init__(self, stream: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        self.stream = stream
        self.settings = settings
        self.bucket = settings["BucketARN"].rpartition(":")[2]
        self.moment = time.gmtime()
        conversion = settings.get("DataFormatConversionConfiguration") or {}
        enabled = conversion and str(conversion.get("Enabled", True)).lower() == "true"
        self.conversion: Mapping[str, Any] | None = conversion if enabled else None

    def deliver(self, records: Sequence[Record]) -> None:
        transformed, failed = self._transform(records)
        for prefix, group in self._by_prefix(transformed, failed).items():
            body = self._converted(group, failed) if self.conversion else _joined(group)
            if body:
                extension = ".parquet" if self.conversion else ""
                self._put(prefix, body, self.settings.get("FileExtension") or extension)
        self._report(failed)

    def _transform(self, records: Sequence[Record]) -> tuple[list[Transformed], list[Failed]]:
        function = self._function()
        if function is None:
            return [Transformed(record, record.data) for record in records], []
        outcomes = list(function.transform(records))
        return (
            [outcome for outcome in outcomes if isinstance(outcome, Transformed)],
            [outcome for outcome in outcomes if isinstance(outcome, Failed)],
        )

    def _function(self) -> TransformFunction | None:
        processing = self.settings.get("ProcessingConfiguration") or {}
        if str(processing.get("Enabled", False)).lower() != "true":
            return None
        for processor in processing.get("Processors") or []:
            given = {
                item["ParameterName"]: item["ParameterValue"] for item in processor["Parameters"]
            }
            if processor["Type"] == "Lambda":
                return TransformFunction(
                    arn=given["LambdaArn"],
                    attempts=1 + int(given.get("NumberOfRetries", 3)),
                    stream_arn=self.stream["arn"],
                    region=get_region(),
                )
        return None

    def _by_prefix(
        self, transformed: Iterable[Transformed], failed: list[Failed]
    ) -> dict[str, list[Transformed]]:
        groups: dict[str, list[Transformed]] = defaultdict(list)
        for item in transformed:
            names = {"partitionKeyFromLambda": item.partition_keys}
            try:
                groups[self._prefix(self.settings.get("Prefix") or "", names)].append(item)
            except _NoSuchKey as error:
                message = f"partition key {error} is missing"
                code = "DynamicPartitioning.MissingKey"
                failed.append(Failed(item.record, "processing-failed", code, message, {}))
        return groups

    def _converted(self, group: Sequence[Transformed], failed: list[Failed]) -> bytes:
        conversion = self.conversion or {}
        schema = conversion.get("SchemaConfiguration") or {}
        serializer = (conversion.get("OutputFormatConfiguration") or {}).get("Serializer") or {}
        compression = (serializer.get("ParquetSerDe") or {}).get("Compression", "SNAPPY")
        rows: list[dict[str, Any]] = []
        converter: Converter | None = None
        for item in group:
            try:
                converter = converter or Converter.of_table(
                    schema.get("DatabaseName", ""), schema.get("TableName", "")
                )
                rows += converter.rows(item.data)
            except NotConverted as error:
                failed.append(_not_converted(item, error, schema))
        return converter.parquet(rows, compression) if converter and rows else b""

    def _report(self, failed: Iterable[Failed]) -> None:
        by_type: dict[str, list[Failed]] = defaultdict(list)
        for item in failed:
            by_type[item.output_type].append(item)
        for output_type, items in by_type.items():
            template = self.settings.get("ErrorOutputPrefix") or f"{output_type}/"
            prefix = self._prefix(template, {"firehose": {"error-output-type": output_type}})
            self._put(prefix, b"".join(item.as_json_line() for item in items), "")

    def _prefix(self, template: str, names: Mapping[str, Mapping[str, str]]) -> str:
        def value(match: re.Match[str]) -> str:
            namespace, name = match.groups()
            if namespace == "timestamp":
                return str(firehose._java_time(name, self.moment))
            if (namespace, name) == ("firehose", "random-string"):
                return uuid.uuid4().hex[:11]
            try:
                return names[namespace][name]
            except KeyError:
                raise _NoSuchKey(name) from None

        plain = "!{" not in template
        appended = str(firehose._java_time("yyyy/MM/dd/HH/", self.moment)) if plain else ""
        return _EXPRESSION.sub(value, template) + appended

    def _put(self, prefix: str, body: bytes, extension: str) -> None:
        moment = firehose._java_time("yyyy-MM-dd-HH-mm-ss", self.moment)
        version = self.stream.get("version", 1)
        name = f"{self.stream['name']}-{version}-{moment}-{uuid.uuid4()}{extension}"
        put_object(self.bucket, prefix + name, body)


def put_object(bucket: str, key: str, body: bytes) -> None:
    """Write an object as any other client would, from a thread of our own."""
    status, _, answer = app.call_service_handler_sync(
        functools.partial(s3.handle_request, internal=True),
        "PUT",
        f"/{bucket}/{key}",
        {
            "content-type": "application/octet-stream",
            "content-length": str(len(body)),
            "host": "127.0.0.1",
        },
        body,
        {},
    )
    if status >= 300:
        raise OSError(f"S3 answered {status} for bucket {bucket}: {answer[:200]!r}")


def _joined(group: Iterable[Transformed]) -> bytes:
    return b"".join(item.data for item in group)


def _not_converted(item: Transformed, error: NotConverted, schema: Mapping[str, Any]) -> Failed:
    metadata = item.record.kinesis_metadata or {}
    details = {
        "sequenceNumber": metadata.get("sequenceNumber"),
        "subSequenceNumber": metadata.get("subsequenceNumber"),
        "dataCatalogTable": {
            "catalogId": schema.get("CatalogId") or get_account_id(),
            "databaseName": schema.get("DatabaseName"),
            "tableName": schema.get("TableName"),
            "region": schema.get("Region") or get_region(),
            "versionId": schema.get("VersionId", "LATEST"),
        },
    }
    as_transformed = Record(item.record.record_id, item.data, item.record.arrived_ms)
    return Failed(as_transformed, "format-conversion-failed", error.code, str(error), details)
