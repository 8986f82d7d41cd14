"""A row of the table: what it holds, and how it is printed."""

from __future__ import annotations

from typing import NamedTuple


class Times(NamedTuple):
    """Milliseconds of single runs."""

    least: float
    median: float
    most: float


class Row(NamedTuple):
    """One line of the table; what was not measured is None.

    ``error`` is relative, against float64 on the CPU, and right up to ``allowed``. ``a_second`` counts images, samples
    or steps of chains. ``peak_mib`` is the memory of a run above what was held before it: weights, moments and batch.
    ``share`` is the part of the rate that a large product of matrices of the same precision reaches on this device.
    """

    case: str
    variant: str
    error: float | None = None
    allowed: float | None = None
    times: Times | None = None
    a_second: float | None = None
    peak_mib: float | None = None
    share: float | None = None
    note: str = ""
    failed: bool = False

    @property
    def wrong(self) -> bool:
        """Is a number wrong, or did the case fail?"""
        return self.failed or (self.error is not None and not self.error <= self.allowed)

    @property
    def verdict(self) -> str:
        """ok, WRONG, or nothing where nothing was compared."""
        return "WRONG" if self.wrong else "" if self.error is None else "ok"


COLUMNS = {
    "case": 30,
    "variant": 18,
    "error": -9,
    "": 5,
    "ms a step": -10,
    "(range)": 18,
    "a second": -15,
    "peak MiB": -9,
    "of rate": -8,
}
"""Titles and widths; a negative width is of numbers, which end together."""


def cells(row: Row) -> list[str]:
    """One text a column."""

    def shown(value, form):
        return "-" if value is None else format(value, form)

    median, spread = "-", ""
    if row.times is not None:
        median, spread = f"{row.times.median:.3f}", f"({row.times.least:.3f}–{row.times.most:.3f})"
    numbers = [shown(row.a_second, ",.0f"), shown(row.peak_mib, ",.0f"), shown(row.share, ".1%")]
    return [row.case, row.variant, shown(row.error, ".1e"), row.verdict, median, spread, *numbers]


def _in_columns(texts: list[str]) -> str:
    pairs = zip(texts, COLUMNS.values(), strict=True)
    return " ".join(f"{text:>{-width}s}" if width < 0 else f"{text:{width}s}" for text, width in pairs)


HEADER = _in_columns(list(COLUMNS))


def line(row: Row) -> str:
    """The row as it is printed; a note stands behind it."""
    return f"{_in_columns(cells(row))}  {row.note}".rstrip()
