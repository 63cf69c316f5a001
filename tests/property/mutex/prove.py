"""The long mode of the mutex's properties, for the night.

    python -m tests.property.mutex.prove --minutes 30 [--seed 1]

Prints its seed, and a summary; ends with an error at the first broken rule, with the shrunk bytes
that break it.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.property.mutex.properties import DECISIONS, PROPERTIES

EXAMPLES_AT_ONCE = 1_000
scripts = st.binary(min_size=DECISIONS, max_size=DECISIONS)
at_once = settings(
    max_examples=EXAMPLES_AT_ONCE,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def prove(minutes: float, first_seed: int) -> Counter[str]:
    """Search with one seed after another until the time is over; at least once everywhere."""
    examples: Counter[str] = Counter()
    end_s = time.monotonic() + minutes * 60
    number = first_seed
    while number == first_seed or time.monotonic() < end_s:
        for prop in PROPERTIES:
            _search(prop, number, examples)
        number += 1
    return examples


def _search(prop: Callable[[bytes], None], number: int, examples: Counter[str]) -> None:
    @seed(number)
    @at_once
    @given(scripts)
    def search(decisions: bytes) -> None:
        examples[prop.__name__] += 1
        prop(decisions)

    search()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Search for a broken rule of the mutex.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000_000))
    arguments = parser.parse_args()
    say = sys.stdout.write
    say(f"mutex: searching for {arguments.minutes:g} minutes, first seed {arguments.seed}\n")
    sys.stdout.flush()
    began_s = time.monotonic()
    examples = prove(arguments.minutes, arguments.seed)
    for name, count in examples.items():
        say(f"{count:>9,}  {name.replace('_', ' ')}\n")
    took_s = time.monotonic() - began_s
    say(f"{examples.total():>9,}  examples in {took_s:.0f} s, no rule broken\n")


if __name__ == "__main__":
    main()
