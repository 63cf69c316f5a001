"""The content of one version of an object: small ones at once, large ones by range."""

from __future__ import annotations

import os
import shutil
from collections import OrderedDict
from tempfile import TemporaryFile
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

from botocore.exceptions import ClientError

from erasure_purge.core import HINDRANCES, StoredObject
from erasure_purge.stores.s3 import GONE, code_of, place, version
from erasure_shared.errors import Rejected, RetryLater

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

WHOLE_UP_TO_BYTES = 128 * 1024 * 1024
ARCHIVED_CODE = "OBJECT_ARCHIVED"
_BLOCK_BYTES = 64 * 1024
_BLOCKS = 512  # 32 MiB
_AHEAD_BYTES = 4 * 1024 * 1024
_GAP_BYTES = 256 * 1024  # read through: a request costs as much time as a megabyte
_DIRECT_BYTES = 1024 * 1024
_COPY_BYTES = 1024 * 1024


class S3Content:
    """Reads are pinned to ETag and version. Small reads share requests: one that goes on where the
    last one ended is given more and more ahead, and what was read lately is kept.
    """

    def __init__(self, client: S3Client, stored: StoredObject, whole_up_to_bytes: int) -> None:
        self._s3 = client
        self._stored = stored
        self._whole_up_to_bytes = whole_up_to_bytes
        self._file: BinaryIO | None = None
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._next_block = -1
        self._ahead = 1
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

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes, fewer only where the object ends.

        Raises:
            RetryLater: this version is gone.
        """
        length = min(length, self.size_bytes - offset)
        if length <= 0:
            return b""
        if self._file is None and self.size_bytes <= self._whole_up_to_bytes:
            self.whole()
        if self._file is not None:
            return os.pread(self._file.fileno(), length, offset)
        if length >= _DIRECT_BYTES:
            return self._get_range(offset, length)
        return self._from_blocks(offset, length)

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
                shutil.copyfileobj(self._get(), file, _COPY_BYTES)
                file.flush()
            except BaseException:
                file.close()
                raise
            self.bytes_read += self.size_bytes
            self._file = file
        self._file.seek(0)
        return self._file

    def _from_blocks(self, offset: int, length: int) -> bytes:
        first, last = offset // _BLOCK_BYTES, (offset + length - 1) // _BLOCK_BYTES
        missing = [number for number in range(first, last + 1) if number not in self._blocks]
        if missing:
            self._fetch(missing[0], missing[-1])
        held = []
        for number in range(first, last + 1):
            self._blocks.move_to_end(number)
            held.append(self._blocks[number])
        while len(self._blocks) > _BLOCKS:
            self._blocks.popitem(last=False)
        start = offset - first * _BLOCK_BYTES
        return b"".join(held)[start : start + length]

    def _fetch(self, first: int, last: int) -> None:
        """These blocks, and more of what follows the longer reading has gone straight on."""
        gap = (first - self._next_block) * _BLOCK_BYTES
        goes_on = self._next_block >= 0 and 0 <= gap <= _GAP_BYTES
        self._ahead = min(2 * self._ahead, _AHEAD_BYTES // _BLOCK_BYTES) if goes_on else 1
        last = max(last, first + self._ahead - 1)
        last = min(last, (self.size_bytes - 1) // _BLOCK_BYTES)
        start = first * _BLOCK_BYTES
        end = min((last + 1) * _BLOCK_BYTES, self.size_bytes)
        data = self._get_range(start, end - start)
        for number in range(first, last + 1):
            at = (number - first) * _BLOCK_BYTES
            self._blocks[number] = data[at : at + _BLOCK_BYTES]
        self._next_block = last + 1

    def _get_range(self, offset: int, length: int) -> bytes:
        data: bytes = self._get(Range=f"bytes={offset}-{offset + length - 1}").read()
        if len(data) != length:
            raise RetryLater("S3 sent another range than asked for", reason_code="RANGE_DIFFERS")
        self.bytes_read += length
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
        """The copy and its rewrite lie on the function's own disk."""
        disk = os.fstatvfs(descriptor)
        if 2 * self.size_bytes > disk.f_bavail * disk.f_frsize:
            raise Rejected(
                "the object does not fit on the function's disk twice: give it more",
                size_bytes=self.size_bytes,
                reason_code="OBJECT_TOO_LARGE",
            )
