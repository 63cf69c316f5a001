"""The content of one version of an object: small ones at once, large ones by range."""

from __future__ import annotations

import os
import shutil
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from tempfile import TemporaryFile
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

from botocore.exceptions import ClientError

from erasure_purge.core import HINDRANCES, StoredObject
from erasure_purge.stores.kept_ranges import Disk, KeptRanges, Memory, Range, Room
from erasure_purge.stores.parts import MIN_PART_BYTES
from erasure_purge.stores.s3 import GONE, code_of, place, version
from erasure_shared.errors import Rejected, RetryLater

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

WHOLE_UP_TO_BYTES = 128 * 1024 * 1024
ARCHIVED_CODE = "OBJECT_ARCHIVED"
GAP_BYTES = 256 * 1024  # read through: a request costs as much time as a megabyte or two
_SMALL_BYTES = 64 * 1024  # of such reads several share a request
_AHEAD_BYTES = 4 * 1024 * 1024
_ISLAND_BYTES = 1024  # fetched again rather than asked around
_IN_MEMORY_BYTES = 32 * 1024 * 1024
_COPY_BYTES = 1024 * 1024


class S3Content:
    """Reads are pinned to ETag and version. What was fetched is kept on the disk, and only what is
    missing of a range is fetched. Small reads share requests: one that goes on where the last one
    ended is given more and more ahead.
    """

    def __init__(
        self,
        client: S3Client,
        stored: StoredObject,
        whole_up_to_bytes: int,
        *,
        least_copy_bytes: int = MIN_PART_BYTES,
        gap_bytes: int = GAP_BYTES,
        disk: Callable[[], Room] = Disk,
    ) -> None:
        self._s3 = client
        self._stored = stored
        self._whole_up_to_bytes = whole_up_to_bytes
        self._gap_bytes = gap_bytes
        self._disk = disk
        self._file: BinaryIO | None = None
        self._kept: KeptRanges | None = None
        self._is_on_disk = True
        self._small_end = -1
        self._goes_on = False
        self._ahead = 0
        self._wanted: list[Range] = []
        self.least_copy_bytes = least_copy_bytes
        self.size_bytes = stored.size_bytes
        self.bytes_read = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
        self._forget()

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes, fewer only where the object ends.

        Raises:
            RetryLater: this version is gone.
        """
        return self.read_towards(self.size_bytes, offset, length)

    def read_towards(self, end: int, offset: int, length: int) -> bytes:
        """The same, by one who reads on from here, though not beyond the end."""
        length = min(length, self.size_bytes - offset)
        if length <= 0:
            return b""
        if self._file is None and self.size_bytes <= self._whole_up_to_bytes:
            self.whole()
        if self._file is not None:
            return os.pread(self._file.fileno(), length, offset)
        self._note(offset, length)
        return self._assembled(offset, offset + length, min(end, self.size_bytes))

    def will_be_wanted(self, ranges: Sequence[Range]) -> None:
        """Between these offsets everything will be read: then it is, in large pieces."""
        self._wanted = sorted(ranges)

    def unneeded(self, offset: int, length: int) -> None:
        """Nobody will ask for these bytes soon: they are the first to give up."""
        if self._kept is not None:
            self._kept.forget_first(offset, offset + length)

    def whole(self) -> BinaryIO:
        """All of it in a temporary file, from which it is read from then on.

        Raises:
            Rejected: the function's disk cannot hold it and its rewrite; or it is archived.
            RetryLater: this version is gone.
        """
        if self._file is None:
            file = cast("BinaryIO", TemporaryFile())  # noqa: SIM115 (closed with the content)
            try:
                self._check_room(file.fileno())
                self._copy_all(file)
                file.flush()
            except BaseException:
                file.close()
                raise
            self._forget()
            self._file = file
        self._file.seek(0)
        return self._file

    def _copy_all(self, file: BinaryIO) -> None:
        """What is kept, and from S3 what is missing of it."""
        wanted = _joined(self._ranges.missing(0, self.size_bytes), self._gap_bytes)
        position = 0
        for start, end in [*wanted, (self.size_bytes, self.size_bytes)]:
            for at in range(position, start, _COPY_BYTES):
                file.write(self._kept_or_fetched(at, min(at + _COPY_BYTES, start)))
            self._download(start, end, file)
            position = end

    def _kept_or_fetched(self, start: int, end: int) -> bytes:
        try:
            return self._ranges.read(start, end)
        except OSError:
            return self._get_range(start, end)

    def _download(self, start: int, end: int, file: BinaryIO) -> None:
        if start == end:
            return
        everything = end - start == self.size_bytes
        ranged = {} if everything else {"Range": f"bytes={start}-{end - 1}"}
        shutil.copyfileobj(self._get(**ranged), file, _COPY_BYTES)
        if file.tell() != end:
            raise RetryLater("S3 sent another range than asked for", reason_code="RANGE_DIFFERS")
        self.bytes_read += end - start

    # What is kept -----------------------------------------------------------------------------

    @property
    def _ranges(self) -> KeptRanges:
        if self._kept is None:
            self._kept = KeptRanges(self._room())
        return self._kept

    def _room(self) -> Room:
        if self._is_on_disk:
            try:
                return self._disk()
            except OSError:
                self._is_on_disk = False
        return Memory(_IN_MEMORY_BYTES)

    def _forget(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _leave_the_disk(self) -> None:
        """From now on little is kept, and more is fetched again."""
        self._forget()
        self._is_on_disk = False

    # Reading by range -------------------------------------------------------------------------

    def _note(self, start: int, length: int) -> None:
        """Notice whether small reads follow one another."""
        self._goes_on = False
        if length < _SMALL_BYTES:
            gap = start - self._small_end
            self._goes_on = self._small_end >= 0 and 0 <= gap <= self._gap_bytes
            self._small_end = start + length
            if not self._goes_on:
                self._ahead = 0

    def _assembled(self, start: int, end: int, until: int) -> bytes:
        """A range of what is kept and of what is fetched now."""
        if self._ranges.is_scarce:
            self._leave_the_disk()
        wanted = _joined(self._ranges.missing(start, end), _ISLAND_BYTES)
        try:
            held = self._held(start, end, wanted)
        except OSError:
            self._leave_the_disk()
            wanted, held = [(start, end)], [b"", b""]
        fetched = [self._fetch(first, last, until) for first, last in wanted]
        if wanted == [(start, end)]:
            return fetched[0]
        return b"".join(chain.from_iterable(zip(held, [*fetched, b""], strict=True)))

    def _held(self, start: int, end: int, wanted: Sequence[Range]) -> list[bytes]:
        """What lies before, between and after what is wanted."""
        edges = [start, *chain.from_iterable(wanted), end]
        kept = self._ranges
        return [kept.read(edges[at], edges[at + 1]) for at in range(0, len(edges), 2)]

    def _fetch(self, start: int, end: int, until: int) -> bytes:
        """This range, and of what follows the more the longer reading went on."""
        last = max(end, min(self._reach(start, end, until), self._ranges.next_start(end, until)))
        data = self._get_range(start, last)
        try:
            self._ranges.keep(start, data)
        except OSError:
            self._leave_the_disk()
        return data if last == end else data[: end - start]

    def _reach(self, start: int, end: int, until: int) -> int:
        """How far to read."""
        wanted_end = self._wanted_until(start)
        if wanted_end > end:
            until, ahead = wanted_end, start + _AHEAD_BYTES
        elif self._goes_on:
            self._ahead = min(max(2 * self._ahead, self._gap_bytes), _AHEAD_BYTES)
            ahead = start + self._ahead
        else:
            return end
        return until if until - ahead <= self._gap_bytes else ahead

    def _wanted_until(self, start: int) -> int:
        """Where a range ends that is wanted in whole; in memory little of it could be kept."""
        number = bisect_right(self._wanted, (start, self.size_bytes)) - 1
        return self._wanted[number][1] if number >= 0 and self._is_on_disk else 0

    def _get_range(self, start: int, end: int) -> bytes:
        data: bytes = self._get(Range=f"bytes={start}-{end - 1}").read()
        if len(data) != end - start:
            raise RetryLater("S3 sent another range than asked for", reason_code="RANGE_DIFFERS")
        self.bytes_read += len(data)
        return data

    def _get(self, **wanted: Any) -> Any:
        pinned: dict[str, Any] = place(self._stored) | version(self._stored)
        try:
            return self._s3.get_object(**pinned, IfMatch=self._stored.etag, **wanted)["Body"]
        except ClientError as error:
            if code_of(error) == "InvalidObjectState":
                raise Rejected(HINDRANCES[ARCHIVED_CODE], reason_code=ARCHIVED_CODE) from None
            if code_of(error) in GONE:
                raise RetryLater(
                    "the object changed while it was read", reason_code="OBJECT_CHANGED"
                ) from None
            raise

    def _check_room(self, descriptor: int) -> None:
        """The copy and its rewrite lie on the function's own disk; what is kept there goes."""
        disk = os.fstatvfs(descriptor)
        kept = self._kept.held_bytes if self._kept is not None and self._is_on_disk else 0
        if 2 * self.size_bytes > disk.f_bavail * disk.f_frsize + kept:
            raise Rejected(
                "the object does not fit on the function's disk twice: give it more",
                size_bytes=self.size_bytes,
                reason_code="OBJECT_TOO_LARGE",
            )


def _joined(ranges: Iterable[Range], gap_bytes: int) -> list[Range]:
    """Ranges in order, those as one that are hardly apart."""
    joined: list[Range] = []
    for start, end in ranges:
        if joined and start - joined[-1][1] <= gap_bytes:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
