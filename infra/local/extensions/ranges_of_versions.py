"""S3: a range may be read of a version that is named, too.

Gap: MiniStack 1.5.33 answers GetObject with a VersionId and a Range with the whole version.

No longer needed when `tests/contract/local_cloud/test_storage.py` passes without `install()`.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from collections.abc import Mapping
from typing import Any

from ministack.services import s3


def install() -> None:
    """Cut the range out of the whole version."""
    get = s3._get_object

    def get_object(
        bucket: str, key: str, headers: Mapping[str, str], query: Mapping[str, Any] | None = None
    ) -> Any:
        answer = get(bucket, key, headers, query)
        wanted = headers.get("range", "")
        status, told, body = answer
        if status != 200 or not wanted or not s3._qp(query or {}, "versionId", ""):
            return answer
        found = s3._parse_range(wanted, len(body))
        if found is None:
            return s3._error("InvalidRange", "The requested range is not satisfiable", 416)
        start, end = found
        part = body[start : end + 1]
        of_all = [name for name in told if name.lower().startswith("x-amz-checksum-")]
        told = {name: value for name, value in told.items() if name not in of_all} | {
            "Content-Range": f"bytes {start}-{end}/{len(body)}",
            "Content-Length": str(len(part)),
        }
        return 206, told, part

    s3._get_object = get_object
