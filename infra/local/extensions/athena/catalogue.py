"""Glue tables, and the S3 objects that belong to them and their partitions.

https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ministack.services import glue, s3

from infra.local.extensions.athena.errors import QueryFailed

_JAVA_TO_STRPTIME = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_UNITS = {"YEARS": 366, "MONTHS": 31, "WEEKS": 7, "DAYS": 1, "HOURS": 1 / 24, "MINUTES": 1 / 1440}


@dataclass(frozen=True)
class Column:
    """A column as Glue declares it."""

    name: str
    type: str


@dataclass(frozen=True)
class Table:
    """A Glue table."""

    database: str
    name: str
    columns: tuple[Column, ...]
    partition_keys: tuple[Column, ...]
    location: str
    is_json: bool
    parameters: Mapping[str, str]
    serde_parameters: Mapping[str, str]

    @property
    def injected_keys(self) -> tuple[str, ...]:
        """Partition keys whose values only the query itself can say."""
        kinds = {key.name: self._projection(key.name, "type") for key in self.partition_keys}
        return tuple(name for name, kind in kinds.items() if self.projects and kind == "injected")

    @property
    def projects(self) -> bool:
        """Whether partitions come from rules instead of the catalogue."""
        return self.parameters.get("projection.enabled", "").lower() == "true"

    def _projection(self, key: str, rule: str) -> str:
        return self.parameters.get(f"projection.{key}.{rule}", "")

    def projected(self) -> dict[str, Callable[[str], bool]]:
        """For every partition key, whether a value is one that the rules produce."""
        return {key.name: _domain(self, key.name) for key in self.partition_keys}


@dataclass(frozen=True)
class StoredObject:
    """An object of a table, with the values of its partition."""

    bucket: str
    key: str
    etag: str
    size_bytes: int
    partition: tuple[str, ...]

    @property
    def uri(self) -> str:
        """What `"$path"` shows."""
        return f"s3://{self.bucket}/{self.key}"


def find_table(database: str, name: str) -> Table:
    """Look the table up in the Glue catalogue.

    Raises:
        QueryFailed: there is no such database or table.
    """
    if database not in glue._databases:
        raise QueryFailed(f"SCHEMA_NOT_FOUND: line 1:1: Schema '{database}' does not exist")
    found = glue._tables.get(f"{database}/{name}")
    if not found:
        raise QueryFailed(
            f"TABLE_NOT_FOUND: line 1:1: Table 'awsdatacatalog.{database}.{name}' does not exist"
        )
    storage = found["StorageDescriptor"]
    serde = storage.get("SerdeInfo") or {}
    formats = f"{storage.get('InputFormat')} {serde.get('SerializationLibrary')}".lower()
    return Table(
        database=database,
        name=name,
        columns=_columns(storage.get("Columns")),
        partition_keys=_columns(found.get("PartitionKeys")),
        location=storage["Location"].rstrip("/") + "/",
        is_json="json" in formats,
        parameters=found.get("Parameters") or {},
        serde_parameters=serde.get("Parameters") or {},
    )


def objects_of(table: Table) -> list[StoredObject]:
    """All objects that queries of the table can see, in key order."""
    if not table.partition_keys:
        return list(_objects_below(table.location, ()))
    return list(_projected_objects(table) if table.projects else _registered_objects(table))


def _columns(declared: list[dict[str, Any]] | None) -> tuple[Column, ...]:
    return tuple(Column(item["Name"].lower(), item["Type"]) for item in declared or ())


def _registered_objects(table: Table) -> Iterator[StoredObject]:
    for partition in glue._partitions.get(f"{table.database}/{table.name}", []):
        location = partition["StorageDescriptor"]["Location"].rstrip("/") + "/"
        yield from _objects_below(location, tuple(partition["Values"]))


def _projected_objects(table: Table) -> Iterator[StoredObject]:
    hive_style = "".join(f"{key.name}=${{{key.name}}}/" for key in table.partition_keys)
    template = table.parameters.get("storage.location.template", table.location + hive_style)
    template = template.rstrip("/") + "/"
    pattern = _pattern(template)
    domains = table.projected()
    for item in _objects_below(template.partition("${")[0], ()):
        match = pattern.match(item.uri)
        if match is None or not _is_visible(item.uri[match.end() :]):
            continue
        if all(domains[name](value) for name, value in match.groupdict().items()):
            values = tuple(match.group(key.name) for key in table.partition_keys)
            yield StoredObject(item.bucket, item.key, item.etag, item.size_bytes, values)


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\$\{(\w+)\}", template)
    seen: set[str] = set()
    expression = ""
    for literal, name in zip(parts[::2], [*parts[1::2], None], strict=True):
        expression += re.escape(literal)
        if name is not None:
            expression += f"(?P={name})" if name in seen else f"(?P<{name}>[^/]+)"
            seen.add(name)
    return re.compile(expression)


def _objects_below(location: str, partition: tuple[str, ...]) -> Iterator[StoredObject]:
    bucket_name, _, prefix = location.removeprefix("s3://").partition("/")
    bucket = s3._buckets.get(bucket_name)
    stored = sorted(dict(bucket["objects"]).items()) if bucket else []
    for key, record in stored:
        if key.startswith(prefix) and record["size"] and _is_visible(key[len(prefix) :]):
            yield StoredObject(bucket_name, key, record["etag"], record["size"], partition)


def _is_visible(relative_key: str) -> bool:
    """Files and folders whose name starts with "_" or "." are hidden from queries."""
    return not any(part.startswith(("_", ".")) for part in relative_key.split("/"))


def _domain(table: Table, key: str) -> Callable[[str], bool]:
    def rule(name: str) -> str:
        return table.parameters.get(f"projection.{key}.{name}", "")

    match rule("type"):
        case "injected":
            return lambda _value: True
        case "enum":
            values = {value.strip() for value in rule("values").split(",")}
            return values.__contains__
        case "integer":
            return _integers(rule("range"), digits=int(rule("digits") or 0))
        case "date":
            return _dates(rule("range"), rule("format"))
        case other:
            raise QueryFailed(
                f"INVALID_TABLE_PROPERTY: Table {table.database}.{table.name} is configured for "
                f"partition projection, but projection type {other!r} of column {key} is invalid"
            )


def _integers(bounds: str, *, digits: int) -> Callable[[str], bool]:
    low, high = (int(bound) for bound in bounds.split(","))

    def holds(value: str) -> bool:
        return value.isdigit() and low <= int(value) <= high and value == f"{int(value):0{digits}d}"

    return holds


def _dates(bounds: str, java_format: str) -> Callable[[str], bool]:
    strptime_format = java_format.replace("'", "")
    for java, python in _JAVA_TO_STRPTIME.items():
        strptime_format = strptime_format.replace(java, python)
    low, high = (_bound(bound.strip(), strptime_format) for bound in bounds.split(","))

    def holds(value: str) -> bool:
        try:
            moment = datetime.strptime(value, strptime_format).replace(tzinfo=UTC)
        except ValueError:
            return False
        return low <= moment <= high

    return holds


def _bound(text: str, strptime_format: str) -> datetime:
    """A date, or NOW with an offset such as NOW-3YEARS or NOW+1DAY."""
    if not text.startswith("NOW"):
        return datetime.strptime(text, strptime_format).replace(tzinfo=UTC)
    offset = re.fullmatch(r"NOW(?:\s*([+-])\s*(\d+)\s*([A-Z]+))?", text)
    if offset is None:
        raise QueryFailed(f"INVALID_TABLE_PROPERTY: cannot read the projection range {text!r}")
    sign, count, unit = offset.groups(default="")
    days = float(f"{sign}{count or 0}") * (_UNITS[f"{unit.removesuffix('S')}S"] if unit else 0)
    return datetime.now(UTC) + timedelta(days=days)
