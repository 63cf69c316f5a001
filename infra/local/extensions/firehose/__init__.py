"""Firehose: buffers in front of the transform function, the Parquet conversion and S3.

Gap: MiniStack 1.5.33 delivers every record at once as an object of its own, passes records on when
the transform fails, drops those it rejects, and writes timestamps other than Firehose does.

No longer needed when `tests/contract/local_cloud/test_firehose.py` passes without `install()`.

`buffering` gathers records, `transform` asks the Lambda function, `conversion` makes Parquet by the
Glue table, `delivery` names and writes the objects. One buffer stands for Firehose's two (for the
function and for the destination): its limits are those of the destination.
"""

from infra.local.extensions.firehose.buffering import install

__all__ = ["install"]
