"""Proportions with their intervals, and their printed table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from scorekit.metrics._statistics import share_interval

__all__ = ["Proportions", "table"]


class Proportions(NamedTuple):
    """Proportions ``(k,)`` and the ends of their exact intervals."""

    proportions: Any
    lower: Any
    upper: Any

    @classmethod
    def of(cls, counts: Any, n: int, level: float) -> Proportions:
        """The proportions of ``counts (k,)`` among ``n``."""
        return cls(counts / n, *share_interval(counts, n, level))


def table(title: str, names: Iterable[Any], found: Proportions, truth: Any, level: float) -> list[str]:
    """The lines of the table. A row is marked with a star if its interval misses the true proportion."""
    words = [str(name) for name in names]
    width = max(len(word) for word in [title, *words])
    known = truth is not None
    lines = [f"{title:{width}}  {' truth  ' if known else ''}proportion  {100 * level:g} % interval"]
    for k, (word, proportion, low, high) in enumerate(zip(words, *found, strict=True)):
        true = f"{truth[k]:6.4f}  " if known else ""
        mark = "  *" if known and not low <= truth[k] <= high else ""
        lines.append(f"{word:>{width}}  {true}{proportion:10.4f}  {low:6.4f} to {high:6.4f}{mark}")
    return lines
