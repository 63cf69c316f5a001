"""Lambda: every line of output is kept, and one unpacked copy of the code serves all workers.

Gap: MiniStack 1.5.33 collects a worker's output for at most a quarter of a second after the answer,
so lines go missing or land in the log of a later invocation, and an unhandled exception is not
logged at all; every worker unpacks the zip and compiles its modules anew, which takes seconds.

No longer needed when `tests/contract/local_cloud/test_functions.py` passes without `install()`.
"""

import hashlib
import os
import shutil
import tempfile
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime

_unpacking = threading.Lock()


def install() -> None:
    """Tee the workers' output into one file per function; unpack each zip once."""
    folder = Path(os.environ["ERASURE_LOCAL_FUNCTION_LOGS"])
    folder.mkdir(parents=True, exist_ok=True)
    invoke = lambda_runtime.Worker.invoke

    def read_output(worker: Any) -> None:
        queue = worker._stderr_queue
        with _log_of(folder, worker) as log:
            for line in worker._proc.stderr:
                log.write(line)
                log.flush()
                queue.put(line.rstrip("\n"))

    def invoke_and_log(worker: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        answer: dict[str, Any] = invoke(worker, *arguments, **options)
        if answer.get("status") == "error":
            unhandled = f"[ERROR] {answer.get('trace') or answer.get('error')}\n"
            with _log_of(folder, worker) as log:
                log.write(unhandled)
            answer["log"] = f"{answer.get('log', '')}\n{unhandled}"
        return answer

    lambda_runtime.Worker._read_stderr = read_output
    lambda_runtime.Worker.invoke = invoke_and_log
    lambda_runtime.zipfile = SimpleNamespace(ZipFile=_UnpackedOnce, BadZipFile=zipfile.BadZipFile)


def _log_of(folder: Path, worker: Any) -> Any:
    return (folder / f"{worker.func_name}.log").open("a", encoding="utf-8")


class _UnpackedOnce(zipfile.ZipFile):
    """Puts a link to the one unpacked copy where MiniStack wants the files."""

    def extractall(self, path: Any = None, *_arguments: Any, **_options: Any) -> None:
        wanted = Path(path)
        code = Path(tempfile.gettempdir()) / "functions" / _digest(Path(str(self.filename)))
        with _unpacking:
            if not code.exists():
                unfinished = Path(tempfile.mkdtemp(dir=tempfile.gettempdir()))
                super().extractall(unfinished)
                code.parent.mkdir(exist_ok=True)
                unfinished.rename(code)
        shutil.rmtree(wanted)
        wanted.symlink_to(code, target_is_directory=True)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
