"""The question of a dry run, as the operator's command puts it to the function itself.

{"plan": {"subjects": [{"profile_id": "…"}, …]}}       1 to 100,000, all distinct
{"plan": {"subjects_uri": "s3://bucket/key"}}          the same list as JSON lines
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from erasure_shared.errors import Rejected
from erasure_shared.events import MAX_SUBJECTS, Subject, read_document

KEY = "plan"


class PlanRequest(BaseModel):
    """Whose erasure is to be planned."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    subjects: (
        Annotated[tuple[Subject, ...], Field(min_length=1, max_length=MAX_SUBJECTS)] | None
    ) = None
    subjects_uri: Annotated[str, Field(pattern=r"^s3://[^/]+/.+$", max_length=1_100)] | None = None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> PlanRequest:
        """The question in an invocation's event.

        Raises:
            Rejected: naming the field and the rule that it breaks.
        """
        request = read_document(cls, document[KEY], KEY)
        if (request.subjects is None) == (request.subjects_uri is None):
            raise Rejected(
                "plan: must have either subjects or subjects_uri", reason_code="INVALID_PLAN"
            )
        if len({one.get_secret_value() for one in request.profile_ids}) != len(request.profile_ids):
            raise Rejected("plan: subjects: must be distinct", reason_code="INVALID_PLAN")
        return request

    @property
    def profile_ids(self) -> tuple[SecretStr, ...]:
        """Those that came inline."""
        return tuple(subject.profile_id for subject in self.subjects or ())
