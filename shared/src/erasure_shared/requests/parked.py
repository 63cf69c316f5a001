"""Parked messages: their bodies may hold identifiers."""

from __future__ import annotations

from erasure_shared.identifiers import delete_parts, read_text, write_text

_MESSAGE = "MESSAGE"


class ParkedMessages:
    """Bodies that wait for a person's decision."""

    def park_message(self, error_id: str, body: str) -> int:
        """Keep a message's body until a person decides; returns the number of parts."""
        return write_text(_message_pk(error_id), _MESSAGE, body)

    def parked_message(self, error_id: str) -> str:
        """The body that was parked, or an empty text."""
        return read_text(_message_pk(error_id), _MESSAGE)

    def drop_message(self, error_id: str) -> None:
        """Forget a parked body; repeating changes nothing."""
        delete_parts(_message_pk(error_id), _MESSAGE)


def _message_pk(error_id: str) -> str:
    return f"MESSAGE#{error_id}"
