"""Proportions with their intervals, and their printed table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from scorekit._tables import html_table
from scorekit.metrics._statistics import share_interval

__all__ = ["Proportions", "html", "table"]


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
    for word, *true, proportion, interval, mark in _rows(words, found, truth):
        lines.append(f"{word:>{width}}  {f'{true[0]}  ' if known else ''}{proportion:>10}  {interval}{mark and '  *'}")
    return lines


def html(title: str, names: Iterable[Any], found: Proportions, truth: Any, level: float, note: str) -> str:
    """The same as an HTML table."""
    header = (title, *(() if truth is None else ("truth",)), "proportion", f"{100 * level:g} % interval", "")
    return html_table(header, _rows(names, found, truth), note)


def _rows(names: Iterable[Any], found: Proportions, truth: Any) -> Iterator[tuple[str, ...]]:
    """The cells of each row: name, truth if it is known, proportion, interval, star."""
    for k, (name, proportion, low, high) in enumerate(zip(names, *found, strict=True)):
        true = () if truth is None else (f"{truth[k]:6.4f}",)
        missed = truth is not None and not low <= truth[k] <= high
        yield (str(name), *true, f"{proportion:.4f}", f"{low:6.4f} to {high:6.4f}", "*" if missed else "")
