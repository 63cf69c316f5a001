"""What an erasure would touch, looked up without touching anything: a dry run.

It searches as locating does, so it finds what locating would find; it answers with counts alone,
records nothing and publishes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from pydantic import SecretStr

from erasure_location.core.deadline import Deadline
from erasure_location.core.plan_request import PlanRequest
from erasure_location.use_case.ports import Store, SubjectLists, Unreadable, Unsearchable
from erasure_shared.data_map import DataMap
from erasure_shared.errors import Rejected


@dataclass(frozen=True)
class Extent:
    """How much of one store belongs to the subjects.

    The bytes are those of objects to be rewritten, or of items to be deleted. An unreadable object
    is a location whose rows nobody can count.
    """

    locations: int = 0
    rows: int = 0
    size_bytes: int = 0
    largest_bytes: int = 0
    scanned_bytes: int = 0
    unreadable: int = 0


class Surveys(Protocol):
    """Everywhere people's data may lie, to be looked at only."""

    def declared(self) -> DataMap:
        """The data map as it is now."""

    def survey(
        self, store: Store, subjects: Sequence[SecretStr], deadline: Deadline
    ) -> Extent | Unsearchable:
        """How much of the store is the subjects'; RetryLater if that cannot be said now."""


@dataclass(frozen=True)
class PlanPorts:
    """What planning needs of the world: nothing that could be written to."""

    subject_lists: SubjectLists
    surveys: Surveys
    monotonic_s: Callable[[], float]


def plan(request: PlanRequest, ports: PlanPorts, *, deadline: Deadline) -> dict[str, Any]:
    """What erasing the subjects would touch, store by store, as a document of counts.

    Raises:
        Rejected: the list of subjects cannot be read.
        RetryLater: a store cannot answer now, or the time is up.
    """
    subjects = _subjects(request, ports)
    stores = [
        _surveyed(store, subjects, ports, deadline) for store in ports.surveys.declared().stores
    ]
    return {"subjects": len(subjects), "stores": stores}


def _subjects(request: PlanRequest, ports: PlanPorts) -> tuple[SecretStr, ...]:
    if request.subjects_uri is None:
        return request.profile_ids
    match ports.subject_lists.read(request.subjects_uri):
        case Unreadable() as failure:
            raise Rejected(f"subjects_uri: {failure.reason}", reason_code=failure.reason_code)
        case subjects:
            return subjects


def _surveyed(
    store: Store, subjects: Sequence[SecretStr], ports: PlanPorts, deadline: Deadline
) -> dict[str, Any]:
    deadline.check()
    started_s = ports.monotonic_s()
    document: dict[str, Any] = {"store": store.name, "kind": store.kind}
    match ports.surveys.survey(store, subjects, deadline):
        case Unsearchable() as failure:
            document |= {"reason_code": failure.reason_code, "reason": failure.reason}
        case extent:
            document |= asdict(extent)
    return document | {"search_s": round(ports.monotonic_s() - started_s, 3)}
