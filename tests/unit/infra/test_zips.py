"""The builder, on a small clone whose services need one small package."""

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.zips import (
    UNZIPPED_LIMIT_BYTES,
    Builder,
    BuildFailed,
    check_size,
    target,
)

Clone = Callable[[str], Path]
HANDLER = "from erasure_shared import shout\nimport small\n\ndef handler(event, context): ...\n"


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that pip finds without a registry."""
    path = tmp_path / "wheels" / "small-1.0-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("small/__init__.py", "one = 1\n")
        archive.writestr("small/small.pyi", "one: int\n")
        metadata = "Metadata-Version: 2.1\nName: small\nVersion: 1.0\n"
        archive.writestr("small-1.0.dist-info/METADATA", metadata)
        tag = "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr("small-1.0.dist-info/WHEEL", tag)
        archive.writestr("small-1.0.dist-info/entry_points.txt", "[console_scripts]\ns=small:s\n")
        archive.writestr("small-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    return path


@pytest.fixture
def clone(tmp_path: Path, wheel: Path) -> Clone:
    """Lays a clone out under a name of its own."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()

    def lay_out(name: str) -> Path:
        root = tmp_path / name
        for file, text in {
            "services/purge/src/erasure_purge/handler.py": HANDLER,
            "services/purge/src/erasure_purge/__pycache__/handler.cpython-311.pyc": "old",
            "services/purge/requirements.txt": f"small==1.0 --hash=sha256:{digest}\n",
            "services/purge/README.md": "not shipped",
            "services/location/src/erasure_location/handler.py": "not ours",
            "shared/src/erasure_shared/__init__.py": "shout = 'ah'\n",
            "schemas/events/purge_requested.v1.json": "{}",
            "tests/test_purge.py": "not shipped",
        }.items():
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_text(text)
        return root

    return lay_out


def build(root: Path) -> Path:
    return Builder(target("local"), root=root).build("purge").path


def test_a_zip_holds_the_service_what_it_shares_and_what_it_needs_and_nothing_else(
    clone: Clone,
) -> None:
    with zipfile.ZipFile(build(clone("a"))) as archive:
        names = archive.namelist()

    assert set(names) == {
        "erasure_purge/handler.py",
        "erasure_shared/__init__.py",
        "schemas/events/purge_requested.v1.json",
        "small-1.0.dist-info/METADATA",
        "small-1.0.dist-info/entry_points.txt",
        "small/__init__.py",
    }


def test_two_clones_give_the_same_bytes(clone: Clone) -> None:
    one, other = build(clone("a")), build(clone("somewhere/else"))

    assert one.read_bytes() == other.read_bytes()
    assert one.name == other.name


def test_a_zip_does_not_tell_when_or_by_whom_it_was_made(clone: Clone) -> None:
    with zipfile.ZipFile(build(clone("a"))) as archive:
        marks = {(entry.date_time, entry.external_attr) for entry in archive.infolist()}

    assert marks == {((1980, 1, 1, 0, 0, 0), 0o100644 << 16)}


def test_what_did_not_change_is_not_built_again(clone: Clone) -> None:
    root = clone("a")
    first = build(root)
    made = first.stat().st_mtime_ns

    again = build(root)

    assert again == first
    assert again.stat().st_mtime_ns == made


def test_a_changed_line_makes_another_zip_of_the_same_dependencies(clone: Clone) -> None:
    root = clone("a")
    first = build(root)
    (root / "shared/src/erasure_shared/__init__.py").write_text("shout = 'oh'\n")

    second = build(root)

    assert second.name != first.name
    assert len(list(second.parent.glob("dependencies-*"))) == 1


def test_old_zips_go_and_no_half_zip_stays(clone: Clone) -> None:
    root = clone("a")
    for number in range(5):
        (root / "shared/src/erasure_shared/__init__.py").write_text(f"shout = {number}\n")
        build(root)

    left = [file.name for file in (root / ".local/build/local").iterdir()]

    assert len([name for name in left if name.startswith("purge-")]) == 3
    assert [name for name in left if name.startswith(".")] == []


def test_a_handler_that_needs_what_is_not_in_the_zip_is_no_zip(clone: Clone) -> None:
    root = clone("a")
    (root / "services/purge/src/erasure_purge/handler.py").write_text("import boto3\n")

    with pytest.raises(BuildFailed, match="No module named 'boto3'"):
        build(root)

    assert list((root / ".local/build/local").glob("purge-*")) == []


def test_a_package_that_is_not_the_pinned_one_is_refused(clone: Clone) -> None:
    root = clone("a")
    wrong = "small==1.0 --hash=sha256:" + "0" * 64
    (root / "services/purge/requirements.txt").write_text(wrong)

    with pytest.raises(BuildFailed, match="HASHES"):
        build(root)


def test_a_package_without_a_hash_is_refused(clone: Clone) -> None:
    root = clone("a")
    (root / "services/purge/requirements.txt").write_text("small==1.0\n")

    with pytest.raises(BuildFailed, match="--hash"):
        build(root)


def test_a_zip_that_lambda_would_refuse_is_refused_before() -> None:
    check_size("purge", UNZIPPED_LIMIT_BYTES)

    with pytest.raises(BuildFailed, match="purge: 262,144,001 bytes unzipped"):
        check_size("purge", UNZIPPED_LIMIT_BYTES + 1)


def test_a_service_that_does_not_exist_is_named(clone: Clone) -> None:
    builder = Builder(target("local"), root=clone("a"))

    with pytest.raises(BuildFailed, match="no service 'purgatory'"):
        builder.build("purgatory")


def test_a_target_that_does_not_exist_is_named() -> None:
    with pytest.raises(BuildFailed, match="no target 'aws-sparc'; there are local, aws-arm64"):
        target("aws-sparc")
