"""How long is searched: ERASURE_FUZZ_EXAMPLES=2000 makes a long run of it."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

fuzz = settings(
    max_examples=int(os.environ.get("ERASURE_FUZZ_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
)
