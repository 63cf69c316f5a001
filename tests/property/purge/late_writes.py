"""A foreign writer that reads before a commit and writes after it; what nobody can promise then.

    reads ─► our commit ─► lingers for some calls ─► puts the old bytes again, or with a row more

What lies there at a location's last look must be clean. What is written later may bring people
back: that, and what is made of it, is excused. Versions are told by their number in the bucket.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.property.purge.lake_rows import Row, rows_in, written
from tests.property.purge.plot import LateWrite
from tests.property.purge.s3_model import Entry, S3Model


@dataclass(eq=False)
class _Held:
    """What was read, and waits for a commit at the key; then for its step."""

    key: str
    content: bytes | None
    lands_at_step: int | None = None


class LateWriter:
    """Writes what it read, whatever happened meanwhile; `set_rows` is told what that is."""

    def __init__(
        self,
        writes: Sequence[LateWrite],
        keys: Sequence[str],
        s3: S3Model,
        row_group_rows: int,
        set_rows: Callable[[str, list[Row]], None],
    ) -> None:
        self._to_read = list(writes)
        self._held: list[tuple[LateWrite, _Held]] = []
        self._keys = keys
        self._s3 = s3
        self._row_group_rows = row_group_rows
        self._set_rows = set_rows
        self.landed: dict[str, list[int]] = {key: [] for key in keys}

    def act(self, step: int) -> None:
        """Before each call of AWS."""
        for write in [one for one in self._to_read if one.after_steps <= step]:
            self._to_read.remove(write)
            key = self._keys[write.key % len(self._keys)]
            self._held.append((write, _Held(key, self._s3.present(key))))
        for write, held in list(self._held):
            if held.lands_at_step is not None and held.lands_at_step <= step:
                self._held.remove((write, held))
                self._land(write, held)

    def committed(self, key: str, step: int) -> None:
        """A worker put or deleted the object."""
        for write, held in self._held:
            if held.key == key and held.lands_at_step is None:
                held.lands_at_step = step + write.lingers

    def _land(self, write: LateWrite, held: _Held) -> None:
        rows = rows_in(held.content) if held.content else []
        content = held.content
        if not write.puts_the_same:
            rows = [*rows, (f"latecomer-{write.after_steps}", -1 - write.after_steps)]
            content = written(rows, self._row_group_rows)
        if content is not None:
            self._set_rows(held.key, rows)
            self.landed[held.key].append(number_of(self._s3.add(held.key, content)))


class Looks:
    """At which version each request looked at a key last, or found nobody when it searched."""

    def __init__(self, landed: dict[str, list[int]]) -> None:
        self._landed = landed
        self._last: dict[str, tuple[str, int]] = {}
        self._looks: dict[tuple[str, str], int] = {}

    def listed(self, actor: str, key: str, newest: int) -> None:
        """A worker lists a history: perhaps its last look."""
        self._last[actor] = (key, newest)

    def purged(self, actor: str, request_id: str) -> None:
        """The worker says that the location is purged at which it looked just now."""
        self.clean(request_id, *self._last[actor])

    def clean(self, request_id: str, key: str, newest: int) -> None:
        """Up to that version the key holds nobody of the request."""
        self._looks[request_id, key] = max(newest, self._looks.get((request_id, key), newest))

    def is_excused(self, entry: Entry, key: str, request_id: str) -> bool:
        """Whether a write after the request's last look may have put somebody into it."""
        look = self._looks.get((request_id, key))
        return look is not None and any(
            look < late <= number_of(entry) for late in self._landed[key]
        )


def number_of(entry: Entry) -> int:
    """In the order of the bucket's writes."""
    return int(entry.version_id.removeprefix("v"))
