"""Starts emulator and database, lets a function work, and waits: to be killed by a test."""

import sys
import threading
import time
from pathlib import Path

from infra.local.emulator import Emulator
from infra.local.postgresql import PostgreSQL
from tests.contract.local_cloud.cloud import Cloud

BUSY = "import time\ndef handler(e, c):\n    print('busy', flush=True)\n    time.sleep(60)\n"


def main() -> None:
    """Print `working` once a Lambda worker is busy."""
    state_dir = Path(sys.argv[1])
    database = PostgreSQL.start(state_dir)
    cloud = Cloud(Emulator.start(state_dir))
    function = cloud.function(BUSY, timeout_s=60)
    threading.Thread(
        target=cloud.lambda_.invoke, kwargs={"FunctionName": function}, daemon=True
    ).start()
    logs = state_dir / "logs" / "functions"
    while not any(log.read_text(encoding="utf-8") for log in logs.glob("*.log")):
        time.sleep(0.05)
    print("working", flush=True)  # noqa: T201 - the test waits for it
    time.sleep(60)
    database.stop()  # never reached; a handle that nobody holds would let go of the leash


if __name__ == "__main__":
    main()
