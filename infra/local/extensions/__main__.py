"""MiniStack with all extensions: what `python -m infra.local` runs in MiniStack's environment."""

from ministack import app

from infra.local.extensions import (
    athena,
    change_sets_of_outputs,
    event_source_concurrency,
    event_target_dead_letters,
    firehose,
    function_calls,
    function_workers,
    malformed_events,
    multipart_part_size,
    ranges_of_versions,
    wrong_batch_responses,
)

EXTENSIONS = (
    athena,
    change_sets_of_outputs,
    event_source_concurrency,
    event_target_dead_letters,
    firehose,
    function_calls,
    function_workers,
    malformed_events,
    multipart_part_size,
    ranges_of_versions,
    wrong_batch_responses,
)


def main() -> None:
    """Install every extension, then serve until told to stop."""
    for extension in EXTENSIONS:
        extension.install()
    app.main()


if __name__ == "__main__":
    main()
