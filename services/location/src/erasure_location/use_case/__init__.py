"""What the location service does, in steps."""

from erasure_location.use_case.locating import Located, locate, relocate
from erasure_location.use_case.planning import Extent, PlanPorts, plan
from erasure_location.use_case.ports import Ports, Store, Unreadable, Unsearchable

__all__ = [
    "Extent",
    "Located",
    "PlanPorts",
    "Ports",
    "Store",
    "Unreadable",
    "Unsearchable",
    "locate",
    "plan",
    "relocate",
]
