"""S3: every part of a multipart upload but the last has at least 5 MiB.

Gap: MiniStack 1.5.33 accepts smaller ones, so that a rewrite which S3 would refuse passes here.

No longer needed when `tests/contract/local_cloud/test_storage.py` passes without `install()`.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
"""

import re
from collections.abc import Mapping
from typing import Any

from ministack.services import s3

_SMALLEST_PART_BYTES = 5 * 2**20
_PART_NUMBER = re.compile(rb"<PartNumber>\s*(\d+)\s*</PartNumber>")


def install() -> None:
    """Look at the sizes before an upload is completed."""
    complete = s3._complete_multipart_upload

    def complete_multipart_upload(
        bucket: str, key: str, body: bytes, query: Mapping[str, Any], headers: Any = None
    ) -> Any:
        upload = s3._multipart_uploads.get(s3._qp(query, "uploadId")) or {"parts": {}}
        numbers = sorted(int(number) for number in _PART_NUMBER.findall(body))
        sizes = (upload["parts"].get(number, {}).get("size") for number in numbers[:-1])
        if any(size is not None and size < _SMALLEST_PART_BYTES for size in sizes):
            message = "Your proposed upload is smaller than the minimum allowed size"
            return s3._error("EntityTooSmall", message, 400)
        return complete(bucket, key, body, query, headers)

    s3._complete_multipart_upload = complete_multipart_upload
