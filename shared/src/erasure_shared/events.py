"""The events that the services exchange; `schemas/events/<name>.v1.json` is the contract.

An event travels as the `detail` of an EventBridge entry: `{"metadata": {…}, "data": {…}}`.
Within a version only optional fields are added, so our own events are read tolerantly;
`ErasureRequested` comes from outside and is read strictly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar
from uuid import UUID, uuid5

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from erasure_shared.errors import Rejected

MAX_INLINE_SUBJECTS = 1_000
MAX_SUBJECTS = 100_000
MAX_IDENTIFIER_LENGTH = 256
"""In characters. Athena takes execution parameters of at most 1,024 characters, quotes doubled."""

_EVENT_NAMESPACE = UUID("6f0d6a52-6f0e-5b7e-9d3e-6d9d3a1f3c11")
_RFC_3339 = re.compile(
    r"(19|20|21)\d\d-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def _rfc_3339(value: object) -> object:
    """RFC 3339 section 5.6 only: pydantic alone would also take a bare number or a date.

    The years are bounded so that a deadline a month later, in UTC, is a date too.
    """
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("must be an RFC 3339 date-time with an offset, in the years 1900 to 2199")
    return value


Instant = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_rfc_3339)]
RequestId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
LocationId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
SchemaVersion = Annotated[str, Field(pattern=r"^1\.[0-9]+$")]
Count = Annotated[int, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class _Tolerant(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


_Document = TypeVar("_Document", bound=BaseModel)


class Metadata(_Tolerant):
    """What every event carries beside its data."""

    schema_version: SchemaVersion
    event_id: str | None = None
    correlation_id: str | None = None
    occurred_at: Instant | None = None


class Subject(_Strict):
    """A person, named by the key that all stores share."""

    profile_id: Annotated[SecretStr, Field(min_length=1, max_length=MAX_IDENTIFIER_LENGTH)]

    @field_validator("profile_id")
    @classmethod
    def _every_store_can_hold_it(cls, profile_id: SecretStr) -> SecretStr:
        if "\x00" in profile_id.get_secret_value():
            raise ValueError("must not contain the character NUL, which PostgreSQL cannot store")
        return profile_id


class Event(BaseModel):
    """How every event is read from EventBridge and written to it."""

    detail_type: ClassVar[str]
    source: ClassVar[str]
    schema_version: ClassVar[str] = "1.0"

    @classmethod
    def read(cls, detail: object) -> Self:
        """The typed event in an EventBridge `detail`.

        Raises:
            Rejected: naming each field and the rule that it breaks, never a value.
        """
        read_document(Metadata, _section(detail, "metadata", cls.detail_type), cls.detail_type)
        return read_document(cls, _section(detail, "data", cls.detail_type), cls.detail_type)

    def data(self) -> dict[str, Any]:
        """The `data` section as JSON values."""
        return self.model_dump(mode="json")

    def entry(self, bus: str, occurred_at: datetime, source: str | None = None) -> dict[str, Any]:
        """The PutEvents entry; its `event_id` depends on the data alone, so repeats show.

        `source` is who publishes, where that is not the service that the class names.
        """
        data = self.data()
        identity = json.dumps([self.detail_type, data], sort_keys=True)
        metadata = {
            "event_id": str(uuid5(_EVENT_NAMESPACE, identity)),
            "schema_version": self.schema_version,
            "correlation_id": data.get("request_id"),
            "occurred_at": occurred_at.astimezone(UTC).isoformat(timespec="milliseconds"),
        }
        return {
            "EventBusName": bus,
            "Source": source or self.source,
            "DetailType": self.detail_type,
            "Detail": json.dumps({"metadata": metadata, "data": data}),
        }


class ErasureRequested(_Strict, Event):
    """Subjects are to be erased; published by the customer's own systems."""

    detail_type: ClassVar[str] = "ErasureRequested"
    source: ClassVar[str] = "erasure.cli"

    request_id: RequestId
    received_at: Instant
    subjects: Annotated[
        tuple[Subject, ...] | None, Field(min_length=1, max_length=MAX_INLINE_SUBJECTS)
    ] = None
    subjects_uri: Annotated[str, Field(pattern=r"^s3://[^/]+/.+", max_length=1_100)] | None = None

    @field_validator("subjects")
    @classmethod
    def _are_distinct(cls, subjects: tuple[Subject, ...] | None) -> tuple[Subject, ...] | None:
        if subjects is not None:
            check_distinct([subject.profile_id for subject in subjects])
        return subjects

    @model_validator(mode="after")
    def _names_subjects_once(self) -> Self:
        if (self.subjects is None) == (self.subjects_uri is None):
            raise ValueError("needs exactly one of 'subjects' and 'subjects_uri'")
        return self

    def data(self) -> dict[str, Any]:
        """The `data` section with the identifiers in clear: this event is what carries them."""
        data = self.model_dump(mode="json", exclude_none=True)
        if self.subjects is not None:
            data["subjects"] = [
                {"profile_id": subject.profile_id.get_secret_value()} for subject in self.subjects
            ]
        return data


class PurgeRequested(_Tolerant, Event):
    """A location is to be purged."""

    detail_type: ClassVar[str] = "PurgeRequested"
    source: ClassVar[str] = "erasure.location"

    request_id: RequestId
    location_id: LocationId


class RelocationRequested(_Tolerant, Event):
    """The subjects of a location are to be located again in its store."""

    detail_type: ClassVar[str] = "RelocationRequested"
    source: ClassVar[str] = "erasure.purge"

    request_id: RequestId
    location_id: LocationId


class LocationPurged(_Tolerant, Event):
    """The location holds nothing of the request's subjects any more.

    `rows_erased` counts what went while this location was being purged. Of a person whom two
    requests name, an object's rows count for both where one rewrite served both; rows of a table
    count for the request that deleted them, and for the other there was nothing left.
    """

    detail_type: ClassVar[str] = "LocationPurged"
    source: ClassVar[str] = "erasure.purge"

    request_id: RequestId
    location_id: LocationId
    store: str
    rows_erased: Count
    bytes_before: Count | None = None
    bytes_after: Count | None = None


class ErasureCompleted(_Tolerant, Event):
    """Every location of the request is purged, or retained by a person's decision."""

    detail_type: ClassVar[str] = "ErasureCompleted"
    source: ClassVar[str] = "erasure.purge"

    request_id: RequestId
    status: Literal["COMPLETED", "COMPLETED_WITH_RETENTION"]
    locations_purged: Count
    locations_retained: Count
    rows_erased: Count
    subjects: Count
    subjects_not_found: Count


class ErasureFailed(_Tolerant, Event):
    """Something could not be erased after all retries; a person has to decide."""

    detail_type: ClassVar[str] = "ErasureFailed"
    source: ClassVar[str] = "erasure.adjudication"

    error_id: str
    request_id: RequestId | None = None
    location_id: LocationId | None = None
    service: str
    reason_code: str


class ErasureAdjudicated(_Tolerant, Event):
    """A person decided what happens to an erasure error."""

    detail_type: ClassVar[str] = "ErasureAdjudicated"
    source: ClassVar[str] = "erasure.adjudication"

    error_id: str
    request_id: RequestId | None = None
    location_id: LocationId | None = None
    decision: Literal["RETRY", "DISMISS"]


EVENTS: tuple[type[Event], ...] = (
    ErasureRequested,
    PurgeRequested,
    RelocationRequested,
    LocationPurged,
    ErasureCompleted,
    ErasureFailed,
    ErasureAdjudicated,
)


def check_distinct(profile_ids: Sequence[SecretStr]) -> None:
    """Refuse a list that names somebody twice: counts would no longer mean people.

    Raises:
        ValueError: with the positions, without the identifiers.
    """
    seen: dict[str, int] = {}
    for position, profile_id in enumerate(profile_ids):
        first = seen.setdefault(profile_id.get_secret_value(), position)
        if first != position:
            raise ValueError(f"must be distinct, but entries {first} and {position} are the same")


def read_document(model: type[_Document], document: object, name: str) -> _Document:
    """Read `document` strictly, by the rules of JSON.

    Raises:
        Rejected: naming each field and the rule that it breaks, never a value.
    """
    try:
        return model.model_validate_json(json.dumps(document))
    except ValidationError as error:
        broken = "; ".join(_broken_rules(error))
    except RecursionError:
        broken = "it is nested too deeply"
    raise Rejected(f"{name} is not valid: {broken}", reason_code="INVALID_EVENT")


def _broken_rules(error: ValidationError) -> list[str]:
    """At most five `field: rule`; an unknown field's own name may be anybody's data."""
    rules = []
    for problem in error.errors(include_url=False, include_context=False, include_input=False)[:5]:
        path = list(problem["loc"])
        if problem["type"] == "extra_forbidden":
            path[-1:] = ["<unknown field>"]
        field = ".".join(str(part) for part in path) or "data"
        rule = problem["msg"].removeprefix("Value error, ")
        rule = rule.replace("Tuple should", "List should").replace(" after validation", "")
        rules.append(f"{field}: {rule}")
    return rules


def _section(detail: object, name: str, detail_type: str) -> object:
    section = detail.get(name) if isinstance(detail, Mapping) else None
    if not isinstance(section, Mapping):
        raise Rejected(
            f"{detail_type} is not valid: {name}: must be an object", reason_code="INVALID_EVENT"
        )
    return section
