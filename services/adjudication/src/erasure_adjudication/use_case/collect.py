"""A dead letter becomes one erasure error.

First the location fails or the message is parked, then the error is recorded, then it is told of:
wherever this breaks off, the letter comes again and finds its own half-done work.

A location that is settled needs no decision, but its request may need to be closed: whoever
settled the last location may have died before that, and this letter is the last that comes.
Unless it tells of data that was found after that: somebody must hear of it.
"""

from __future__ import annotations

from erasure_adjudication.core import (
    FOUND_AFTER_CLOSE,
    SETTLED,
    Concern,
    DeadLetter,
    ErrorRecord,
    ErrorStatus,
    Reason,
    attempts_of,
    concern_of,
    is_echo,
    is_late_finding,
    late_finding_error_id,
    location_error_id,
    message_error_id,
    reason_for,
    recorded_reason,
    stamp,
)
from erasure_adjudication.use_case.closing import close_if_done
from erasure_adjudication.use_case.ports import Collection
from erasure_shared.errors import RetryLater
from erasure_shared.events import ErasureFailed
from erasure_shared.locations import Location


def record_dead_letter(letter: DeadLetter, ports: Collection) -> ErasureFailed | None:
    """Record one erasure error for the letter; None if nothing is left to decide.

    Raises:
        RetryLater: somebody changed the error at the same moment.
    """
    concern = concern_of(letter.body)
    location = None
    if concern.request_id and concern.location_id:
        location = ports.requests.location(concern.request_id, concern.location_id)
    if location is None:
        return _record_message(letter, concern, ports)
    return _record_location(letter, concern, location, ports)


def _record_location(
    letter: DeadLetter, concern: Concern, location: Location, ports: Collection
) -> ErasureFailed | None:
    if location.status in SETTLED:
        return _settled(letter, concern, location, ports)
    error_id = location_error_id(location.request_id, location.location_id)
    known = ports.errors.find(error_id)
    if is_echo(known, letter):
        return None
    reason = reason_for(letter, recorded_reason(location.reason_code, location.reason))
    if not ports.requests.mark_failed(location, reason.code, reason.words):
        after = ports.requests.location(location.request_id, location.location_id)
        if after is None or after.status in SETTLED:
            return _settled(letter, concern, location, ports)
    return _recorded(
        _about(location, error_id, reason, letter, concern, known, ports), known, ports
    )


def _settled(
    letter: DeadLetter, concern: Concern, location: Location, ports: Collection
) -> ErasureFailed | None:
    close_if_done(location.request_id, ports)
    error_id = late_finding_error_id(location.request_id, location.location_id)
    known = ports.errors.find(error_id)
    if not is_late_finding(letter) or is_echo(known, letter):
        return None
    record = _about(location, error_id, FOUND_AFTER_CLOSE, letter, concern, known, ports)
    return _recorded(record, known, ports)


def _about(
    location: Location,
    error_id: str,
    reason: Reason,
    letter: DeadLetter,
    concern: Concern,
    known: ErrorRecord | None,
    ports: Collection,
) -> ErrorRecord:
    return ErrorRecord(
        error_id=error_id,
        status=ErrorStatus.OPEN,
        service=letter.service,
        event=concern.event,
        request_id=location.request_id,
        location_id=location.location_id,
        queue=letter.source_queue,
        message_id=letter.message_id,
        reason_code=reason.code,
        reason=reason.words,
        attempts=attempts_of(letter, location),
        first_at=known.first_at if known else stamp(letter.sent_at),
        last_at=stamp(ports.now()),
    )


def _record_message(
    letter: DeadLetter, concern: Concern, ports: Collection
) -> ErasureFailed | None:
    error_id = message_error_id(letter.message_id)
    known = ports.errors.find(error_id)
    if is_echo(known, letter):
        ports.requests.drop_message(error_id)  # a slower twin may have parked it once more
        return None
    parts = ports.requests.park_message(error_id, letter.body)
    request = ports.requests.find(concern.request_id) if concern.request_id else None
    reason = reason_for(
        letter, recorded_reason(request.reason_code, request.reason) if request else None
    )
    record = ErrorRecord(
        error_id=error_id,
        status=ErrorStatus.OPEN,
        service=letter.service,
        event=concern.event,
        request_id=concern.request_id,
        location_id=None,
        queue=letter.source_queue,
        message_id=letter.message_id,
        reason_code=reason.code,
        reason=reason.words,
        attempts=attempts_of(letter),
        first_at=known.first_at if known else stamp(letter.sent_at),
        last_at=stamp(ports.now()),
        parked_parts=parts,
    )
    return _recorded(record, known, ports)


def _recorded(record: ErrorRecord, known: ErrorRecord | None, ports: Collection) -> ErasureFailed:
    if not ports.errors.write(record, instead_of=known):
        raise RetryLater("the erasure error is being changed", error_id=record.error_id)
    return record.failed()
