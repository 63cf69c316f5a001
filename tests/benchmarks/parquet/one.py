"""One method on one file, in a process of its own: prints what it cost as JSON."""

from __future__ import annotations

import contextlib
import importlib
import json
import resource
import sys
import time
from pathlib import Path

from .methods import METHODS, Job


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mb() -> float:
    """VmHWM, since ru_maxrss counts what the parent had before this program started."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    name, file, ids_file, out, endpoint = sys.argv[1:6]
    ids = Path(ids_file).read_text().split()
    work = METHODS[name](Job(Path(file), ids, Path(out), endpoint))
    with contextlib.suppress(ImportError):
        importlib.import_module("pandas")  # pyarrow imports it on first use: an import, not work
    cpu_before = cpu_s()
    started = time.perf_counter()
    report = work()
    wall_s = time.perf_counter() - started
    cpu_after = cpu_s()
    if "bytes" not in report:
        report["bytes"] = Path(out).stat().st_size
    report |= {
        "cpu_s": cpu_after - cpu_before,
        "process_cpu_s": cpu_after,
        "wall_s": wall_s,
        "peak_mb": peak_mb(),
    }
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
