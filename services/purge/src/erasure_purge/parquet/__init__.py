"""Erasing people from Parquet files at the cost of what is erased.

    plan = plan_erasure(LocalFile(path), "profile_id", ids)     # reads; writes nothing
    apply_plan(plan, LocalFile(path), path)                     # all or nothing

Usable without AWS. Only pages that hold an erased row are unpacked, cut and packed again; where
pages are of a kind that cannot be cut, the column chunk around them is written anew by pyarrow, and
proven. Every other byte is taken over as it is. What the engine cannot do safely it refuses by name
(`UnsupportedParquet`). People may be named by several columns together: then the column is a
sequence of names, and an id a tuple.
"""

from .apply import apply_plan, planned_bytes
from .errors import UnsupportedParquet
from .plan import plan_erasure
from .report import ErasurePlan, ErasureReport, GroupReport, Unit
from .scan import ScanReport, scan
from .segments import Copy, Put
from .source import InMemory, LocalFile, Source
from .verify import Verification, verify

__all__ = [
    "Copy",
    "ErasurePlan",
    "ErasureReport",
    "GroupReport",
    "InMemory",
    "LocalFile",
    "Put",
    "ScanReport",
    "Source",
    "Unit",
    "UnsupportedParquet",
    "Verification",
    "apply_plan",
    "plan_erasure",
    "planned_bytes",
    "scan",
    "verify",
]
