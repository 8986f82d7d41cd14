"""Detect steps that are lost to rounding."""

from __future__ import annotations

import math

from scorekit._checks import warn
from scorekit.protocols import Array
from scorekit.samplers._context import Context
from scorekit.samplers._kernel import Row
from scorekit.samplers._linear import Coefficients

__all__ = ["Resolution"]


class Resolution:
    """Warn once if the noise of a step is smaller than the distance between neighboring numbers at the size of x.

    It compares two numbers per step, and reads no array.
    """

    def __init__(self, x: Array, context: Context) -> None:
        self._dtype, self._units = str(x.dtype).rpartition(".")[2], context.units
        self._relative = float(context.xp.finfo(x.dtype).eps)
        self._row: Row | None = None
        self._change = math.inf
        self._asked = False

    def check(self, row: Row, size: float, number: int) -> None:
        """Check the step ``number``, after which the root mean square of the entries is ``size``."""
        if row is not self._row:
            self._row, self._change = row, change_of(row)
        if self._change >= self._relative * size or self._asked or not size < math.inf:
            return
        self._asked = True
        remedy = "start from float64 points"
        if self._units is None:
            remedy += ", or move the data to the order of one: sk.models.standardized(model, mean, scale)"
        warn(
            f"step {number} changes x by about {self._change:.2g}, and neighboring {self._dtype} numbers of the size "
            f"of x, {size:.3g}, are {self._relative * size:.2g} apart: noise and score are lost to rounding. Use "
            f"larger steps, {remedy}."
        )


def change_of(row: Row) -> float:
    """About how much a step changes x: its noise, or its drift at a score of 1/sigma; infinite if unknown."""
    if isinstance(row.numbers, Coefficients):
        if row.numbers.c:
            return abs(row.numbers.c)
        return abs(row.numbers.b) / row.sigma if row.sigma else math.inf
    return math.inf if math.isnan(row.step_size) else math.sqrt(row.step_size)
