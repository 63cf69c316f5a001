"""Files that somebody locked: their footer is readable, and still nothing of them may change."""

from __future__ import annotations

import base64
import struct
from io import BytesIO
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from erasure_purge.engine import erase
from erasure_purge.parquet import InMemory
from erasure_purge.parquet.footer import MAGIC, FileField, read_footer
from erasure_purge.parquet.thrift_compact import Kind, Struct, encode
from erasure_shared.errors import Rejected
from tests.unit.purge.parquet_files import parquet, table_of


class Locked(InMemory):
    """Content at hand."""

    bytes_read = 0

    def whole(self) -> BinaryIO:
        return BytesIO(self.data)


class OpenVault(pe.KmsClient):  # type: ignore[misc]  # pyarrow has no types for it
    """Keys are wrapped in nothing."""

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        del master_key_identifier
        return base64.b64encode(key_bytes)

    def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
        del master_key_identifier
        return base64.b64decode(wrapped_key)


def encrypted(table: pa.Table, *, column: str) -> bytes:
    """One column encrypted; the footer is plaintext, and signed."""
    factory = pe.CryptoFactory(lambda _: OpenVault())
    how = pe.EncryptionConfiguration(
        footer_key="footer", column_keys={"key": [column]}, plaintext_footer=True
    )
    properties = factory.file_encryption_properties(pe.KmsConnectionConfig(), how)
    file = BytesIO()
    pq.write_table(table, file, encryption_properties=properties)
    return file.getvalue()


def followed_by(content: bytes, after_footer: bytes, *, signing_key: bytes = b"") -> bytes:
    footer = read_footer(InMemory(content))
    if signing_key:
        footer.document.set(FileField.ENCRYPTION, Kind.STRUCT, Struct())
        footer.document.set(FileField.SIGNING_KEY, Kind.BINARY, signing_key)
    raw = encode(footer.document) + after_footer
    return content[: footer.offset] + raw + struct.pack("<I4s", len(raw), MAGIC)


def refusal_of(content: bytes) -> str:
    with pytest.raises(Rejected) as refusal:
        erase(Locked(content), "profile_id", ["person-1"])
    return refusal.value.reason_code


def test_one_encrypted_column_under_a_plaintext_footer_is_a_refusal() -> None:
    content = encrypted(table_of(9), column="note")

    assert refusal_of(content) == "ENCRYPTED_PARQUET"


def test_a_signed_footer_is_a_refusal_of_its_own() -> None:
    content = followed_by(parquet(table_of(9)), b"S" * 28, signing_key=b"key")

    assert refusal_of(content) == "SIGNED_PARQUET"


def test_bytes_after_the_footer_are_no_reason_to_rewrite_the_file_as_a_whole() -> None:
    content = followed_by(parquet(table_of(9)), b"\0")

    assert refusal_of(content) == "UNREADABLE_PARQUET"
