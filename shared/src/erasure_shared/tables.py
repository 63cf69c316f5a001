"""The GDPR table and the error table, as PynamoDB models.

GDPR table, one partition per request:

    pk REQUEST#<request_id>   sk REQUEST                           the request and its counts
                              sk LOCATION#<location_id>            one location
                              sk IDENTIFIERS#<owner>#<number>      who: of the request or a location
    pk MESSAGE#<error_id>     sk IDENTIFIERS#MESSAGE#<number>      a parked message's body

An item is at most 400 KB (DynamoDB service quota), so identifiers lie in numbered parts.
They live here alone, and are replaced by keyed digests when the request closes.
"""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

REQUEST_SK = "REQUEST"
LOCATION_PREFIX = "LOCATION#"
PART_PREFIX = "IDENTIFIERS#"
OPEN = "OPEN"
"""The `open_key` of every request that is not closed."""
RETAINING = "RETAINING"
"""The `open_key` of a closed request that retains a location; other closed ones have none."""


def request_pk(request_id: str) -> str:
    """The partition of a request."""
    return f"REQUEST#{request_id}"


def request_id_in(pk: str) -> str:
    """The inverse of `request_pk`."""
    return pk.removeprefix(request_pk(""))


def location_sk(location_id: str) -> str:
    """The sort key of a location within its request."""
    return f"{LOCATION_PREFIX}{location_id}"


def part_sk(owner: str, number: int) -> str:
    """The sort key of the `number`-th part of the identifiers that belong to `owner`."""
    return f"{PART_PREFIX}{owner}#{number:06d}"


class _Meta:
    """Ten times below a lease, so that a call that hangs cannot outlive one."""

    table_name: str | None = None
    connect_timeout_seconds = 2
    read_timeout_seconds = 5
    max_retry_attempts = 5


class OpenRequests(GlobalSecondaryIndex["RequestItem"]):  # type: ignore[no-untyped-call]
    """The requests that are not closed, or retain something, the one that is due first first."""

    class Meta:
        index_name = "open_requests"
        projection = KeysOnlyProjection()

    open_key = UnicodeAttribute(hash_key=True)
    due_at = UnicodeAttribute(range_key=True)


class RequestItem(Model):
    """An erasure request: its clock, how far it is, and what came of it."""

    class Meta(_Meta):
        pass

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True, default=REQUEST_SK)
    request_id = UnicodeAttribute()
    status = UnicodeAttribute()
    received_at = UnicodeAttribute()
    due_at = UnicodeAttribute()
    open_key = UnicodeAttribute(null=True)
    content_digest = UnicodeAttribute()
    list_digest = UnicodeAttribute(null=True)
    subjects = NumberAttribute()
    subjects_not_found = NumberAttribute(null=True)
    stores_searched = UnicodeSetAttribute(null=True)
    open_locations = NumberAttribute(default=0)
    purged_locations = NumberAttribute(default=0)
    retained_locations = NumberAttribute(default=0)
    rows_erased = NumberAttribute(default=0)
    reason_code = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    closing_at = UnicodeAttribute(null=True)
    completed_at = UnicodeAttribute(null=True)
    announced_at = UnicodeAttribute(null=True)
    ttl = NumberAttribute(null=True)

    open_requests = OpenRequests()


class ByAddress(GlobalSecondaryIndex["LocationItem"]):  # type: ignore[no-untyped-call]
    """The pending locations at one address; a location leaves it with its last pending state."""

    class Meta:
        index_name = "by_address"
        projection = AllProjection()

    address_key = UnicodeAttribute(hash_key=True)
    request_id = UnicodeAttribute(range_key=True)


class LocationItem(Model):
    """One address in one store where subjects of a request were found."""

    class Meta(_Meta):
        pass

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    request_id = UnicodeAttribute()
    location_id = UnicodeAttribute()
    store = UnicodeAttribute()
    kind = UnicodeAttribute()
    address = UnicodeAttribute()
    address_key = UnicodeAttribute(null=True)
    status = UnicodeAttribute()
    parts = NumberAttribute(default=0)
    subjects = NumberAttribute(default=0)
    attempts = NumberAttribute(default=0)
    searched_again = UnicodeAttribute(null=True)
    reason_code = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    evidence: JSONAttribute = JSONAttribute(null=True)
    updated_at = UnicodeAttribute(null=True)
    ttl = NumberAttribute(null=True)

    by_address = ByAddress()


class PartItem(Model):
    """A part of the identifiers that belong to a request, a location or a parked message."""

    class Meta(_Meta):
        pass

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    entries: JSONAttribute = JSONAttribute()
    digested = BooleanAttribute(default=False)
    ttl = NumberAttribute(null=True)


class ByStatus(GlobalSecondaryIndex["ErrorItem"]):  # type: ignore[no-untyped-call]
    """The erasure errors of one status, oldest first."""

    class Meta:
        index_name = "by_status"
        projection = AllProjection()

    status = UnicodeAttribute(hash_key=True)
    last_at = UnicodeAttribute(range_key=True)


class ErrorItem(Model):
    """Something that could not be erased, and what a person decided about it."""

    class Meta(_Meta):
        pass

    error_id = UnicodeAttribute(hash_key=True)
    status = UnicodeAttribute()
    service = UnicodeAttribute()
    event = UnicodeAttribute(null=True)
    request_id = UnicodeAttribute(null=True)
    location_id = UnicodeAttribute(null=True)
    queue = UnicodeAttribute(null=True)
    message_id = UnicodeAttribute(null=True)
    reason_code = UnicodeAttribute()
    reason = UnicodeAttribute()
    attempts = NumberAttribute(default=0)
    first_at = UnicodeAttribute()
    last_at = UnicodeAttribute()
    decided_at = UnicodeAttribute(null=True)
    decision_reason = UnicodeAttribute(null=True)
    parked_parts = NumberAttribute(default=0)
    ttl = NumberAttribute(null=True)

    by_status = ByStatus()


def bind_tables(*, gdpr_table: str | None = None, error_table: str | None = None) -> None:
    """Say which tables the models mean; PynamoDB binds a table name on the class.

    To be called before the first use; calling it again with the same names changes nothing.
    """
    if gdpr_table is not None:
        for model in (RequestItem, LocationItem, PartItem):
            _bind(model, gdpr_table)
    if error_table is not None:
        _bind(ErrorItem, error_table)


def _bind(model: type[Model], table_name: str) -> None:
    meta: Any = model.Meta
    if meta.table_name != table_name:
        meta.table_name = table_name
        model._connection = None
