"""Athena over a lake in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import SecretStr

from erasure_location.core.deadline import Deadline
from erasure_shared import wiring
from erasure_shared.locations import Found, Identifier, StoreKind
from tests.property.purge.lake_rows import rows_in
from tests.property.purge.s3_model import S3Model
from tests.property.purge.stage import Stage

BUCKET = "lake"


class Search:
    """It reads one object after the other, as each is at its moment."""

    def __init__(
        self, s3: S3Model, keys: Sequence[str], stage: Stage, found_nobody: Callable[[str], None]
    ) -> None:
        self._s3 = s3
        self._keys = keys
        self._stage = stage
        self._found_nobody = found_nobody

    def declared(self) -> Any:
        return wiring.data_map()

    def search(
        self, store: Any, subjects: Sequence[SecretStr], deadline: Deadline
    ) -> tuple[Found, ...]:
        wanted = {subject.get_secret_value() for subject in subjects}
        findings = []
        present = self._s3.present_keys()
        for key in set(self._keys).difference(present):
            self._found_nobody(key)
        for key in present:
            self._stage.step()
            content = self._s3.present(key)
            there = sorted(wanted & {row[0] for row in rows_in(content)}) if content else []
            if there:
                identifiers = tuple(Identifier(SecretStr(one)) for one in there)
                address = f"s3://{BUCKET}/{key}"
                findings.append(Found(store.name, StoreKind.S3, address, identifiers))
            else:
                self._found_nobody(key)
        return tuple(findings)
