"""Making the planned file: old ranges copied, new bytes written, all or nothing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from .report import ErasurePlan
from .segments import Copy
from .source import LocalFile, Source

_COPY_BYTES = 4 * 1024 * 1024


def planned_bytes(plan: ErasurePlan, source: Source) -> Iterator[bytes]:
    """The new file in pieces of bounded size."""
    for segment in plan.segments:
        if not isinstance(segment, Copy):
            yield segment.data
            continue
        for start in range(segment.offset, segment.offset + segment.length, _COPY_BYTES):
            end = min(start + _COPY_BYTES, segment.offset + segment.length)
            yield source.read(start, end - start)


def apply_plan(
    plan: ErasurePlan,
    source: Source,
    destination: str | os.PathLike[str],
    *,
    accept: Callable[[Path], bool] = lambda _: True,
) -> bool:
    """Write the planned file; the destination is old, absent or whole, never half written.

    The destination may be the file that is read. A plan that empties the file still writes a valid
    one without rows. `accept` is shown the finished file; only if it says yes does the file take
    its place. Whether it did.
    """
    path = Path(destination)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as out:
            _write(plan, source, out)
            out.flush()
            os.fsync(out.fileno())
        accepted = accept(partial)
        if accepted:
            partial.chmod(_mode(path))
            partial.replace(path)
            _sync_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)
    return accepted


def _sync_folder(folder: Path) -> None:
    """Make the new name outlive a power cut, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(plan: ErasurePlan, source: Source, out: BinaryIO) -> None:
    if not isinstance(source, LocalFile):
        for piece in planned_bytes(plan, source):
            out.write(piece)
        return
    for segment in plan.segments:
        if isinstance(segment, Copy):
            out.flush()
            _copy_in_kernel(source.fileno(), segment, out.fileno())
        else:
            out.write(segment.data)


def _copy_in_kernel(source: int, segment: Copy, out: int) -> None:
    offset, left = segment.offset, segment.length
    while left:
        try:
            done = os.copy_file_range(source, out, left, offset)
        except OSError:  # not every file system can
            done = os.write(out, os.pread(source, min(left, _COPY_BYTES), offset))
        if done == 0:
            raise OSError("the source ended while it was copied")
        offset += done
        left -= done


def _mode(path: Path) -> int:
    """The permissions of the file that is replaced, or what a new file would get."""
    if path.exists():
        return path.stat().st_mode & 0o7777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
