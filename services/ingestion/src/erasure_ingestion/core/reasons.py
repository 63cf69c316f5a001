"""Why a record was not accepted: the only words about it that leave this service."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Low in number, free of content; a metric dimension."""

    BLANK = "blank"
    NOT_BASE64 = "not_base64"
    NOT_UTF8 = "not_utf8"
    MALFORMED_JSON = "malformed_json"
    NOT_A_JSON_NUMBER = "not_a_json_number"
    DUPLICATE_KEY = "duplicate_key"
    TOO_DEEP = "too_deep"
    LONE_SURROGATE = "lone_surrogate"
    MISSING_FIELD = "missing_field"
    INVALID_VALUE = "invalid_value"
    INEXACT_VALUE = "inexact_value"
    NO_ARRIVAL_TIME = "no_arrival_time"
    RESPONSE_FULL = "response_full"
    INTERNAL_ERROR = "internal_error"


class Refused(Exception):
    """The record cannot be stored as it is.

    `field` is a name from our own schema, never one that the sender chose.
    """

    def __init__(self, reason: Reason, field: str = "") -> None:
        self.reason = reason
        self.field = field
        super().__init__(f"{reason}:{field}" if field else str(reason))
