"""The numbered parts of the GDPR table in which identifiers lie, for no longer than needed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from erasure_shared.locations import MAX_PART_BYTES, Digest, Identifier
from erasure_shared.tables import PART_PREFIX, PartItem, part_sk

_DIGEST_BYTES = 66
"""Of a digest as JSON: a part has to fit into its item after the short ids have become digests."""


def write_identifiers(pk: str, owner: str, identifiers: Sequence[Identifier]) -> int:
    """Write the owner's identifiers over whatever it had; returns the number of parts."""
    packs = list(_packs([identifier.document() for identifier in identifiers]))
    return _write(pk, owner, packs)


def read_identifiers(pk: str, owner: str) -> tuple[Identifier, ...]:
    """The owner's identifiers; none once they were replaced by digests."""
    return tuple(
        Identifier.from_document(document)
        for part in _parts(pk, owner)
        if not part.digested
        for document in part.entries
    )


def read_names(pk: str, owner: str) -> Iterator[tuple[str, bool]]:
    """Whom the owner names: ids in clear, or digests (True) where they were replaced."""
    for part in _parts(pk, owner):
        for entry in part.entries:
            yield (entry, True) if part.digested else (entry["profile_id"], False)


def replace_identifiers(pk: str, digest: Digest) -> None:
    """Replace every identifier in the partition by its keyed digest; repeating changes nothing."""
    for part in PartItem.query(pk, PartItem.sk.startswith(PART_PREFIX), consistent_read=True):
        if not part.digested:
            digests = {digest("profile_id", entry["profile_id"]) for entry in part.entries}
            part.entries = sorted(digests)
            part.digested = True
            part.save()


def write_text(pk: str, owner: str, text: str) -> int:
    """Write the owner's text in parts; returns their number."""
    step = MAX_PART_BYTES // 6  # JSON writes a character in at most six bytes, or a pair in twelve
    return _write(pk, owner, [[text[at : at + step]] for at in range(0, len(text), step)])


def read_text(pk: str, owner: str) -> str:
    """The owner's text, or an empty one."""
    return "".join(part.entries[0] for part in _parts(pk, owner))


def delete_parts(pk: str, owner: str) -> None:
    """Delete the owner's parts; repeating changes nothing."""
    for part in _parts(pk, owner):
        part.delete()


def _write(pk: str, owner: str, packs: Sequence[list[Any]]) -> int:
    for number, entries in enumerate(packs):
        PartItem(pk, part_sk(owner, number), entries=entries).save()
    for part in _parts(pk, owner):
        if part.sk >= part_sk(owner, len(packs)):
            part.delete()
    return len(packs)


def _parts(pk: str, owner: str) -> Iterator[PartItem]:
    prefix = part_sk(owner, 0).removesuffix("000000")
    return iter(PartItem.query(pk, PartItem.sk.startswith(prefix), consistent_read=True))


def _packs(documents: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    pack: list[dict[str, Any]] = []
    size_bytes = 0
    for document in documents:
        document_bytes = max(len(json.dumps(document)), _DIGEST_BYTES) + 2
        if pack and size_bytes + document_bytes > MAX_PART_BYTES:
            yield pack
            pack, size_bytes = [], 0
        pack.append(document)
        size_bytes += document_bytes
    if pack:
        yield pack
