"""The parts of a multipart upload that send as few bytes as S3's smallest part lets.

    pieces   copy ───────── new  copy ─── new  copy ──── new  copy ───────────
    parts    COPIED ───── UPLOADED ────────── COPIED ─ UPLOADED ── COPIED ────

Every part but the last has at least 5 MiB (Amazon S3 User Guide, "Multipart upload limits"). So
old bytes travel beside a change: from the ranges on either side of it, or all of a range between
two changes. Which ranges are copied by S3 is chosen for the fewest bytes sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from erasure_purge.content import Piece
from erasure_purge.parquet import Copy

MIN_PART_BYTES = 5 * 1024 * 1024
MAX_PART_BYTES = 5 * 1024**3
MAX_PARTS = 10_000
_UPLOAD_BYTES = 16 * 1024 * 1024  # of a part held in memory
_COPY_BYTES = 512 * 1024 * 1024  # in one call: seconds, well within the client's patience
_MOST_CHOICES = 4  # kept of a range; more of them differ by little
_FARTHEST = 32  # ranges looked back for the one that is copied before


@dataclass(frozen=True)
class CopyPart:
    """A part that S3 copies from the old object."""

    offset: int
    length: int


@dataclass(frozen=True)
class UploadPart:
    """A part that is sent: new bytes, and old ones too few to be copied alone."""

    pieces: tuple[Piece, ...]

    @property
    def length(self) -> int:
        """Bytes of the part."""
        return sum(piece.length for piece in self.pieces)


Part = CopyPart | UploadPart


def parts_of(pieces: Sequence[Piece], min_bytes: int = MIN_PART_BYTES) -> list[Part]:
    """The pieces as parts of a multipart upload: each but the last of at least `min_bytes`."""
    copied_from, sent, copied = min_bytes, max(_UPLOAD_BYTES, min_bytes), _COPY_BYTES
    while True:
        chosen = _chosen(pieces, min_bytes, copied_from)
        parts = list(_parts(pieces, chosen, min_bytes, sent, copied))
        if len(parts) <= MAX_PARTS:
            return parts
        copied_from, sent, copied = 2 * copied_from, 2 * sent, min(2 * copied, MAX_PART_BYTES)


# Which ranges are copied --------------------------------------------------------------------------


@dataclass(frozen=True)
class _Choice:
    """A range that is copied, and what was chosen before it.

    Of it `left` bytes are sent with the change before it; of the rest `spare` could be sent with
    the change after it. `given` bytes of the range before are sent with the change between them.
    """

    index: int
    sent: int
    spare: int
    left: int
    given: int = 0
    before: _Choice | None = None


def _chosen(
    pieces: Sequence[Piece], min_bytes: int, copied_from: int
) -> list[tuple[int, int, int]]:
    """The numbers of the pieces that are copied, and how much of each is sent at its ends."""
    ends = [0, *accumulate(piece.length for piece in pieces)]
    long = [
        number
        for number, piece in enumerate(pieces)
        if isinstance(piece, Copy) and piece.length >= copied_from
    ]
    choices: dict[int, list[_Choice]] = {}
    for place, index in enumerate(long):
        options = list(_options(None, index, ends, min_bytes))
        for earlier in reversed(long[max(0, place - _FARTHEST) : place]):
            for before in choices[earlier]:
                options += _options(before, index, ends, min_bytes)
            if pieces[earlier].length >= 3 * min_bytes:
                break  # copying it pays whatever is sent at its ends
        choices[index] = _best(options)
    last = min(
        (one for options in choices.values() for one in options),
        key=lambda one: one.sent + ends[-1] - ends[one.index + 1],
        default=None,
    )
    return _unrolled(last)


def _options(
    before: _Choice | None, index: int, ends: Sequence[int], min_bytes: int
) -> Iterator[_Choice]:
    """Copying the range next after that one: what lies between is sent, old bytes with it."""
    between = ends[index] - (ends[before.index + 1] if before else 0)
    missing = max(0, min_bytes - between) if between else 0
    given = min(missing, before.spare) if before else 0
    spare = ends[index + 1] - ends[index] - min_bytes - (missing - given)
    if spare >= 0:
        sent = (before.sent if before else 0) + between + missing
        yield _Choice(index, sent, spare, missing - given, given, before)


def _best(options: list[_Choice]) -> list[_Choice]:
    """Those that no other beats in bytes sent and in bytes to spare."""
    best: list[_Choice] = []
    for one in sorted(options, key=lambda one: (one.sent, -one.spare)):
        if not best or one.spare > best[-1].spare:
            best.append(one)
    return best[:_MOST_CHOICES]


def _unrolled(last: _Choice | None) -> list[tuple[int, int, int]]:
    chosen, right = [], 0
    while last is not None:
        chosen.append((last.index, last.left, right))
        right, last = last.given, last.before
    return chosen[::-1]


# Parts --------------------------------------------------------------------------------------------


def _parts(
    pieces: Sequence[Piece],
    chosen: Sequence[tuple[int, int, int]],
    min_bytes: int,
    sent: int,
    copied: int,
) -> Iterator[Part]:
    pending: list[Piece] = []
    done = 0
    for index, left, right in chosen:
        piece = pieces[index]
        assert isinstance(piece, Copy)
        pending += pieces[done:index]
        pending += [Copy(piece.offset, left)] if left else []
        yield from _uploads(pending, min_bytes, sent)
        yield from _copies(piece.offset + left, piece.length - left - right, copied, min_bytes)
        pending = [Copy(piece.offset + piece.length - right, right)] if right else []
        done = index + 1
    yield from _uploads([*pending, *pieces[done:]], min_bytes, sent)


def _uploads(pieces: Sequence[Piece], min_bytes: int, sent: int) -> Iterator[UploadPart]:
    """What is sent between two copied ranges, in parts; what is left over joins the last."""
    parts: list[list[Piece]] = [[]]
    size = 0
    for piece in pieces:
        if size >= sent:
            parts.append([])
            size = 0
        parts[-1].append(piece)
        size += piece.length
    if len(parts) > 1 and size < min_bytes:
        rest = parts.pop()
        parts[-1] += rest
    yield from (UploadPart(tuple(part)) for part in parts if part)


def _copies(offset: int, length: int, longest: int, min_bytes: int) -> Iterator[CopyPart]:
    """A long range in parts; what is left over is no less than a part."""
    while length > longest:
        yield CopyPart(offset, longest - min_bytes)
        offset += longest - min_bytes
        length -= longest - min_bytes
    yield CopyPart(offset, length)
