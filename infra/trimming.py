"""Which files of an installed package a Lambda zip needs: values in, values out.

Everything here is left out by name, and every zip is imported afterwards (infra/zips.py), so that
a package that moves something in a later version fails the build, not the night.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

# The clients that our code, Powertools and PynamoDB make; tests/architecture/test_templates.py
# compares. botocore's descriptions of the other 400 services are 25 MB.
AWS_SERVICES = frozenset(
    {
        "athena",
        "dynamodb",
        "events",
        "glue",
        "kms",
        "rds",
        "s3",
        "secretsmanager",
        "sqs",
        "ssm",
        "sts",
    }
)

_NOT_FOR_RUNNING = frozenset({".pyc", ".pyi", ".pyx", ".pxd", ".pxi", ".h", ".hpp", ".cmake"})
# Scripts name the interpreter of the machine that built them.
_TOP_DIRECTORIES_LEFT_OUT = frozenset({"bin", "include", "share"})
# What is installed and what it demands is worth knowing; how it was installed differs by machine.
_METADATA_KEPT = ("METADATA", "entry_points.txt", "licenses/", "LICENSE")
_PYARROW_DIRECTORIES_LEFT_OUT = ("pyarrow/tests/", "pyarrow/include/", "pyarrow/src/")
# Our objects come through boto3, our columns are Parquet's. libarrow_substrait stays: every
# extension module of pyarrow is linked with it.
_PYARROW_PARTS_LEFT_OUT = re.compile(
    r"pyarrow/(lib)?_?(arrow_)?(python_)?"
    r"(azurefs|dataset_orc|flight|gcsfs|hdfs|orc|pyarrow_cpp_tests|s3fs|s3)\.(cpython|so)"
)
_LIBRARY = re.compile(r"(?P<name>.+\.so)(\.(?P<soname>\d+))?(\.\d+)*")


def needed(files: Iterable[PurePosixPath]) -> list[PurePosixPath]:
    """The paths, relative to the installation, that go into the zip, sorted."""
    kept = sorted(file for file in set(files) if _is_needed(file))
    return [file for file in kept if not _is_copy_of_a_library(file, kept)]


def _is_needed(file: PurePosixPath) -> bool:
    if file.suffix in _NOT_FOR_RUNNING or file.parts[0] in _TOP_DIRECTORIES_LEFT_OUT:
        return False
    if file.parts[0].endswith(".dist-info"):
        return "/".join(file.parts[1:]).startswith(_METADATA_KEPT)
    if file.parts[:2] == ("botocore", "data") and len(file.parts) > 3:
        return file.parts[2] in AWS_SERVICES and not file.name.startswith("examples-")
    if file.parts[0] == "pyarrow":
        path = str(file)
        in_use = not path.startswith(_PYARROW_DIRECTORIES_LEFT_OUT)
        return in_use and not _PYARROW_PARTS_LEFT_OUT.match(path)
    return True


def _is_copy_of_a_library(file: PurePosixPath, kept: Iterable[PurePosixPath]) -> bool:
    """Whether `libx.so` or `libx.so.1.2.3` stands beside `libx.so.1`, the one that is linked.

    On the author's disk they are links; a wheel cannot hold links and carries three copies.
    """
    match = _LIBRARY.fullmatch(file.name)
    if not match or not file.name.startswith("lib"):
        return False
    linked = re.compile(re.escape(match["name"]) + r"\.\d+")
    return not linked.fullmatch(file.name) and any(
        other.parent == file.parent and linked.fullmatch(other.name) for other in kept
    )
