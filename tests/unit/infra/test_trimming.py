"""Which files of an installed package go into a zip."""

from pathlib import PurePosixPath

import pytest

from infra.trimming import needed


def kept(*files: str) -> list[str]:
    return [str(file) for file in needed(PurePosixPath(file) for file in files)]


@pytest.mark.parametrize(
    "file",
    [
        "pyarrow/lib.cpython-313-aarch64-linux-gnu.so",
        "pyarrow/_parquet.cpython-313-aarch64-linux-gnu.so",
        "pyarrow/_fs.cpython-313-aarch64-linux-gnu.so",
        "pyarrow/libarrow.so.2600",
        "pyarrow/libarrow_substrait.so.2600",
        "pyarrow/libparquet.so.2600",
        "pyarrow/parquet/core.py",
        "psycopg_binary.libs/libpq-53e4e5f8.so.5.18",
        "botocore/data/endpoints.json",
        "botocore/data/s3/2006-03-01/service-2.json.gz",
        "boto3-1.44.5.dist-info/METADATA",
        "pyarrow-26.0.1.dist-info/licenses/LICENSE.txt",
        "six.py",
    ],
)
def test_what_runs_and_what_says_what_it_is_stays(file: str) -> None:
    assert kept(file) == [file]


@pytest.mark.parametrize(
    "file",
    [
        "pyarrow/libarrow_flight.so.2600",
        "pyarrow/libarrow_python_flight.so.2600",
        "pyarrow/libarrow_s3.so.2600",
        "pyarrow/_s3fs.cpython-313-aarch64-linux-gnu.so",
        "pyarrow/_dataset_orc.cpython-313-aarch64-linux-gnu.so",
        "pyarrow/_gcsfs.cpython-313-aarch64-linux-gnu.so",
        "pyarrow/_pyarrow_cpp_tests.cpython-313-aarch64-linux-gnu.so",
        "pyarrow/tests/test_array.py",
        "pyarrow/include/arrow/api.h",
        "pyarrow/array.pxi",
        "botocore/data/ec2/2016-11-15/service-2.json.gz",
        "botocore/data/s3/2006-03-01/examples-1.json",
        "boto3-1.44.5.dist-info/RECORD",
        "boto3-1.44.5.dist-info/direct_url.json",
        "bin/jp.py",
        "jmespath/parser.cpython-313.pyc",
    ],
)
def test_what_no_service_uses_or_what_differs_by_machine_goes(file: str) -> None:
    assert kept(file) == []


def test_of_three_copies_of_a_library_the_linked_one_stays() -> None:
    copies = ["libarrow_python.so", "libarrow_python.so.2600", "libarrow_python.so.2600.1.0"]

    assert kept(*(f"pyarrow/{copy}" for copy in copies)) == ["pyarrow/libarrow_python.so.2600"]


def test_a_library_that_has_only_one_name_stays_under_it() -> None:
    assert kept("a.libs/libz-1a2b.so.1.2.3", "b/libsasl2.so") == [
        "a.libs/libz-1a2b.so.1.2.3",
        "b/libsasl2.so",
    ]


def test_the_order_does_not_depend_on_the_order_of_the_disk() -> None:
    assert kept("b.py", "a/z.py", "a.py") == kept("a.py", "b.py", "a/z.py")
