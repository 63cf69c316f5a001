"""What the local stacks are given instead of the templates' defaults, which are meant for AWS."""

import platform
import subprocess
from collections.abc import Mapping

from infra.local import sample_stores
from infra.local.paths import emulator_python

Parameters = dict[str, dict[str, str]]

# People watch here: what takes minutes in AWS takes seconds. No worker has less time than before
# its message shows up again, as in AWS.
_SECONDS = {
    "ingestion": {"TransformBufferSeconds": "0", "BufferSeconds": "1"},
    "location": {"TimeoutSeconds": "60", "VisibilitySeconds": "60"},
    "purge": {"TimeoutSeconds": "30", "VisibilitySeconds": "30"},
    "adjudication": {"TimeoutSeconds": "20"},
}
_DEAD_LETTERS = {"DeadLetterVisibilitySeconds": "20"}
_PURGE_WORKERS = {"MaximumConcurrency": "6"}


def local_parameters(
    stage: str, postgresql_dsn: str, overrides: Mapping[str, Mapping[str, str]]
) -> Parameters:
    """The parameters of every stack; overrides win."""
    runtime = _runtime()
    parameters: Parameters = {
        "platform": {
            "DataMap": sample_stores.data_map(stage),
            "PostgresqlDsn": postgresql_dsn,
            "DeletionProtection": "false",
        },
        **{service: {**runtime, **seconds} for service, seconds in _SECONDS.items()},
    }
    parameters["location"] |= _DEAD_LETTERS
    parameters["purge"] |= _DEAD_LETTERS | _PURGE_WORKERS
    for stack, values in overrides.items():
        parameters[stack] |= values
    return parameters


def _runtime() -> dict[str, str]:
    """That of MiniStack's interpreter, which runs the functions."""
    version = subprocess.run(  # noqa: S603
        [str(emulator_python()), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    arm = platform.machine() in ("arm64", "aarch64")
    return {"Runtime": f"python{version}", "Architecture": "arm64" if arm else "x86_64"}
