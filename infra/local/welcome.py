"""The commands that people paste after `make up`."""

import json
import shlex
from collections.abc import Mapping
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
            "received_at": "2026-01-31T10:00:00Z",
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
        *("--partition-key", "p-1", "--cli-binary-format", "raw-in-base64-out"),
        *("--data", json.dumps(record)),
    ]
    put_events = ["aws", "events", "put-events", "--entries", json.dumps([entry])]
    lines = [
        ["source", str(env_file)],
        put_record,
        put_events,
        ["erasure", "status", "r-1"],
    ]
    return "\n".join(f"  {shlex.join(line)}" for line in lines)
