"""MiniStack with all extensions: what `python -m infra.local` runs in MiniStack's environment."""

from ministack import app

from infra.local.extensions import (
    athena,
    event_source_concurrency,
    event_target_dead_letters,
    firehose,
    function_workers,
    multipart_part_size,
)

EXTENSIONS = (
    athena,
    event_source_concurrency,
    event_target_dead_letters,
    firehose,
    function_workers,
    multipart_part_size,
)


def main() -> None:
    """Install every extension, then serve until told to stop."""
    for extension in EXTENSIONS:
        extension.install()
    app.main()


if __name__ == "__main__":
    main()
