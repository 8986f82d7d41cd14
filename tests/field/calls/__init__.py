"""Odd calls of every public function, and what is right for each: ``python -m field.calls`` prints the counts."""

from __future__ import annotations

from field.calls.catalogue import Call, calls
from field.calls.verdict import Verdict, judge

__all__ = ["Call", "Verdict", "calls", "judge"]
