"""One method on one file, in a process of its own: prints what it cost as JSON."""

from __future__ import annotations

import contextlib
import importlib
import json
import resource
import sys
import time
from pathlib import Path

from .methods import METHODS


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak_mb() -> float:
    """VmHWM, since ru_maxrss counts what the parent had before this program started."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    name, file, ids_file, out = sys.argv[1:5]
    ids = Path(ids_file).read_text().split()
    work = METHODS[name](Path(file), ids, Path(out))
    with contextlib.suppress(ImportError):
        importlib.import_module("pandas")  # pyarrow imports it on first use: an import, not work
    cpu_before = _cpu_s()
    started = time.perf_counter()
    report = work()
    wall_s = time.perf_counter() - started
    cpu_after = _cpu_s()
    report |= {
        "cpu_s": cpu_after - cpu_before,
        "process_cpu_s": cpu_after,
        "wall_s": wall_s,
        "peak_mb": _peak_mb(),
        "bytes": Path(out).stat().st_size,
    }
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
