"""The commands that people paste after `make up`."""

import json
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path


def commands(environment: Mapping[str, str], env_file: Path) -> str:
    """Shell lines that feed the stream, publish a request and show what became of it."""
    record = {
        "profile_id": "p-1",
        "record_type": "profile",
        "first_name": "Ada",
        "updated_at": "2026-01-31T10:00:00Z",
    }
    detail = {
        "metadata": {"schema_version": "1.0"},
        "data": {
            "request_id": "r-1",
            "received_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "subjects": [{"profile_id": "p-1"}],
        },
    }
    entry = {
        "EventBusName": environment["ERASURE_BUS"],
        "Source": "my.app",
        "DetailType": "ErasureRequested",
        "Detail": json.dumps(detail),
    }
    put_record = [
        *("aws", "kinesis", "put-record", "--stream-name", environment["ERASURE_STREAM"]),
        *("--partition-key", "p-1", "--data", "fileb:///dev/stdin"),  # same in CLI 1 and 2
    ]
    put_events = ["aws", "events", "put-events", "--entries", json.dumps([entry])]
    lines = [
        shlex.join(["source", str(env_file)]),
        f"{shlex.join(['echo', json.dumps(record)])} | {shlex.join(put_record)}",
        shlex.join(put_events),
        "erasure status r-1",
    ]
    return "\n".join(f"  {line}" for line in lines)
