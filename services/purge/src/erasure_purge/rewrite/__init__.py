"""Erases rows from a Parquet file: bytes in, verified bytes out, nothing else.

`erase` is the whole face: another engine takes its place by having the same signature.
"""

from erasure_purge.rewrite.engine import erase

__all__ = ["erase"]
