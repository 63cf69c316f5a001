"""Collecting what could not be erased, and carrying out what a person decides.

Every step may be repeated. The order of the steps is what makes a crash between any two of them
harmless: an error counts as decided only after everything that the decision asks for was done.
"""

from erasure_adjudication.use_case.collect import record_dead_letter
from erasure_adjudication.use_case.decide import Decided, dismiss, retry
from erasure_adjudication.use_case.ports import Collection, Desk

__all__ = ["Collection", "Decided", "Desk", "dismiss", "record_dead_letter", "retry"]
